package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/internal/hint"
	"webproxy/learn"
	"webproxy/policy"
)

// writeFlags say where approvals go.
type writeFlags struct{ list, by *string }

func addWriteFlags(cmd *cobra.Command) writeFlags {
	return writeFlags{
		list: cmd.Flags().String("list", "", "list `FILE` that approvals go to, as policy.rules names it (default: the first that holds for the group)"),
		by:   cmd.Flags().String("by", "", "who approves (default: the user who runs this)"),
	}
}

// who is the person in whose name things are written.
func (f writeFlags) who() string {
	if *f.by != "" {
		return *f.by
	}
	return userName()
}

func newLearnApply() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply PLAN",
		Short: "Carry out the answers in a plan",
		Long: `Apply carries out the answers in a file that learn review --plan wrote: it adds approved entries to the list
file, with by, reason and expires, and keeps every other byte of it; it remembers what was rejected or put off
in learn.yaml. All of the plan holds, or nothing of it. What is approved already is passed over, so that a plan can
be applied twice. Each approval and rejection is a record of the audit log.`,
		Example: "  webproxy learn apply plan.yaml",
		Args:    cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	to := addWriteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return to.applyFile(cmd, *file, args[0]) }
	return cmd
}

// applyFile carries out the answers in the plan at path.
func (f writeFlags) applyFile(cmd *cobra.Command, configFile, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	plan, err := learn.ParsePlan(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	cfg, err := loadConfig(configFile)
	if err != nil {
		return err
	}
	return f.apply(cmd, cfg, plan.Items)
}

// An application is the answers of a person being carried out.
type application struct {
	writeFlags
	change
	past  learn.Past
	added map[string]int // lines, by list file as the configuration names it
	count map[learn.Answer]int
	kinds map[learn.Kind]int // of what is approved
	now   time.Time
}

// apply carries out the answers of items, and rejects domains.
func (f writeFlags) apply(cmd *cobra.Command, cfg *config.Config, items []learn.Item, domains ...rejectedDomain) error {
	if cfg.Path == "" {
		return hint.With(errors.New("the built-in configuration has no list to add to"), "webproxy init writes a configuration to start from")
	}
	a := application{
		writeFlags: f, change: change{cfg: cfg, files: map[string][]byte{}}, now: time.Now(),
		added: map[string]int{}, count: map[learn.Answer]int{}, kinds: map[learn.Kind]int{},
	}
	var err error
	if a.past, err = readPast(cfg); err != nil {
		return err
	}
	before := slices.Clone(a.past.Decided)
	for _, d := range domains {
		a.past.RejectDomain(d.group, d.domain, f.who(), d.reason, a.now)
		a.count[learn.Reject]++
	}
	for _, item := range items {
		if err := a.take(item); err != nil {
			return err
		}
	}
	if !slices.Equal(before, a.past.Decided) {
		text, err := a.past.Encode()
		if err != nil {
			return err
		}
		a.files[config.PastPath(cfg.Path)] = text
	}
	fmt.Fprintln(cmd.ErrOrStderr(), a.summary())
	for _, wildcard := range replaced(items) {
		sayHint(cmd.ErrOrStderr(), wildcard+" still allows all names there, rejected ones too: remove it once all that are needed are approved")
	}
	if len(a.files) == 0 {
		return nil
	}
	return a.commit(cmd)
}

// replaced are the wildcards in force in whose place items were approved, or whose names were rejected.
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
func (a *application) take(item learn.Item) error {
	if item.By == "" {
		item.By = a.who()
	}
	a.count[item.Answer]++
	if item.Answer != learn.Pending {
		a.past.Remember(item, item.By, a.now)
	}
	lines, err := item.Lines()
	if err != nil || len(lines) == 0 {
		return err
	}
	a.kinds[kindOf(item)] += len(lines)
	rule, err := a.listFor(a.cfg, item.Group)
	if err != nil {
		return err
	}
	return a.append(rule.File, lines)
}

// kindOf is what kind of lines an answer leads to. A plan need not say.
func kindOf(item learn.Item) learn.Kind {
	switch {
	case item.Kind != "" && item.Answer == learn.Approve:
		return item.Kind
	case strings.Contains(item.Entry, "*") && item.Answer == learn.Approve:
		return learn.Wildcard
	}
	return learn.Exact
}

// append adds lines to a list file, but for those that it has.
func (a *application) append(file string, lines []string) error {
	path := filepath.FromSlash(file)
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(a.cfg.Path), path)
	}
	data, ours := a.files[path]
	if !ours {
		var err error
		if data, err = os.ReadFile(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
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

// summary is "approved 6 (1 catalog, 2 wildcard, 3 exact), rejected 2, snoozed 1 -> lists/approved.txt (+6)".
func (a *application) summary() string {
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
	for _, r := range a.cfg.Policy.Rules { // in their order
		if n := a.added[r.File]; n > 0 {
			fmt.Fprintf(&b, "%s%s (+%d)", arrow, r.File, n)
			arrow = ", "
			delete(a.added, r.File)
		}
	}
	return b.String()
}

// listFor is the rule to whose list file what is approved for group goes: that of --list, else one for this
// group alone, else one for all groups, else one for this group among others.
func (f writeFlags) listFor(cfg *config.Config, group string) (policy.RuleSpec, error) {
	var found policy.RuleSpec
	best := 0
	for _, r := range cfg.Policy.Rules {
		rank := 0
		switch {
		case r.File == "" || r.Deny || *f.list != "" && r.File != *f.list:
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
	if *f.list != "" {
		what = fmt.Sprintf("no rule that holds for group %s has the list file %s", group, *f.list)
	}
	return found, hint.With(errors.New(what), "add a rule to policy.rules: { id: approved, file: lists/approved.txt }")
}

// readPast is what was decided before.
func readPast(cfg *config.Config) (learn.Past, error) {
	past, err := learn.ParsePast(cfg.Past)
	if err != nil {
		return past, fmt.Errorf("%s: %w", config.PastPath(cfg.Path), err)
	}
	return past, nil
}
