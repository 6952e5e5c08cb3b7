package learn

import (
	"slices"
	"time"

	"webproxy/policy"
)

// A decisionIndex finds decisions about one group by entry and by host: there may be as many decisions as proposals.
type decisionIndex struct {
	hidden   map[string]bool // entries that are not to be shown again
	rejected map[string]bool // of them, those that were rejected
	domains  []Scope         // rejected domains
	parsed   []rejection     // the rejected entries, in the order of the decisions
	hosts    map[string][]int
	below    map[string][]int // by each end of their host
}

type rejection struct {
	entry string
	host  policy.Pattern
}

// index returns what was decided for group, as of now.
func (p Decisions) index(group string, now time.Time) *decisionIndex {
	x := &decisionIndex{hidden: map[string]bool{}, rejected: map[string]bool{}, hosts: map[string][]int{}, below: map[string][]int{}}
	for _, d := range p.Decided {
		switch {
		case d.Group != group:
		case d.Domain != "":
			if d.Answer == Reject || now.Before(d.Until) {
				x.domains = append(x.domains, Scope{Domain: d.Domain})
			}
		case d.Answer == Reject:
			x.hidden[d.Entry], x.rejected[d.Entry] = true, true
			x.addRejection(d.Entry)
		case now.Before(d.Until):
			x.hidden[d.Entry] = true
		}
	}
	return x
}

func (x *decisionIndex) addRejection(entry string) {
	e, err := policy.ParseEntry(entry)
	if err != nil {
		return
	}
	i := len(x.parsed)
	x.parsed = append(x.parsed, rejection{entry, e.Host})
	x.hosts[e.Host.String()] = append(x.hosts[e.Host.String()], i)
	for end := range e.Host.Ends() {
		x.below[end] = append(x.below[end], i)
	}
}

// hides reports whether prop was decided, and is not to be shown again.
func (x *decisionIndex) hides(prop *Proposal) bool { return x.hidden[prop.Entry] || x.inDomain(prop) }

// rejects reports whether somebody rejected prop.
func (x *decisionIndex) rejects(prop *Proposal) bool {
	return x.rejected[prop.Entry] || x.inDomain(prop)
}

func (x *decisionIndex) inDomain(prop *Proposal) bool {
	return slices.ContainsFunc(x.domains, func(s Scope) bool { return s.Chooses(prop) })
}

// rejectedIn is the first entry that somebody rejected and that prop, a wildcard, would admit all the same; empty if none.
func (x *decisionIndex) rejectedIn(prop *Proposal) string {
	among := x.hosts[prop.Host.String()]
	if prop.Host.IsWildcard() {
		among = x.below[prop.Host.Tail()]
	}
	for _, i := range among {
		if r := &x.parsed[i]; r.entry != prop.Entry && prop.Host.Contains(r.host) {
			return r.entry
		}
	}
	return ""
}
