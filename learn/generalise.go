package learn

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"webproxy/policy"
)

// Names below one domain are a family, to which more will belong, from these numbers on.
const (
	fewMachine = 2 // children that a machine named
	fewAny     = 5 // children of any kind
	minClients = 2 // clients that asked for each child
	minDays    = 3 // days on which they did
)

// A family is what was seen below one domain, on one port and in one form.
type family struct {
	domain   string
	port     uint16
	scheme   policy.Scheme
	members  []*endpoint
	children map[string]*child // by their label
}

// A child is a label directly below the domain, with all names that end in it.
type child struct {
	class   Class
	clients map[netip.Addr]bool
	days    map[int64]bool
}

// generalise proposes "*.domain" where names below it form a family: from the deepest domains to the
// widest, so that what a narrow wildcard covers is not covered by a wide one.
func (w *proposer) generalise() {
	for _, f := range w.families() {
		if f.covered() || !f.suffices() || floor(f.domain) != "" || w.owners.unlisted(f.domain) != "" {
			continue
		}
		host, err := policy.ParsePattern("*." + f.domain)
		if err != nil {
			continue
		}
		w.absorb(w.propose(Wildcard, host, Endpoint{Port: f.port, Scheme: f.scheme}), f)
	}
}

// absorb makes p cover the members of f. Proposals for some of them are dropped: one decision is enough.
func (w *proposer) absorb(p *Proposal, f *family) {
	kept := w.out.List[:0]
	for _, other := range w.out.List {
		inside := other != p && p.Host.Contains(other.Host) && other.Port == p.Port && other.Scheme == p.Scheme
		if !inside {
			kept = append(kept, other)
			continue
		}
		if other.Known != nil && p.Known == nil {
			p.About = other.Known.String()
		}
	}
	w.out.List = kept
	for _, e := range f.members {
		if !e.admitted {
			p.take(e)
		}
	}
}

// families returns all families, the deepest domains first.
func (w *proposer) families() []*family {
	type place struct {
		domain string
		port   uint16
		scheme policy.Scheme
	}
	found := map[place]*family{}
	for _, e := range w.order {
		label, rest, _ := strings.Cut(e.Host, ".")
		if e.Path != "" {
			continue // a path of one host makes no family with those of others
		}
		for rest != "" {
			k := place{rest, e.Port, e.Scheme}
			f := found[k]
			if f == nil {
				f = &family{domain: rest, port: e.Port, scheme: e.Scheme, children: map[string]*child{}}
				found[k] = f
			}
			f.add(label, e)
			label, rest, _ = strings.Cut(rest, ".")
		}
	}
	all := make([]*family, 0, len(found))
	for _, f := range found {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *family) int {
		return cmp.Or(cmp.Compare(strings.Count(b.domain, "."), strings.Count(a.domain, ".")), cmp.Compare(a.domain, b.domain),
			cmp.Compare(a.port, b.port), cmp.Compare(a.scheme, b.scheme))
	})
	return all
}

func (f *family) add(label string, e *endpoint) {
	f.members = append(f.members, e)
	c := f.children[label]
	if c == nil {
		c = &child{class: Classify(label), clients: map[netip.Addr]bool{}, days: map[int64]bool{}}
		f.children[label] = c
	}
	for _, s := range e.seen {
		for a := range s.Clients {
			c.clients[a] = true
		}
		for d := range s.days {
			c.days[d] = true
		}
	}
}

// covered reports whether nothing below f's domain is left to propose: the policy admits it, or a
// wildcard covers it. An exact proposal does not count: the family may be worth more than its members.
func (f *family) covered() bool {
	return !slices.ContainsFunc(f.members, func(e *endpoint) bool { return !e.admitted && !e.wildcard() })
}

// wildcard reports whether a proposed wildcard covers e.
func (e *endpoint) wildcard() bool { return e.by != nil && e.by.Host.IsWildcard() }

// suffices reports whether f has enough children, each seen by enough clients on enough days.
func (f *family) suffices() bool {
	machine, any := 0, 0
	for _, c := range f.children {
		if len(c.clients) < minClients || len(c.days) < minDays {
			continue
		}
		any++
		if c.class.machine() {
			machine++
		}
	}
	return machine >= fewMachine || any >= fewAny
}
