package learn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"webproxy/policy"
)

// A Plan is proposals in a file, for people who answer them in an editor, and for git.
type Plan struct {
	Made   time.Time `yaml:"made"`
	From   time.Time `yaml:"from"`   // what was read of the log
	To     time.Time `yaml:"to"`     //
	Policy string    `yaml:"policy"` // digest of the one in force
	// Cases are answers for several of the proposals at once.
	Cases []PlanCase `yaml:"cases,omitempty"`
	Items []Item     `yaml:"proposals"`
}

// A PlanCase is proposals that have something in common, and one answer for those that have no answer of their own.
type PlanCase struct {
	Group  string   `yaml:"group" json:"group"`
	About  string   `yaml:"about" json:"about"`
	Domain string   `yaml:"domain,omitempty" json:"domain,omitempty"`
	Client string   `yaml:"client,omitempty" json:"client,omitempty"`
	Days   []string `yaml:"days,omitempty,flow" json:"days,omitempty"`
	// Answer is pending or reject, or approve where all names are of one domain.
	Answer    Answer   `yaml:"answer" json:"answer"`
	Reason    string   `yaml:"reason" json:"reason"`
	Suspicion int      `yaml:"suspicion" json:"suspicion"`
	Entries   []string `yaml:"entries" json:"entries"`
}

// NewPlanCases returns the cases of more than one proposal, pending.
func NewPlanCases(list []*Proposal) []PlanCase {
	all := []PlanCase{}
	for _, c := range Cases(list) {
		if len(c.Proposals) > 1 {
			all = append(all, PlanCase{Group: c.Group, About: c.String(), Domain: c.Domain, Client: c.Client, Days: c.Days,
				Answer: Pending, Suspicion: c.Suspicion(), Entries: c.Entries()})
		}
	}
	return all
}

// spread gives the answer of each case to its proposals that are pending.
func (p *Plan) spread() error {
	for i, c := range p.Cases {
		switch c.Answer {
		case Pending:
			continue
		case Reject:
		case Approve:
			if c.Domain == "" {
				return fmt.Errorf("cases[%d]: only names of one domain can be approved together; answer the proposals", i)
			}
		default:
			return fmt.Errorf("cases[%d]: answer %q: want pending, reject or approve", i, c.Answer)
		}
		for j := range p.Items {
			item := &p.Items[j]
			if item.Group == c.Group && item.Answer == Pending && slices.Contains(c.Entries, item.Entry) {
				item.Answer, item.Reason = c.Answer, c.Reason
			}
		}
	}
	return nil
}

// An Item is one proposal, and the answer to it.
type Item struct {
	Group string `yaml:"group" json:"group"`
	Entry string `yaml:"entry" json:"entry"`
	// Answer is pending, approve, exact, reject or snooze.
	Answer  Answer `yaml:"answer" json:"answer"`
	Reason  string `yaml:"reason" json:"reason"`
	Expires string `yaml:"expires" json:"expires"`
	By      string `yaml:"by,omitempty" json:"by"`
	// Bulk says that it may be approved together with others, without a closer look.
	Bulk       bool `yaml:"bulk" json:"bulk"`
	Kind       Kind `yaml:"kind" json:"kind"`
	Confidence int  `yaml:"confidence" json:"confidence"`
	Excess     int  `yaml:"excess" json:"excess"`
	Suspicion  int  `yaml:"suspicion" json:"suspicion"`
	// Replaces is the wildcard in force that allows it today.
	Replaces string   `yaml:"replaces,omitempty" json:"replaces,omitempty"`
	Evidence string   `yaml:"evidence" json:"evidence"`
	Hosts    []string `yaml:"hosts,flow" json:"hosts"`
	Why      []string `yaml:"why,omitempty" json:"why"`
	Concerns []string `yaml:"concerns,omitempty" json:"concerns"`
	Ladder   []string `yaml:"ladder,omitempty" json:"ladder"`
}

const planHeader = `# Proposals of webproxy learn review --plan. Set answer to one of
#   approve  the entry as it is        exact   one entry for each of hosts, instead
#   reject   never propose it again    snooze  propose it again in 14 days      pending  leave it
# A case answers all its proposals that have no answer of their own. Give a reason, and if wanted expires: 2027-12-31, then: webproxy learn apply FILE
`

// NewPlan makes a Plan of proposals, all pending.
func NewPlan(made time.Time, seen *Observations, set *policy.Set, proposals []*Proposal) *Plan {
	p := &Plan{Made: made.UTC().Truncate(time.Second), From: seen.First, To: seen.Last, Policy: set.Digest(), Cases: NewPlanCases(proposals), Items: []Item{}}
	for _, prop := range proposals {
		p.Items = append(p.Items, prop.Item())
	}
	return p
}

// Item is p as a plan has it, pending.
func (p *Proposal) Item() Item {
	i := Item{
		Group: p.Group, Entry: p.Entry, Answer: Pending, Bulk: p.Bulk(), Kind: p.Kind, Confidence: p.Confidence, Excess: p.Excess, Suspicion: p.Suspicion, Replaces: p.Replaces,
		Evidence: p.Evidence.String(), Hosts: p.Hosts(), Concerns: p.Concerns,
	}
	i.Why = append(append(i.Why, p.Sure...), p.Wide...)
	if p.Hint != "" {
		i.Why = append(i.Why, p.Hint)
	}
	for _, r := range p.Generalizations {
		i.Ladder = append(i.Ladder, r.String())
	}
	return i
}

