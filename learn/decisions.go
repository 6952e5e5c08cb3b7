package learn

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"webproxy/policy"
)

// Decisions are the earlier decisions of people, except approvals, which are in the list file.
type Decisions struct {
	Decided []Decided `yaml:"decided,omitempty"`
	// Switched says who last switched the mode of a group by a command, and why.
	Switched map[string]Switch `yaml:"switched,omitempty"`
}

// A Switch is one change of a group's mode.
type Switch struct {
	Mode   policy.Mode `yaml:"mode"`
	By     string      `yaml:"by,omitempty"`
	Reason string      `yaml:"reason,omitempty"`
	At     time.Time   `yaml:"at"`
}

// A Decided is one proposal that was rejected, or put off.
type Decided struct {
	Group string `yaml:"group"`
	Entry string `yaml:"entry,omitempty"`
	// Domain, instead of Entry, is a domain of which all names were rejected, future ones included.
	Domain string    `yaml:"domain,omitempty"`
	Answer Answer    `yaml:"answer"`
	By     string    `yaml:"by,omitempty"`
	Reason string    `yaml:"reason,omitempty"`
	At     time.Time `yaml:"at"`
	// Until is when a snoozed proposal is shown again.
	Until time.Time `yaml:"until,omitempty"`
}

// An Answer is a person's answer to a proposal. The words are those of a plan.
type Answer string

const (
	Pending Answer = "pending" // nothing yet
	Approve Answer = "approve" // the entry as it is
	Narrow  Answer = "exact"   // the names seen, one entry each
	Reject  Answer = "reject"  // never again
	Snooze  Answer = "snooze"  // later
)

// snoozeFor is how long a proposal is put off.
const snoozeFor = 14 * 24 * time.Hour

// SwitchedTo records who switched a group's mode.
func (p *Decisions) SwitchedTo(group string, s Switch) {
	s.At = s.At.UTC().Truncate(time.Second)
	p.Switched = maps.Clone(p.Switched)
	if p.Switched == nil {
		p.Switched = map[string]Switch{}
	}
	p.Switched[group] = s
}

const decisionsHeader = "# Proposals that were rejected or put off, and who switched modes. Written by webproxy; delete an item to be asked again.\n"

// ParseDecisions reads what Encode wrote; empty data is the zero Decisions.
func ParseDecisions(data []byte) (Decisions, error) {
	var p Decisions
	if err := decodeStrict(data, &p); err != nil {
		return Decisions{}, fmt.Errorf("read decisions: %w", err)
	}
	for i, d := range p.Decided {
		if d.Group == "" || (d.Entry == "") == (d.Domain == "") || d.Answer != Reject && (d.Answer != Snooze || d.Domain != "") {
			return Decisions{}, fmt.Errorf("read decisions: decided[%d]: want group, entry or domain, and the answer reject or snooze", i)
		}
	}
	return p, nil
}

// RejectDomain records that by rejected all names of domain for group, and why.
func (p *Decisions) RejectDomain(group, domain, by, reason string, now time.Time) {
	p.Decided = slices.DeleteFunc(slices.Clone(p.Decided), func(d Decided) bool { return d.Group == group && d.Domain == domain })
	p.Decided = append(p.Decided, Decided{Group: group, Domain: domain, Answer: Reject, By: by, Reason: reason, At: now.UTC().Truncate(time.Second)})
}

// Encode is p as its file has it.
func (p Decisions) Encode() ([]byte, error) {
	text, err := yaml.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode decisions: %w", err)
	}
	return append([]byte(decisionsHeader), text...), nil
}

// Remember is RememberAll for one item, answered by somebody.
func (p *Decisions) Remember(i Item, by string, now time.Time) {
	i.By = by
	p.RememberAll([]Item{i}, now)
}

// RememberAll adds the rejections and snoozes among items, in place of earlier ones; of several about one entry the last
// counts. Snoozes that are over are dropped.
func (p *Decisions) RememberAll(items []Item, now time.Time) {
	type key struct{ group, entry string }
	last := make(map[key]int, len(items))
	for n, i := range items {
		last[key{i.Group, i.Entry}] = n
	}
	p.Decided = slices.DeleteFunc(p.Decided, func(d Decided) bool {
		_, again := last[key{d.Group, d.Entry}]
		return d.Domain == "" && again || d.Answer == Snooze && !now.Before(d.Until)
	})
	for n, i := range items {
		if last[key{i.Group, i.Entry}] != n || i.Answer != Reject && i.Answer != Snooze {
			continue
		}
		d := Decided{Group: i.Group, Entry: i.Entry, Answer: i.Answer, By: i.By, Reason: i.Reason, At: now.UTC().Truncate(time.Second)}
		if i.Answer == Snooze {
			d.Until = d.At.Add(snoozeFor)
		}
		p.Decided = append(p.Decided, d)
	}
}
