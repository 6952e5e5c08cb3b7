package learn

import (
	"maps"
	"slices"
	"strings"
	"time"

	"webproxy/catalog"
	"webproxy/policy"
)

// A Use says what an allow entry in force was used for.
type Use struct {
	Rule    policy.RuleInfo
	Hits    uint64
	Clients int
	First   time.Time // of the hits; zero without hits
	Last    time.Time
	// Seen are the hosts that were asked for, if the entry is a wildcard.
	Seen []string
	// Wanted is how many requests matched the entry after it had expired.
	Wanted uint64
	// Enough are narrower entries that would have sufficed in place of a wildcard; empty if the wildcard is needed, or was
	// not used.
	Enough []string
}

// A UseState says whether an approved entry is in use. The words are printed.
type UseState string

const (
	InUse    UseState = "in use"
	Unused   UseState = "unused"   // in a log that is too short to call it stale
	Stale    UseState = "stale"    // not used for 90 days
	Expiring UseState = "expiring" // within 30 days
	Expired  UseState = "expired"
)

const (
	staleAfter   = 90 * day
	expiringSoon = 30 * day
)

// State is the state of the entry at now, by a log that was read from first to last.
func (u *Use) State(first, last, now time.Time) UseState {
	used := u.Last
	if used.IsZero() {
		used = first // nothing is known before that
	}
	switch ends := u.Rule.Expires; {
	case !ends.IsZero() && !ends.After(now):
		return Expired
	case last.Sub(used) >= staleAfter:
		return Stale
	case u.Hits == 0:
		return Unused
	case !ends.IsZero() && ends.Sub(now) <= expiringSoon:
		return Expiring
	}
	return InUse
}

// manyHosts is the largest number of exact names that are suggested in place of a wildcard.
const manyHosts = 20

// Uses returns, for each allow entry of set in its order, what all groups used it for. Every permitted request that an entry
// matches counts as a use of it, even if another entry matches too, or if the entry was added later: an entry that was
// approved today is in use.
func (o *Observations) Uses(set *policy.Set) []Use {
	var uses []Use
	groups := o.indexed()
	for _, info := range set.Rules() {
		if info.Deny {
			continue
		}
		uses = append(uses, useOf(groups, info))
	}
	return uses
}

// An indexedGroup is a Group whose sightings are found by host. There may be 20,000 sightings and 100,000 entries.
type indexedGroup struct {
	*Group
	host  map[string][]*Sighting
	below map[string][]*Sighting // by each end of their host
}

// indexed returns the groups, sorted by name.
func (o *Observations) indexed() []*indexedGroup {
	var all []*indexedGroup
	for _, g := range o.Groups() {
		x := &indexedGroup{Group: g, host: map[string][]*Sighting{}, below: map[string][]*Sighting{}}
		for _, s := range g.sightings {
			x.host[s.Host] = append(x.host[s.Host], s)
			for end := s.Host; end != ""; _, end, _ = strings.Cut(end, ".") {
				x.below[end] = append(x.below[end], s)
			}
		}
		all = append(all, x)
	}
	return all
}

// about returns the sightings of hosts that info's pattern may match, unsorted.
func (g *indexedGroup) about(info policy.RuleInfo) []*Sighting {
	if info.Host.IsWildcard() && info.Host.Tail() != "" {
		return g.below[info.Host.Tail()]
	}
	if info.Host.IsWildcard() {
		return slices.Collect(maps.Values(g.sightings))
	}
	return g.host[info.Host.String()]
}

func useOf(groups []*indexedGroup, info policy.RuleInfo) Use {
	u := Use{Rule: info}
	clients := map[string]bool{}
	hosts := map[string]bool{}
	narrow := map[string]bool{}
	for _, g := range groups {
		if len(info.Groups) > 0 && !slices.Contains(info.Groups, g.Name) {
			continue
		}
		for _, s := range g.about(info) {
			if s.Reason == policy.RuleExpired.String() && s.matches(info) {
				u.Wanted += s.Refused + s.WouldDeny
			}
		}
		for _, s := range g.matching(info) {
			u.Hits += s.Allowed + s.WouldDeny
			if u.First.IsZero() || s.First.Before(u.First) {
				u.First = s.First
			}
			if s.Last.After(u.Last) {
				u.Last = s.Last
			}
			for c := range s.Clients {
				clients[c.String()] = true
			}
			hosts[s.Host] = true
			narrow[s.Endpoint().String()] = true
		}
	}
	u.Clients = len(clients)
	if !info.Host.IsWildcard() || len(hosts) == 0 {
		return u
	}
	u.Seen = sortedKeys(hosts)
	if len(narrow) <= manyHosts {
		u.Enough = enough(groups, info)
	}
	return u
}

// enough returns the exact entries, unless the hosts are a family to which more will belong.
func enough(groups []*indexedGroup, info policy.RuleInfo) []string {
	w := proposer{endpoints: map[Endpoint]*endpoint{}, owners: newKnownOwners(nil)}
	w.owners.own[catalog.Owner(info.Host.Tail())] = true // the author of the wildcard knows whose names they are
	for _, g := range groups {
		for _, s := range g.matching(info) {
			e := w.endpoints[s.Endpoint()]
			if e == nil {
				e = &endpoint{Endpoint: s.Endpoint()}
				w.endpoints[e.Endpoint] = e
				w.order = append(w.order, e)
			}
			e.seen = append(e.seen, s)
		}
	}
	w.group = newGroup("")
	w.generalise()
	w.rest()
	var lines []string
	for _, p := range w.out.List {
		if p.Host.Contains(info.Host) {
			return nil // nothing narrower would suffice
		}
		lines = append(lines, p.Entry)
	}
	slices.Sort(lines)
	return lines
}

// matching returns the sightings that info allowed, or would have allowed, unsorted.
func (g *indexedGroup) matching(info policy.RuleInfo) []*Sighting {
	var found []*Sighting
	for _, s := range g.about(info) {
		if s.Allowed+s.WouldDeny > 0 && s.matches(info) {
			found = append(found, s)
		}
	}
	return found
}

// matches reports whether info matches s, whatever its phase and its expiry date.
func (s *Sighting) matches(info policy.RuleInfo) bool {
	return info.Host.Matches(s.Host) && info.Admits(s.Scheme, s.Port) && (len(info.Methods) == 0 || slices.Contains(info.Methods, s.Method)) &&
		(info.Path == "" || s.path == "" || policy.MatchPath(info.Path, s.path))
}

func sortedKeys(m map[string]bool) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}
