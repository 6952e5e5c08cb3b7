package learn

import (
	"slices"

	"webproxy/policy"
)

// tidy drops proposals that another one contains: one decision is enough.
func (w *proposer) tidy() {
	all := indexProposals(w.out.List)
	kept := make([]*Proposal, 0, len(w.out.List))
	for _, p := range w.out.List {
		if all.containing(p) == nil {
			kept = append(kept, p)
		}
	}
	w.out.List = kept
	left := indexProposals(kept)
	for _, e := range w.order {
		if e.by == nil || left.has(e.by) {
			continue
		}
		e.by = nil
		if p := left.covering(e.Endpoint); p != nil {
			p.take(e)
		}
	}
}

// A proposalIndex finds proposals by the hosts that they admit. There may be tens of thousands.
type proposalIndex struct {
	all  []*Proposal
	at   map[*Proposal]bool
	host map[string][]int // by the whole host
	wild map[string][]int // wildcards, by their end
}

func indexProposals(list []*Proposal) *proposalIndex {
	x := &proposalIndex{all: list, at: map[*Proposal]bool{}, host: map[string][]int{}, wild: map[string][]int{}}
	for i, p := range list {
		x.at[p] = true
		x.host[p.Host.String()] = append(x.host[p.Host.String()], i)
		if p.Host.IsWildcard() {
			x.wild[p.Host.Tail()] = append(x.wild[p.Host.Tail()], i)
		}
	}
	return x
}

func (x *proposalIndex) has(p *Proposal) bool { return x.at[p] }

// near returns the proposals that may contain p, in their order.
func (x *proposalIndex) near(p *Proposal) []int {
	found := slices.Clone(x.host[p.Host.String()])
	for end := range p.Host.Ends() {
		found = append(found, x.wild[end]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// containing returns another proposal that contains p; may be nil.
func (x *proposalIndex) containing(p *Proposal) *Proposal {
	for _, i := range x.near(p) {
		if o := x.all[i]; o != p && o.contains(p) {
			return o
		}
	}
	return nil
}

// covering returns the first proposal that covers e; may be nil.
func (x *proposalIndex) covering(e Endpoint) *Proposal {
	host, err := policy.ParsePattern(e.Host)
	if err != nil {
		return nil // Object has excluded it
	}
	for _, i := range x.near(&Proposal{Host: host}) {
		if o := x.all[i]; o.covers(e) {
			return o
		}
	}
	return nil
}
