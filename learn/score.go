package learn

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"webproxy/catalog"
	"webproxy/policy"
)

// A Score has a proposal's confidence and its excess, which is how much it would admit beyond what was seen. Both are from 0
// to 10, with the reasons for each.
type Score struct {
	Confidence int
	Sure       []string
	Excess     int
	Wide       []string
	// Concerns exclude a proposal from bulk approval.
	Concerns []string
	// Suspicion, from 0 to 10, says how much speaks against the proposal. It orders those that are not for bulk approval.
	Suspicion int
}

// A Generalization is one candidate entry; candidates are ordered from narrowest to widest.
type Generalization struct {
	Entry string
	// Seen and Listed are the names that it admits and the candidate before it does not: names seen in the group that are
	// not admitted yet, and names of the catalog.
	Seen, Listed []string
	// Floor is why it must not be proposed; empty if it may.
	Floor string
	// Unlisted is why it is only proposed to a person who asks for something wider; else empty.
	Unlisted string
}

// complete fills in evidence, score and hint of a proposal whose sightings are known.
func (w *proposer) complete(p *Proposal) {
	clients, days := map[netip.Addr]bool{}, map[int64]bool{}
	for _, s := range p.Seen {
		p.Hits += s.Hits
		p.Refused += s.Refused
		for c := range s.Clients {
			clients[c] = true
		}
		for d := range s.days {
			days[d] = true
		}
		if p.First.IsZero() || s.First.Before(p.First) {
			p.First = s.First
		}
		if s.Last.After(p.Last) {
			p.Last = s.Last
		}
	}
	p.Clients, p.GroupClients, p.Days = len(clients), len(w.group.Clients), len(days)
	for c := range clients {
		p.clients = append(p.clients, c.String())
	}
	for d := range days {
		p.days = append(p.days, dayText(d))
	}
	slices.Sort(p.clients)
	slices.Sort(p.days)
	if p.Known == nil && p.About == "" && len(p.Seen) > 0 {
		if p.About = w.params.Known.otherwise(p.Seen[0].Host); p.About == "" {
			p.About = about(p.Seen[0].Host)
		}
	}
	p.Generalizations = w.generalizations(p)
	p.scoreConfidence(w.link(p))
	p.scoreExcess(w)
	w.raiseConcerns(p)
	p.Hint = hint(p.Seen)
}