// String is "clients 4/4, days 12, hits 1081, last 2026-11-20".
func (e Evidence) String() string {
	s := fmt.Sprintf("clients %d/%d, days %d, hits %d, %s to %s", e.Clients, e.GroupClients, e.Days, e.Hits,
		e.First.UTC().Format(time.DateOnly), e.Last.UTC().Format(time.DateOnly))
	if e.Refused > 0 {
		s += fmt.Sprintf(", %d of them refused", e.Refused)
	}
	return s
}

// String says what the candidate would admit that the one before it does not.
func (r Generalization) String() string {
	s := r.Entry
	if n := len(r.Seen); n > 0 {
		s += fmt.Sprintf("  +%d seen (%s)", n, some(r.Seen))
	}
	if n := len(r.Listed); n > 0 {
		s += fmt.Sprintf("  +%d of the catalog (%s)", n, some(r.Listed))
	}
	if len(r.Seen)+len(r.Listed) == 0 {
		s += "  no other name known"
	}
	if r.Floor != "" {
		s += "  never proposed: " + r.Floor
	} else if r.Unlisted != "" {
		s += "  only if you ask for it: " + r.Unlisted
	}
	return s
}

// some are the first of names.
func some(names []string) string {
	const most = 3
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}

// Encode writes p as YAML.
func (p *Plan) Encode(w io.Writer) error {
	if _, err := io.WriteString(w, planHeader); err != nil {
		return err
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(p); err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	return enc.Close()
}

// ParsePlan reads a Plan, strictly: a misspelt answer is an error, not a pending one.
func ParsePlan(data []byte) (*Plan, error) {
	p := new(Plan)
	if err := decodeStrict(data, p); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if err := p.spread(); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	var errs []error
	for i := range p.Items {
		if err := p.Items[i].check(); err != nil {
			errs = append(errs, fmt.Errorf("proposals[%d]: %w", i, err))
		}
	}
	return p, errors.Join(errs...)
}

// check says what is wrong with an answer.
func (i *Item) check() error {
	switch i.Answer {
	case Pending, Reject, Snooze:
		return nil
	case Approve, Narrow:
		_, err := i.Lines()
		return err
	}
	return fmt.Errorf("%s: answer %q: want pending, approve, exact, reject or snooze", i.Entry, i.Answer)
}

// Lines returns the list lines that an approval adds; nil for other answers. A wildcard that must not be proposed is refused
// here too: people can still write it into the list by hand.
func (i *Item) Lines() ([]string, error) {
	if i.Answer != Approve && i.Answer != Narrow {
		return nil, nil
	}
	e, err := policy.ParseEntry(i.Entry)
	switch {
	case err != nil:
		return nil, fmt.Errorf("entry %q: %w", i.Entry, err)
	case e.Host == policy.Pattern{}:
		return nil, fmt.Errorf("entry %q names no host", i.Entry)
	case strings.TrimSpace(i.Reason) == "":
		return nil, fmt.Errorf("%s: no reason: say why, such as a ticket", i.Entry)
	}
	e.By, e.Reason = i.By, i.Reason
	if i.Expires != "" {
		if err := e.Expires.UnmarshalText([]byte(i.Expires)); err != nil {
			return nil, fmt.Errorf("%s: %w", i.Entry, err)
		}
	}
	hosts := []policy.Pattern{e.Host}
	if i.Answer == Narrow {
		if hosts, err = patterns(i.Hosts); err != nil {
			return nil, fmt.Errorf("%s: %w", i.Entry, err)
		}
	}
	var lines []string
	for _, h := range hosts {
		if why := tooWide(h); why != "" {
			return nil, fmt.Errorf("%s is too wide to be approved here: %s", h, why)
		}
		e.Host = h
		line := e.String()
		if _, err := policy.ParseEntry(line); err != nil {
			return nil, fmt.Errorf("%s: %w", i.Entry, err)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// CheckExpiry returns an error if the answer is an approval that has ended before now: its lines would allow nothing.
func (i *Item) CheckExpiry(now time.Time) error {
	if i.Expires == "" || i.Answer != Approve && i.Answer != Narrow {
		return nil
	}
	var x policy.Expiry
	if err := x.UnmarshalText([]byte(i.Expires)); err != nil {
		return fmt.Errorf("%s: %w", i.Entry, err)
	}
	if !now.Before(x.Time()) {
		return fmt.Errorf("%s: expires %s is in the past: it would allow nothing", i.Entry, i.Expires)
	}
	return nil
}

func patterns(hosts []string) ([]policy.Pattern, error) {
	if len(hosts) == 0 {
		return nil, errors.New("names no hosts")
	}
	var all []policy.Pattern
	for _, h := range hosts {
		p, err := policy.ParsePattern(h)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// decodeStrict reads YAML into v and refuses unknown settings.
func decodeStrict(data []byte, v any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
