package policy_test

import (
	"slices"
	"testing"
	"time"

	"webproxy/policy"
)

// A Set without an entry is the Set of a Spec that never had it, under a lockdown too; the Set itself stays as it is.
func TestWithout(t *testing.T) {
	t.Parallel()
	hosts := [][]string{{"a.example.com", "*.b.example.com", "c.example.com"}, {"x.b.example.com", "a.example.com"}, {"d.example.com", "20.1.2.3"}}
	ids := []string{"first", "never", "spared"}
	spec := func(drop int) policy.Spec {
		var s policy.Spec
		n := 0
		for i, list := range hosts {
			r := policy.RuleSpec{ID: ids[i], Deny: ids[i] == "never"}
			for _, h := range list {
				if n != drop {
					r.Hosts = append(r.Hosts, h)
				}
				n++
			}
			s.Rules = append(s.Rules, r)
		}
		return s
	}
	whole := compile(t, spec(-1))
	digest, all := whole.Digest(), whole.Rules()
	hold := policy.Lockdown{Only: []string{"spared"}, Until: now.Add(time.Hour)}
	under := func(s *policy.Set) *policy.Set {
		t.Helper()
		s, err := s.Under(hold)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for n := range all {
		got, want := whole.Without(n), compile(t, spec(n))
		if got.Digest() != want.Digest() || got.Len() != want.Len() {
			t.Errorf("without %s: %d entries, digest %s, want %d, %s", all[n], got.Len(), got.Digest(), want.Len(), want.Digest())
		}
		if added, removed := policy.Diff(whole, got); len(added) != 0 || !slices.Equal(removed, []string{all[n].String()}) {
			t.Errorf("without %s: added %q, removed %q", all[n], added, removed)
		}
		for _, host := range []string{"a.example.com", "x.b.example.com", "y.b.example.com", "c.example.com", "d.example.com", "20.1.2.3", "other.example.com"} {
			req := ask(t, "https://"+host+":443")
			if a, b := got.Decide(req), want.Decide(req); a.Reason != b.Reason || a.Rule() != b.Rule() || a.Permit != b.Permit {
				t.Errorf("without %s: %s: %v by %q, want %v by %q", all[n], host, a.Reason, a.Rule(), b.Reason, b.Rule())
			}
			if a, b := under(whole).Without(n).Decide(req), under(want).Decide(req); a.Reason != b.Reason || a.Permit != b.Permit {
				t.Errorf("without %s, under a lockdown: %s: %v, want %v", all[n], host, a.Reason, b.Reason)
			}
		}
	}
	if len(all) != 7 || whole.Digest() != digest || compile(t, spec(-1)).Digest() != digest {
		t.Errorf("the Set of %d entries has changed: %s, want %s", len(all), whole.Digest(), digest)
	}
	if whole.Without(-1) != nil || whole.Without(7) != nil || (*policy.Set)(nil).Without(0) != nil {
		t.Error("a Set without what it does not have")
	}
}
