package learn

import (
	"fmt"
	"slices"

	"webproxy/policy"
)

// sharedWildcards finds names that only a wildcard on a domain with many owners admits. It is nil if the policy has no such
// wildcard.
type sharedWildcards struct {
	group  string
	shared []policy.RuleInfo            // wildcards at or above a domain that many owners share
	wide   []policy.RuleInfo            // other wildcards
	exact  map[string][]policy.RuleInfo // by host
}

func newSharedWildcards(set *policy.Set, group string) *sharedWildcards {
	if set == nil {
		return nil
	}
	x := &sharedWildcards{group: group, exact: map[string][]policy.RuleInfo{}}
	for _, r := range set.Rules() {
		switch {
		case r.Deny || len(r.Groups) > 0 && !slices.Contains(r.Groups, group):
		case !r.Host.IsWildcard():
			x.exact[r.Host.String()] = append(x.exact[r.Host.String()], r)
		case tooWide(r.Host) != "":
			x.shared = append(x.shared, r)
		default:
			x.wide = append(x.wide, r)
		}
	}
	if len(x.shared) == 0 {
		return nil
	}
	return x
}

// admitting returns the shared wildcard that alone admits s, if s is a name of one owner among many; else nil.
func (x *sharedWildcards) admitting(s *Sighting) *policy.RuleInfo {
	if x == nil || owner(s.Host) == "" {
		return nil
	}
	matches := func(r policy.RuleInfo) bool { return s.matches(r) }
	if slices.ContainsFunc(x.exact[s.Host], matches) || slices.ContainsFunc(x.wide, matches) {
		return nil
	}
	if i := slices.IndexFunc(x.shared, matches); i >= 0 {
		return &x.shared[i]
	}
	return nil
}

// replace proposes the names that a shared wildcard in force admits as exact entries, to stand in its place.
func (w *proposer) replace() {
	for _, e := range w.order {
		if !e.admitted || e.shared == nil {
			continue
		}
		host, err := policy.ParsePattern(e.Host)
		if err != nil {
			continue // Object has excluded it
		}
		p := w.propose(Exact, host, e.Endpoint)
		if known := w.params.Known.Best(e.Endpoint); known != nil && known.Host == host {
			p.Kind, p.Known = FromCatalog, known
		}
		p.Replaces = fmt.Sprintf("%s (%s, %s)", e.shared.Host, e.shared.Rule, e.shared.Source)
		p.take(e)
	}
}
