package review

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"webproxy/config"
	"webproxy/internal/hint"
	"webproxy/internal/wording"
	"webproxy/learn"
	"webproxy/policy"
)

// ErrBuiltIn says that there is no file to change: the configuration is the one in the program.
var ErrBuiltIn = errors.New("the built-in configuration has no file that could be changed")

// A Writer says in whose name decisions are carried out, and where approvals go.
type Writer struct {
	Config *config.Config
	By     string // who; must not be empty
	List   string // list file as policy.rules names it; empty for the first that holds for the group
}

// A RejectedDomain is a domain of which all names are rejected for a group.
type RejectedDomain struct{ Group, Domain, Reason string }

// An Application is the answers of a person, carried out in memory. Nothing is written before Commit.
type Application struct {
	Change
	// Replaced are the wildcards in force below which names were approved or rejected: they still allow all names.
	Replaced []string

	writer    Writer
	decisions learn.Decisions
	answered  []learn.Item   // to be remembered
	added     map[string]int // number of lines, by list file as the configuration names it
	count     map[learn.Answer]int
	kinds     map[learn.Kind]int // number of approved lines
	now       time.Time
}

// Apply carries out, in memory, the answers of items, and rejects domains. A line that a list has already is not added again.
func (w Writer) Apply(items []learn.Item, domains ...RejectedDomain) (*Application, error) {
	if w.Config.Path == "" {
		return nil, ErrBuiltIn
	}
	a := &Application{
		Change: newChange(w.Config), Replaced: replaced(items), writer: w, now: time.Now(),
		added: map[string]int{}, count: map[learn.Answer]int{}, kinds: map[learn.Kind]int{},
	}
	path := config.DecisionsPath(w.Config.Path)
	data, err := a.read(path)
	if err != nil {
		return nil, err
	}
	if a.decisions, err = learn.ParseDecisions(data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	before := slices.Clone(a.decisions.Decided)
	for _, d := range domains {
		a.decisions.RejectDomain(d.Group, d.Domain, w.By, d.Reason, a.now)
		a.count[learn.Reject]++
	}
	for _, item := range items {
		if err := a.take(item); err != nil {
			return nil, err
		}
	}
	a.decisions.RememberAll(a.answered, a.now)
	if !slices.Equal(before, a.decisions.Decided) {
		if a.files[path], err = a.decisions.Encode(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// replaced returns the wildcards in force below which items were approved or rejected.
func replaced(items []learn.Item) []string {
	var all []string
	for _, i := range items {
		if i.Replaces != "" && i.Answer != learn.Pending && i.Answer != learn.Snooze && !slices.Contains(all, i.Replaces) {
			all = append(all, i.Replaces)
		}
	}
	return all
}

// take carries out the answer of one item, in memory.
func (a *Application) take(item learn.Item) error {
	if item.By == "" {
		item.By = a.writer.By
	}
	a.count[item.Answer]++
	if item.Answer != learn.Pending {
		a.answered = append(a.answered, item)
	}
	lines, err := item.Lines()
	if err == nil {
		err = item.CheckExpiry(a.now)
	}
	if err != nil || len(lines) == 0 {
		return err
	}
	a.kinds[kindOf(item)] += len(lines)
	rule, err := a.writer.ListFor(item.Group)
	if err != nil {
		return err
	}
	return a.append(rule.File, lines)
}

// kindOf is the kind of the lines that an answer adds. A plan may leave it out.
func kindOf(item learn.Item) learn.Kind {
	switch {
	case item.Kind != "" && item.Answer == learn.Approve:
		return item.Kind
	case strings.Contains(item.Entry, "*") && item.Answer == learn.Approve:
		return learn.Wildcard
	}
	return learn.Exact
}

// append adds lines to a list file, except those that it has.
func (a *Application) append(file string, lines []string) error {
	path := filepath.FromSlash(file)
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(a.cfg.Path), path)
	}
	data, err := a.read(path)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if learn.HasLine(data, l) {
			continue
		}
		data = learn.AppendLines(data, []string{l})
		a.files[path] = data
		a.added[file]++
	}
	return nil
}

// Answers returns how many answers of each kind were carried out.
func (a *Application) Answers() map[learn.Answer]int { return maps.Clone(a.count) }

// Added returns how many lines are added to each list file, by its name in the configuration.
func (a *Application) Added() map[string]int { return maps.Clone(a.added) }

// Summary is "approved 6 (1 catalog, 2 wildcard, 3 exact), rejected 2, snoozed 1 -> lists/approved.txt (+6)".
func (a *Application) Summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "approved %d", a.count[learn.Approve]+a.count[learn.Narrow])
	var kinds []string
	for _, k := range []learn.Kind{learn.FromCatalog, learn.Wildcard, learn.Exact} {
		if n := a.kinds[k]; n > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s", n, k))
		}
	}
	if len(kinds) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(kinds, ", "))
	}
	fmt.Fprintf(&b, ", rejected %d, snoozed %d", a.count[learn.Reject], a.count[learn.Snooze])
	if n := a.count[learn.Pending]; n > 0 {
		fmt.Fprintf(&b, ", pending %d", n)
	}
	arrow := " -> "
	told := map[string]bool{}
	for _, r := range a.cfg.Policy.Rules { // in their order
		if n := a.added[r.File]; n > 0 && !told[r.File] {
			fmt.Fprintf(&b, "%s%s (+%d)", arrow, r.File, n)
			arrow = ", "
			told[r.File] = true
		}
	}
	return b.String()
}

// ListFor returns the rule to whose list file approvals for group go: that of w.List, else one for this group alone, else one
// for all groups, else one for this group among others.
func (w Writer) ListFor(group string) (policy.RuleSpec, error) {
	var found policy.RuleSpec
	best := 0
	for _, r := range w.Config.Policy.Rules {
		rank := 0
		switch {
		case r.File == "" || r.Deny || w.List != "" && r.File != w.List:
		case len(r.For) == 1 && r.For[0] == group:
			rank = 3
		case len(r.For) == 0:
			rank = 2
		case slices.Contains(r.For, group):
			rank = 1
		}
		if rank > best {
			best, found = rank, r
		}
	}
	if best > 0 {
		return found, nil
	}
	what := "no rule with a list file holds for group " + group
	if w.List != "" {
		what = fmt.Sprintf("no rule that holds for group %s has the list file %s", group, w.List)
	}
	return found, hint.With(errors.New(what), "add a rule to policy.rules: { id: approved, file: lists/approved.txt }")
}

// GoesTo says to which list approvals for group go, and for which groups that list is.
func (w Writer) GoesTo(group string) string {
	r, err := w.ListFor(group)
	switch {
	case err != nil:
		return "no list yet: " + err.Error()
	case len(r.For) == 1:
		return fmt.Sprintf("%s, for group %s alone", r.File, group)
	case len(r.For) > 1:
		return fmt.Sprintf("%s, for %s", r.File, wording.Plural(len(r.For), "group"))
	}
	return r.File + ", for all groups"
}
