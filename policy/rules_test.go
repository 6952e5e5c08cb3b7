package policy_test

import (
	"testing"

	"pgregory.net/rapid"

	"webproxy/policy"
)

func TestPatternContains(t *testing.T) {
	tests := []struct {
		want  bool
		outer string
		inner string
	}{
		// a name contains itself
		{true, "example.com", "example.com"},
		{false, "example.com", "www.example.com"},
		{false, "example.com", "*.example.com"},
		{true, "192.0.2.1", "192.0.2.1"},
		// a wildcard contains what is below it, not its apex, not what only shares its ending
		{true, "*.b.example", "a.b.example"},
		{true, "*.b.example", "*.a.b.example"},
		{true, "*.b.example", "*.b.example"},
		{true, "*.b.example", "x*.b.example"},
		{true, "*.b.example", "x.*.a*.b.example"},
		{false, "*.b.example", "b.example"},
		{false, "*.b.example", "ab.example"},
		{false, "*.a.b.example", "*.b.example"},
		{false, "*.a.b.example", "a*.b.example"},
		// stars inside labels
		{true, "azgn*.b.example", "azgn1.b.example"},
		{true, "azgn*.b.example", "azgn1*.b.example"},
		{true, "a*c.b.example", "ab*bc.b.example"},
		{true, "*-prod.b.example", "x-*-prod.b.example"},
		{false, "azgn*.b.example", "*.b.example"},
		{false, "azgn*.b.example", "az*.b.example"},
		{false, "azgn*.b.example", "azgn*.a.b.example"},
		{false, "a*c.b.example", "a*.b.example"},
		{false, "x*x.b.example", "x.b.example"},
		// stars in several labels
		{true, "*.a*.example", "*.abc.example"},
		{true, "*.a*.example", "x*.ab*.example"},
		{true, "*.*.example", "*.a.example"},
		{false, "*.*.example", "*.example"},
		{false, "a.*.example", "*.a.b.example"},
	}
	for _, tt := range tests {
		if got := pattern(t, tt.outer).Contains(pattern(t, tt.inner)); got != tt.want {
			t.Errorf("%s contains %s = %v, want %v", tt.outer, tt.inner, got, tt.want)
		}
	}
	if (policy.Pattern{}).Contains(policy.Pattern{}) {
		t.Error("the zero Pattern contains itself, want that it contains nothing")
	}
}

// What a pattern is said to contain matches no host that the pattern does not. For patterns with
// one star the reverse holds too.
func TestContainsAgreesWithMatches(t *testing.T) {
	hosts := smallHosts()
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.SampledFrom([]string{"a", "b", "ab", "*", "a*", "*b", "a*b"})
		draw := func(name string) policy.Pattern {
			text := "z"
			for range rapid.IntRange(1, 2).Draw(t, name+" labels") {
				text = label.Draw(t, name) + "." + text
			}
			p, err := policy.ParsePattern(text)
			if err != nil {
				t.Skip(err)
			}
			return p
		}
		outer, inner := draw("outer"), draw("inner")
		missed := ""
		for _, h := range hosts {
			if inner.Matches(h) && !outer.Matches(h) {
				missed = h
				break
			}
		}
		if got := outer.Contains(inner); got != (missed == "") {
			t.Fatalf("%s contains %s = %v, but of hosts of the second the first lacks %q", outer, inner, got, missed)
		}
	})
}

// smallHosts are all names of up to three short labels before "z".
func smallHosts() []string {
	labels := []string{}
	for _, a := range []string{"a", "b", "c"} {
		labels = append(labels, a)
		for _, b := range []string{"a", "b", "c"} {
			labels = append(labels, a+b)
			for _, c := range []string{"a", "b", "c"} {
				labels = append(labels, a+b+c)
			}
		}
	}
	hosts, last := []string{}, []string{"z"}
	for range 3 {
		var next []string
		for _, h := range last {
			for _, l := range labels {
				next = append(next, l+"."+h)
			}
		}
		hosts, last = append(hosts, next...), next
	}
	return hosts
}