// Hosts returns the names seen that p would admit, sorted.
func (p *Proposal) Hosts() []string {
	names := map[string]bool{}
	for _, s := range p.Seen {
		names[s.Host] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// generalizations are the candidates of p: the exact names, then each wildcard above them, up to the first that must not be
// proposed.
func (w *proposer) generalizations(p *Proposal) []Generalization {
	hosts := p.Hosts()
	bottom := Generalization{Entry: strings.Join(hosts, " "), Seen: hosts}
	if len(hosts) == 1 {
		bottom.Entry = entryText(hosts[0], p.Port, p.Scheme) + p.Path
	}
	levels := []Generalization{bottom}
	domain := commonDomain(hosts)
	before := map[string]bool{}
	for _, h := range hosts {
		before[h] = true
	}
	for ; domain != ""; domain = parent(domain) {
		host, err := policy.ParsePattern("*." + domain)
		if err != nil {
			break
		}
		r := Generalization{Entry: entryText(host.String(), p.Port, p.Scheme), Floor: floor(domain), Unlisted: w.owners.unlisted(domain)}
		for _, e := range w.order {
			if !e.admitted && e.Port == p.Port && e.Scheme == p.Scheme && host.Matches(e.Host) && !before[e.Host] {
				r.Seen = append(r.Seen, e.Host)
				before[e.Host] = true
			}
		}
		for _, n := range w.params.Known.Under(host) {
			if !before[n] {
				r.Listed = append(r.Listed, n)
				before[n] = true
			}
		}
		levels = append(levels, r)
		if r.Floor != "" {
			break
		}
	}
	return levels
}

// Wider is the next wider candidate that may be proposed; may be empty.
func (p *Proposal) Wider() string {
	for _, r := range p.Generalizations[1:] {
		if e, err := policy.ParseEntry(r.Entry); err == nil && r.Floor == "" && e.Host != p.Host && e.Host.Contains(p.Host) {
			return r.Entry
		}
	}
	return ""
}

// commonDomain is the deepest domain that all hosts are below.
func commonDomain(hosts []string) string {
	if len(hosts) == 0 {
		return ""
	}
	domain := parent(hosts[0])
	for _, h := range hosts[1:] {
		for domain != "" && !strings.HasSuffix(h, "."+domain) {
			domain = parent(domain)
		}
	}
	return domain
}

func (p *Proposal) scoreConfidence(l *link) {
	add := func(n int, format string, args ...any) {
		p.Confidence += n
		p.Sure = append(p.Sure, fmt.Sprintf(format, args...))
	}
	switch {
	case p.Known != nil && p.Known.required():
		add(5, "%s is %s", p.Known, p.Known.When)
	case p.Known != nil:
		add(4, "%s", p.Known)
	case p.About != "":
		add(3, "%s", p.About)
	}
	if l != nil && l.allowed {
		add(2, "%s", l.text)
	} else if l != nil {
		add(0, "%s", l.text)
	}
	switch {
	case p.Clients == p.GroupClients && p.Clients > 1:
		add(3, "all %d clients ask for it", p.Clients)
	case p.Clients > 1:
		add(2, "%d of %d clients ask for it", p.Clients, p.GroupClients)
	}
	switch {
	case p.Days >= 10:
		add(2, "seen on %d days", p.Days)
	case p.Days >= minDays:
		add(1, "seen on %d days", p.Days)
	}
	p.Confidence = min(p.Confidence, 10)
}

func (p *Proposal) scoreExcess(w *proposer) {
	add := func(n int, format string, args ...any) {
		p.Excess += n
		p.Wide = append(p.Wide, fmt.Sprintf(format, args...))
	}
	if !p.Host.IsWildcard() {
		if what := p.owner(p.Host.String()); what != "" {
			add(4, "%s", what)
		}
		return
	}
	if inLabel(p.Host) {
		add(5, "any name that fits %s", p.Host)
		return
	}
	depth := strings.Count(p.Host.Tail(), ".") - strings.Count(catalog.Registrable(p.Host.Tail()), ".")
	add(max(5-2*(depth-1), 2), "any name below %s", p.Host.Tail())
	if listed := w.unseenListed(p); listed > 0 {
		add(min(1+listed/10, 3), "admits %d names of the catalog that were not asked for", listed)
	}
	if p.Known == nil && p.About == "" {
		add(2, "no list has it")
	}
	p.Excess = min(p.Excess, 10)
}

// unseenListed counts the names of the catalog that p would admit and nobody asked for.
func (w *proposer) unseenListed(p *Proposal) int {
	n := 0
	for _, host := range w.params.Known.Under(p.Host) {
		if w.endpoints[Endpoint{Host: host, Port: p.Port, Scheme: p.Scheme}] == nil {
			n++
		}
	}
	return n
}

// looksRandom reports whether host, or its domain, looks generated rather than named by a person.
func looksRandom(host string, kind Kind) bool {
	label, _, _ := strings.Cut(host, ".")
	domain, _, _ := strings.Cut(catalog.Registrable(host), ".")
	c := Classify(label)
	return kind == Exact && (c == Random || c == Hex) || Classify(domain) == Random
}

// owner is owner of host; empty if a list names the host itself, since its documents say whose it is.
func (p *Proposal) owner(host string) string {
	if p.Known != nil && !p.Known.Host.IsWildcard() && catalog.SharedHost(host) == "" {
		return ""
	}
	return owner(host)
}

// noiseReason says why e is not worth a person's time; empty if it is. Software that makes up names, in search of a
// registered one, finds some.
func (e *endpoint) noiseReason() string {
	clients, days := map[netip.Addr]bool{}, map[int64]bool{}
	for _, s := range e.seen {
		for c := range s.Clients {
			clients[c] = true
		}
		for d := range s.days {
			days[d] = true
		}
	}
	if len(clients) > 1 || len(days) > 1 || !looksRandom(e.Host, Exact) {
		return ""
	}
	return "looks like no word, and one client asked for it on one day"
}

// hint names the request that usually came just before.
func hint(seen []*Sighting) string {
	for _, s := range seen {
		if host, part := s.Before(); host != "" {
			return fmt.Sprintf("%.0f%% of the requests for %s came within %s after one for %s (which may be chance)",
				part*100, s.Host, adjacent, host)
		}
	}
	return ""
}
