package coverage

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"webproxy/internal/policytest"
	"webproxy/policy"
)

// An endpoint is evaluated as if every rule were looked at.
func TestIndexedRules(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	var hosts, paths []string // of one policy
	host := func() string { return pick(hosts...) }
	path := func() string { return pick(paths...) }
	someHost := func() string {
		return pick("a.example.com", "b.example.com", "*.example.com", "a*.example.com", "x.a.example.com", "*.a.example.com", "*b.example.com")
	}
	somePath := func() string {
		return pick("", "/", "/a", "/a/", "/a*", "/a/*", "/a/b", "/a/b*", "/ab", "/a/b/c", "/*", "/a?x=1", "/a?x=2", "/a/b?x=1")
	}
	seen := map[Status]int{}
	for range 1000 {
		hosts, paths = nil, nil
		for range 1 + r.IntN(4) {
			hosts, paths = append(hosts, someHost()), append(paths, somePath())
		}
		spec := policy.Spec{Clients: map[string][]string{"g": {"10.0.0.0/8"}, "h": {"10.1.0.0/16"}}, Phases: map[string]policy.PhaseSpec{"p": {}}}
		files := map[string]string{}
		for i := range 1 + r.IntN(12) {
			rule := policy.RuleSpec{ID: fmt.Sprint("r", i), Deny: r.IntN(4) == 0}
			rule.File = rule.ID
			files[rule.File] = pick("", "http://", "https://") + host() + pick("", ":80", ":443", ":8084") + path() + pick("", "", "", " expires=2026-12-31", " expires=2026-11-01") + "\n"
			if r.IntN(4) == 0 {
				rule.For = []string{pick("g", "h")}
			}
			if r.IntN(5) == 0 {
				rule.Phase = "p"
			}
			if r.IntN(5) == 0 {
				rule.Methods = []string{pick("GET", "CONNECT", "POST")}
			}
			spec.Rules = append(spec.Rules, rule)
			if _, err := policy.Compile(&spec, policytest.Library{Files: files}, policy.Env{}); err != nil {
				spec.Rules = spec.Rules[:len(spec.Rules)-1]
			}
		}
		set, err := policy.Compile(&spec, policytest.Library{Files: files}, policy.Env{})
		if err != nil {
			continue
		}
		o := Options{Now: now, Group: pick("", "g")}
		all := set.Rules()
		index := indexRules(all, o)
		for range 30 {
			want, err := policy.ParseEntry(pick("http://", "https://") + host() + pick("", ":8084", ":81") + path())
			if err != nil {
				continue
			}
			e := Endpoint{}.wanting(want)
			var every, found findings
			for i := range all {
				every.add(&all[i], &e, o)
			}
			about := index.about(&e)
			for _, i := range about {
				found.add(&all[i], &e, o)
			}
			if every != found {
				t.Fatalf("%s under %v by %v: %+v, %+v and near %v; want %+v, %+v and near %v", e.Text, spec.Rules, about, found.allow, found.deny, found.near, every.allow, every.deny, every.near)
			}
			seen[every.allow.status]++
			seen[every.deny.status]++
		}
	}
	for _, s := range []Status{Covered, Broad, Limited, PathOnly, Denied} {
		if seen[s] < 50 {
			t.Errorf("%s: %d times only: %v", s, seen[s], seen)
		}
	}
}
