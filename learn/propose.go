package learn

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"webproxy/audit/replay"
	"webproxy/catalog"
	"webproxy/policy"
)

// Params say what proposals are made for.
type Params struct {
	// Policy is the policy in force: what it admits is not proposed. Nil admits nothing.
	Policy *policy.Set
	// Known is the catalog. Nil has no entries.
	Known *Known
	// Now is the time for phases and expiry dates.
	Now time.Time
	// Decisions are the earlier ones of people.
	Decisions Decisions
	// WhatIf is a replay of the log under the policy with the groups enforcing. Without one, no group is ready.
	WhatIf *replay.Replay
}

// A Kind says where a proposal comes from.
type Kind string

const (
	FromCatalog Kind = "catalog"  // an entry of a list that is not switched on
	Wildcard    Kind = "wildcard" // made of several names
	Exact       Kind = "exact"    // one name
)

// A Proposal is one entry that a person may add to a list.
type Proposal struct {
	Group  string
	Entry  string // as it would stand in the list: "*.his.arc.azure.com:443"
	Kind   Kind
	Host   policy.Pattern
	Port   uint16
	Scheme policy.Scheme
	Path   string      // empty for every path
	Known  *KnownEntry // of the catalog; nil if no entry admits it
	About  string      // what else the catalog says of it
	Seen   []*Sighting // the sightings that it would admit and the policy does not
	Evidence
	Generalizations []Generalization
	Score
	// Replaces is the shared wildcard in force that admits it today, and can be removed when all needed names below it are
	// approved; empty if no rule admits it.
	Replaces string
	// Hint names the request that usually came just before. It proves nothing.
	Hint string

	clients, days []string // in order; days as dates
}

// Bulk reports whether the proposal may be approved together with others, without a closer look.
func (p *Proposal) Bulk() bool { return len(p.Concerns) == 0 }

// Evidence is what a proposal rests on.
type Evidence struct {
	Hits         uint64
	Clients      int // clients that asked for it
	GroupClients int // clients of the group
	Days         int // days on which it was asked for
	First, Last  time.Time
	Refused      uint64 // of Hits
}

// A Withheld is a sighting that is not proposed, and why.
type Withheld struct {
	*Sighting
	Why string
}

// Proposals are the result for one group.
type Proposals struct {
	// List begins with the proposals for bulk approval; the others follow, the most suspicious first.
	List []*Proposal
	// Withheld are the sightings that are neither admitted nor proposed.
	Withheld []Withheld
	// Remembered are proposals left out because somebody rejected or snoozed them.
	Remembered []*Proposal
}

// Propose makes proposals from the sightings of g alone: requests of other groups are no evidence.
func (g *Group) Propose(p Params) Proposals {
	w := newWork(g, p)
	w.find()
	for _, prop := range slices.Concat(w.out.List, w.out.Remembered) {
		w.complete(prop)
	}
	slices.SortFunc(w.out.List, func(a, b *Proposal) int {
		if a.Bulk() != b.Bulk() {
			if a.Bulk() {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.Suspicion, a.Suspicion), cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(b.Hits, a.Hits),
			cmp.Compare(a.Entry, b.Entry))
	})
	return w.out
}

// A proposer is the making of one group's proposals.
type proposer struct {
	group     *Group
	params    Params
	owners    *knownOwners
	namesOf   map[string]int         // number of names that can be learnt from, by owner
	endpoints map[Endpoint]*endpoint // those that can be learnt from, admitted or not
	order     []*endpoint
	decisions *decisionIndex
	out       Proposals
}

// An endpoint is the sightings that one list entry names: those of all methods.
type endpoint struct {
	Endpoint
	seen     []*Sighting
	admitted bool
	shared   *policy.RuleInfo // the shared wildcard that alone admits it; may be nil
	by       *Proposal        // the proposal that covers it; may be nil
}

func newWork(g *Group, p Params) *proposer {
	return &proposer{group: g, params: p, owners: newKnownOwners(p.Policy), namesOf: map[string]int{}, endpoints: map[Endpoint]*endpoint{},
		decisions: p.Decisions.index(g.Name, p.Now)}
}

// find fills in out, and which proposal covers each endpoint.
func (w *proposer) find() {
	w.collect()
	w.matchCatalog()
	w.generalise()
	w.rest()
	w.tidy()
	w.replace()
	w.remember()
}

// collect finds the endpoints that can be learnt from, and which of them the policy admits.
func (w *proposer) collect() {
	shared := newSharedWildcards(w.params.Policy, w.group.Name)
	for _, s := range w.group.Sightings() {
		d := w.decide(s)
		admitted := d.Verdict == policy.Allow
		switch why := s.Object(); {
		case why == Eligible:
		case why == Refused && (admitted || w.params.Known.Best(s.Endpoint()) != nil):
			// The catalog proves that it exists.
		default:
			if !admitted {
				w.withhold(s, string(why))
			}
			continue
		}
		if why := listed(d); why != "" {
			w.withhold(s, why)
			continue
		}
		e := w.endpoints[s.Endpoint()]
		if e == nil {
			e = &endpoint{Endpoint: s.Endpoint(), admitted: true}
			w.endpoints[e.Endpoint] = e
			w.order = append(w.order, e)
			w.namesOf[catalog.Owner(e.Host)]++
		}
		e.seen = append(e.seen, s)
		e.admitted = e.admitted && admitted
		if admitted && e.shared == nil {
			e.shared = shared.admitting(s)
		}
	}
}

