package policy_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"webproxy/policy"
)

var genRule = rapid.Custom(func(t *rapid.T) policy.RuleSpec {
	r := policy.RuleSpec{
		Hosts: rapid.SliceOfN(genPattern, 1, 3).Draw(t, "hosts"),
		Deny:  rapid.IntRange(0, 4).Draw(t, "deny") == 0,
		Ports: rapid.SliceOfNDistinct(rapid.SampledFrom([]uint16{80, 443, 8084}), 0, 2, rapid.ID[uint16]).Draw(t, "ports"),
	}
	r.Schemes = rapid.SampledFrom([][]policy.Scheme{nil, {policy.HTTP}, {policy.HTTPS}}).Draw(t, "schemes")
	r.Methods = rapid.SampledFrom([][]string{nil, nil, {"GET", "CONNECT"}}).Draw(t, "methods")
	r.For = rapid.SampledFrom([][]string{nil, nil, {"nodes"}, {"wac"}}).Draw(t, "for")
	r.Phase = rapid.SampledFrom([]string{"", "", "on", "off"}).Draw(t, "phase")
	if !r.Deny {
		r.Private = rapid.SampledFrom([]string{"", "", "allow"}).Draw(t, "private")
	}
	return r
})

var genRequest = rapid.Custom(func(t *rapid.T) policy.Request {
	url := rapid.SampledFrom([]string{"http://", "https://"}).Draw(t, "scheme") + genHost.Draw(t, "host") +
		rapid.SampledFrom([]string{"", ":80", ":443", ":8084", ":1"}).Draw(t, "port")
	client := rapid.SampledFrom([]string{"10.0.1.1", "10.0.2.1", "192.0.2.1"}).Draw(t, "client")
	req, err := policy.NewRequest(netip.MustParseAddr(client), "", url, now)
	if err != nil {
		t.Fatal(err)
	}
	return req
})

func genSpec(t *rapid.T) policy.Spec {
	spec := policy.Spec{
		Clients: map[string][]string{"nodes": {"10.0.1.0/24"}, "wac": {"10.0.2.0/24"}},
		Modes:   map[string]policy.Mode{},
		Phases:  map[string]policy.PhaseSpec{"on": {Active: true}, "off": {}},
		Rules:   rapid.SliceOfN(genRule, 0, 12).Draw(t, "rules"),
	}
	for i := range spec.Rules {
		spec.Rules[i].ID = fmt.Sprintf("r%d", i)
	}
	return spec
}

// compileDrawn skips what a generated Spec may get wrong, such as a pattern with too many stars.
func compileDrawn(t *rapid.T, spec policy.Spec) *policy.Set {
	set, err := policy.Compile(&spec, library{}, policy.Env{})
	if err != nil {
		t.Skip(err)
	}
	return set
}

// decideNaive is the meaning of a Spec: every rule is asked, in whatever order.
func decideNaive(spec *policy.Spec, req *policy.Request) policy.Verdict {
	group := map[string]string{"10.0.1.1": "nodes", "10.0.2.1": "wac"}[req.Client.String()]
	if group == "" {
		return policy.Deny
	}
	verdict := policy.Deny
	for _, r := range spec.Rules {
		if !slices.ContainsFunc(r.Hosts, func(p string) bool { return matchNaive(p, req.Target.Host()) }) ||
			r.For != nil && !slices.Contains(r.For, group) ||
			r.Methods != nil && !slices.Contains(r.Methods, req.Method) ||
			r.Phase == "off" || !admitsNaive(r, req.Target) {
			continue
		}
		if r.Deny {
			return policy.Deny
		}
		verdict = policy.Allow
	}
	return verdict
}

func admitsNaive(r policy.RuleSpec, t policy.Target) bool {
	if r.Schemes != nil && r.Schemes[0] != t.Scheme() {
		return false
	}
	if len(r.Ports) > 0 && !slices.Contains(r.Ports, t.Port()) {
		return false
	}
	if r.Deny {
		return true
	}
	if len(r.Ports) == 0 && t.Port() != map[bool]uint16{true: 80, false: 443}[r.Schemes != nil && t.Scheme() == policy.HTTP] {
		return false
	}
	return r.Schemes != nil || t.Scheme() == policy.HTTPS || t.Port() == 80
}

