package coverage

import (
	"slices"
	"testing"

	"webproxy/policy"
)

// No rule that matches a host is missed.
func TestRulesAbout(t *testing.T) {
	var hosts []policy.Pattern
	for _, h := range []string{"*.com", "*.example.com", "example.com", "a.example.com", "*.a.example.com", "b.a.example.com", "a*.example.com",
		"*b.example.com", "*.a*.example.com", "x.a1.example.com", "xexample.com", "10.0.0.1", "10.0.0.2", "2001:db8::1"} {
		p, err := policy.ParsePattern(h)
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, p)
	}
	var all []policy.RuleInfo
	for _, h := range hosts {
		all = append(all, policy.RuleInfo{Host: h}, policy.RuleInfo{Host: h, Deny: true})
	}
	index := indexRules(all)
	for _, h := range hosts {
		about := index.about(h)
		if !slices.IsSorted(about) {
			t.Errorf("%s: not in the order of the policy", h)
		}
		for i, r := range all {
			if (r.Host.Contains(h) || r.Deny && h.Contains(r.Host)) && !slices.Contains(about, i) {
				t.Errorf("%s: %s (deny: %v) is passed over", h, r.Host, r.Deny)
			}
		}
	}
}