func (w *proposer) withhold(s *Sighting, why string) {
	w.out.Withheld = append(w.out.Withheld, Withheld{s, why})
}

// decide is the policy's decision about s today.
func (w *proposer) decide(s *Sighting) policy.Decision {
	t, err := policy.ParseTarget(s.Scheme, s.Endpoint().hostPort())
	if err != nil {
		return policy.Refusal(policy.BadTarget)
	}
	return w.params.Policy.Decide(&policy.Request{Time: w.params.Now, Client: s.anyClient(), Method: s.Method, Target: t, Path: s.path})
}

// anyClient returns one of the clients; they are all in one group, so it does not matter which.
func (s *Sighting) anyClient() netip.Addr {
	var least netip.Addr
	for c := range s.Clients {
		if !least.IsValid() || c.Less(least) {
			least = c
		}
	}
	return least
}

// listed says why another entry would not help: the policy has an entry whose condition is not met, or one that denies.
func listed(d policy.Decision) string {
	switch d.Reason {
	case policy.DeniedByRule, policy.ClientUnknown, policy.PrivateAddress, policy.NetworkDenied, policy.Loop:
		return "the policy refuses it: " + d.Reason.String()
	case policy.PhaseInactive, policy.RuleExpired, policy.MethodNotAllowed, policy.ClientNotAllowed, policy.ServiceTagMismatch:
		return d.Rule() + " (" + d.Source() + ") lists it, but: " + d.Reason.String()
	}
	return ""
}

// open returns the endpoints that neither the policy nor a proposal admits yet.
func (w *proposer) open() []*endpoint {
	var all []*endpoint
	for _, e := range w.order {
		if !e.admitted && e.by == nil {
			all = append(all, e)
		}
	}
	return all
}

// matchCatalog proposes entries of the catalog, each with all endpoints that it would admit.
func (w *proposer) matchCatalog() {
	type choice struct {
		known  *KnownEntry
		port   uint16
		scheme policy.Scheme
	}
	found := map[choice]*Proposal{}
	for _, e := range w.open() {
		known := w.params.Known.Best(e.Endpoint)
		if known == nil {
			continue
		}
		c := choice{known, e.Port, e.Scheme}
		p := found[c]
		if p == nil {
			p = w.propose(FromCatalog, known.Host, e.Endpoint)
			p.setPath(known.path(e.Scheme))
			p.Known = known
			found[c] = p
		}
		p.take(e)
	}
}

// rest proposes the remaining names, each by itself.
func (w *proposer) rest() {
	for _, e := range w.open() {
		if why := e.noiseReason(); why != "" && !w.owners.knows(e.Host) {
			for _, s := range e.seen {
				w.withhold(s, why)
			}
			continue
		}
		p, err := policy.ParsePattern(e.Host)
		if err != nil {
			continue // Object has excluded it
		}
		w.propose(Exact, p, e.Endpoint).take(e)
	}
}

func (w *proposer) propose(kind Kind, host policy.Pattern, e Endpoint) *Proposal {
	p := &Proposal{
		Group: w.group.Name, Kind: kind, Host: host, Port: e.Port, Scheme: e.Scheme,
	}
	p.setPath(e.Path)
	w.out.List = append(w.out.List, p)
	return p
}

// take makes p cover e.
func (p *Proposal) take(e *endpoint) {
	p.Seen = append(p.Seen, e.seen...)
	e.by = p
}

// covers reports whether p's entry admits e.
func (p *Proposal) covers(e Endpoint) bool {
	return p.Port == e.Port && p.Scheme == e.Scheme && p.Host.Matches(e.Host) && (p.Path == "" || p.Path == e.Path)
}

// contains reports whether p's entry admits all that o's entry does, and more.
func (p *Proposal) contains(o *Proposal) bool {
	wider := p.Host.String() != o.Host.String() && p.Host.Contains(o.Host) && (p.Path == "" || p.Path == o.Path)
	return p.Port == o.Port && p.Scheme == o.Scheme && (wider || p.Host.String() == o.Host.String() && p.Path == "" && o.Path != "")
}

// setPath sets the path, and the text of the entry with it.
func (p *Proposal) setPath(path string) {
	p.Path = path
	p.Entry = entryText(p.Host.String(), p.Port, p.Scheme) + path
}

// remember moves proposals that somebody rejected or snoozed to out.Remembered.
func (w *proposer) remember() {
	kept := w.out.List[:0]
	for _, p := range w.out.List {
		if w.decisions.hides(p) {
			w.out.Remembered = append(w.out.Remembered, p)
			continue
		}
		kept = append(kept, p)
	}
	w.out.List = kept
}
