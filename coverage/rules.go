package coverage

import (
	"slices"

	"webproxy/policy"
)

// rules are the entries of a policy, found by host.
type rules struct {
	all   []policy.RuleInfo
	exact map[string][]int // exact names, by host
	wild  map[string][]int // wildcards, by the end of their host
	below map[string][]int // denies, by each end of their host
}

func indexRules(all []policy.RuleInfo) *rules {
	r := &rules{all: all, exact: map[string][]int{}, wild: map[string][]int{}, below: map[string][]int{}}
	for i := range all {
		host := all[i].Host
		if host.IsWildcard() {
			r.wild[host.Tail()] = append(r.wild[host.Tail()], i)
		} else {
			r.exact[host.String()] = append(r.exact[host.String()], i)
		}
		if !all[i].Deny {
			continue
		}
		for end := range host.Ends() {
			r.below[end] = append(r.below[end], i)
		}
	}
	return r
}

// about returns the rules whose host contains host, and the denies whose host is contained in host, in the order of the
// policy; perhaps also others.
func (r *rules) about(host policy.Pattern) []int {
	found := slices.Clone(r.exact[host.String()])
	for end := range host.Ends() {
		found = append(found, r.wild[end]...)
	}
	if host.IsWildcard() {
		found = append(found, r.below[host.Tail()]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}