func TestDecideIsTheNaiveMatcher(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := genSpec(t)
		set := compileDrawn(t, spec)
		for range 20 {
			req := genRequest.Draw(t, "request")
			if got, want := set.Decide(&req).Verdict, decideNaive(&spec, &req); got != want {
				t.Fatalf("%s %s by %s: %s, want %s", req.Method, req.Target, req.Client, got, want)
			}
		}
	})
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := genSpec(t)
		set := compileDrawn(t, spec)
		spec.Rules = rapid.Permutation(spec.Rules).Draw(t, "order")
		other := compileDrawn(t, spec)
		if set.Digest() != other.Digest() {
			t.Fatalf("digest %s, in another order %s", set.Digest(), other.Digest())
		}
		for range 20 {
			req := genRequest.Draw(t, "request")
			a, b := set.Decide(&req), other.Decide(&req)
			if a.Permit != b.Permit || a.Verdict != b.Verdict || a.Reason != b.Reason || a.PathEnforced != b.PathEnforced {
				t.Fatalf("%s: %s %s, in another order %s %s", req.Target, string(a.Outcome()), a.Reason, string(b.Outcome()), b.Reason)
			}
			for _, addr := range []string{"8.8.8.8:443", "10.0.0.1:443", "169.254.169.254:443"} {
				at := netip.MustParseAddrPort(addr)
				if x, y := a.CheckAddr(at), b.CheckAddr(at); x.Permit != y.Permit || x.Reason != y.Reason {
					t.Fatalf("%s at %s: %s, in another order %s", req.Target, addr, x.Reason, y.Reason)
				}
			}
		}
	})
}

func TestLearnPermitsASuperset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := genSpec(t)
		enforce := compileDrawn(t, spec)
		spec.Modes = map[string]policy.Mode{"default": policy.Learn}
		learn := compileDrawn(t, spec)
		for range 20 {
			req := genRequest.Draw(t, "request")
			e, l := enforce.Decide(&req), learn.Decide(&req)
			switch {
			case e.Permit && !l.Permit:
				t.Fatalf("%s: permitted in enforce, refused in learn", req.Target)
			case e.Reason == policy.DeniedByRule && l.Permit:
				t.Fatalf("%s: learn permits a written deny", req.Target)
			case e.Verdict != l.Verdict || e.Reason != l.Reason:
				t.Fatalf("%s: enforce says %s, learn %s", req.Target, e.Reason, l.Reason)
			case e.Reason == policy.ClientUnknown && l.Permit:
				t.Fatalf("%s: learn permits an unknown client", req.Target)
			}
		}
	})
}

// Every setting of a rule must change what is decided, or at least the digest: one that does not
// was forgotten in Compile.
func TestEverySettingCounts(t *testing.T) {
	base := policy.RuleSpec{ID: "a", Hosts: []string{"example.com"}, Ports: []uint16{80}}
	rows := map[string]func(r *policy.RuleSpec){
		"Deny":       func(r *policy.RuleSpec) { r.Deny = true },
		"ID":         func(r *policy.RuleSpec) { r.ID = "b" },
		"List":       func(r *policy.RuleSpec) { r.Hosts, r.Ports, r.List = nil, nil, "l" },
		"File":       func(r *policy.RuleSpec) { r.Hosts, r.Ports, r.File = nil, nil, "f" },
		"Hosts":      func(r *policy.RuleSpec) { r.Hosts = []string{"example.org"} },
		"URL":        func(r *policy.RuleSpec) { r.Hosts, r.Ports, r.URL = nil, nil, "http://example.com/a" },
		"For":        func(r *policy.RuleSpec) { r.For = []string{"default"} },
		"Ports":      func(r *policy.RuleSpec) { r.Ports = []uint16{81} },
		"Schemes":    func(r *policy.RuleSpec) { r.Schemes = []policy.Scheme{policy.HTTP} },
		"Methods":    func(r *policy.RuleSpec) { r.Methods = []string{"GET"} },
		"Phase":      func(r *policy.RuleSpec) { r.Phase = "p" },
		"Expires":    func(r *policy.RuleSpec) { r.Expires.UnmarshalText([]byte("2030-01-01")) },
		"Private":    func(r *policy.RuleSpec) { r.Private = "allow" },
		"ServiceTag": func(r *policy.RuleSpec) { r.ServiceTag = &policy.ServiceTagSpec{Name: "Arc"} },
		"Inspect":    func(r *policy.RuleSpec) { r.Inspect = true },
	}
	entry, err := policy.ParseEntry("https://other.example.com")
	if err != nil {
		t.Fatal(err)
	}
	lib := library{
		Lists: map[string]policy.List{"l": {Entries: []policy.Entry{entry}}},
		Files: map[string]string{"f": "example.com"},
		Tags:  map[string][]netip.Prefix{"Arc": {netip.MustParsePrefix("20.1.0.0/16")}},
	}
	digest := func(r policy.RuleSpec) string {
		set, err := policy.Compile(&policy.Spec{Phases: map[string]policy.PhaseSpec{"p": {}}, Rules: []policy.RuleSpec{r}}, lib, policy.Env{})
		if err != nil {
			t.Fatal(err)
		}
		return set.Digest()
	}
	for _, name := range settingNames[policy.RuleSpec]() {
		if name == "Reason" || name == "By" || name == "Source" { // for people
			continue
		}
		change, ok := rows[name]
		if !ok {
			t.Errorf("RuleSpec.%s has no row here", name)
			continue
		}
		r := base
		change(&r)
		if digest(r) == digest(base) {
			t.Errorf("RuleSpec.%s makes no difference", name)
		}
	}
}