func pattern(t *testing.T, s string) policy.Pattern {
	t.Helper()
	p, err := policy.ParsePattern(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRulesCover(t *testing.T) {
	tests := []struct {
		want  bool
		outer string // entries of a list
		inner string
	}{
		{true, "https://*.example.com", "https://a.example.com"},
		{true, "*.example.com:80,443", "https://a.example.com"},
		{true, "*.example.com:80,443", "http://a.example.com"},
		{false, "https://*.example.com", "http://a.example.com"},
		{false, "http://*.example.com", "a.example.com:80"},
		{false, "https://*.example.com", "https://a.example.com:8443"},
		// paths
		{true, "http://a.example.com", "http://a.example.com/x"},
		{true, "http://a.example.com/x", "http://a.example.com/x/y"},
		{true, "http://a.example.com/x", "http://a.example.com/x/*"},
		{true, "http://a.example.com/x*", "http://a.example.com/xy"},
		{true, "http://a.example.com/x*", "http://a.example.com/x/*"},
		{false, "http://a.example.com/x", "http://a.example.com/x*"},
		{false, "http://a.example.com/x", "http://a.example.com/xy"},
		{false, "http://a.example.com/x", "http://a.example.com"},
		{false, "http://a.example.com/x/*", "http://a.example.com/x"},
		{false, "http://a.example.com/x?q=1", "http://a.example.com/x"},
		{true, "http://a.example.com/x", "http://a.example.com/x?q=1"},
		// time
		{true, "a.example.com", "a.example.com phase=on"},
		{true, "a.example.com phase=on", "a.example.com phase=on"},
		{false, "a.example.com phase=on", "a.example.com"},
		{false, "a.example.com phase=on", "a.example.com phase=off"},
		{true, "a.example.com expires=2027-01-01", "a.example.com expires=2026-01-01"},
		{false, "a.example.com expires=2026-01-01", "a.example.com"},
		{false, "a.example.com expires=2026-01-01", "a.example.com expires=2027-01-01"},
	}
	for _, tt := range tests {
		spec := policy.Spec{
			Phases: map[string]policy.PhaseSpec{"on": {}, "off": {}},
			Rules:  []policy.RuleSpec{{ID: "outer", File: "outer"}, {ID: "inner", File: "inner"}},
		}
		set, err := policy.Compile(&spec, library{Files: map[string]string{"outer": tt.outer, "inner": tt.inner}}, policy.Env{})
		if err != nil {
			t.Fatal(err)
		}
		rules := set.Rules()
		if got := rules[0].Covers(rules[1]); got != tt.want {
			t.Errorf("%q covers %q = %v, want %v", tt.outer, tt.inner, got, tt.want)
		}
	}
}

// Conditions that only a rule can have.
func TestRulesCoverConditions(t *testing.T) {
	host := []string{"a.example.com"}
	rules := map[string]policy.RuleSpec{
		"plain":   {Hosts: host},
		"nodes":   {Hosts: host, For: []string{"nodes"}},
		"both":    {Hosts: host, For: []string{"nodes", "wac"}},
		"get":     {Hosts: host, Methods: []string{"GET"}},
		"private": {Hosts: host, Private: "allow"},
		"inspect": {Hosts: host, Inspect: true},
	}
	tests := []struct {
		want         bool
		outer, inner string
	}{
		{true, "plain", "nodes"}, {true, "both", "nodes"}, {false, "nodes", "both"}, {false, "both", "plain"},
		{true, "plain", "get"}, {false, "get", "plain"},
		{true, "private", "plain"}, {false, "plain", "private"},
		{false, "plain", "inspect"}, {false, "inspect", "plain"},
	}
	for _, tt := range tests {
		outer, inner := rules[tt.outer], rules[tt.inner]
		outer.ID, inner.ID = "outer", "inner"
		spec := policy.Spec{
			Clients: map[string][]string{"nodes": {"10.0.1.0/24"}, "wac": {"10.0.2.0/24"}},
			Rules:   []policy.RuleSpec{outer, inner},
		}
		set, err := policy.Compile(&spec, library{}, policy.Env{})
		if err != nil {
			t.Fatal(err)
		}
		all := set.Rules()
		if got := all[0].Covers(all[1]); got != tt.want {
			t.Errorf("%s covers %s = %v, want %v", tt.outer, tt.inner, got, tt.want)
		}
	}
}
