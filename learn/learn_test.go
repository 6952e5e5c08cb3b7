package learn_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/catalog"
	"webproxy/internal/policytest"
	"webproxy/learn"
	"webproxy/policy"
)

// A site makes records as the proxy would.
type site struct {
	seen    *learn.Observations
	records []audit.Record
	seq     uint64
	at      time.Time
}

var start = time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)

func newSite() *site { return &site{seen: learn.NewObservations(), at: start} }

func node(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 1, byte(10 + n)}) }

// ask is one request of a node, let through in learn mode, with the answer it got. A target is
// host:port, or a URL of plain HTTP.
func (s *site) ask(n int, target string, change ...func(decision, end *audit.Record)) {
	t, path, _, err := policy.ParseURL(target)
	if err != nil {
		panic(err)
	}
	s.seq++
	r := audit.Record{
		Type: audit.TypeDecision, Time: s.at, Seq: s.seq, ID: fmt.Sprintf("T%d", s.seq), Client: node(n), Group: "nodes",
		Method: "CONNECT", Scheme: t.Scheme().String(), Host: t.Host(), Port: t.Port(),
		Decision: "would_deny", Reason: "host_not_listed", Mode: "learn", PathEnforced: true,
	}
	if t.Scheme() == policy.HTTP {
		r.Method, r.Path = "GET", path
	}
	end := r
	end.Type, end.Status, end.BytesIn = audit.TypeClose, 200, 4000
	for _, c := range change {
		c(&r, &end)
	}
	s.add(r)
	if r.Decision != "deny" {
		s.add(end)
	}
	s.at = s.at.Add(10 * time.Second)
}

func (s *site) add(r audit.Record) {
	s.seen.Add(&r)
	s.records = append(s.records, r)
}

// ready is how far the learning is under a policy of rules, with the what-if of enforcing it.
func (s *site) ready(t testing.TB, decided learn.Decisions, rules ...policy.RuleSpec) learn.Readiness {
	t.Helper()
	replay := replay.New(compileMode(t, policy.Enforce, rules...))
	for i := range s.records {
		replay.Add(&s.records[i])
	}
	return s.seen.Group("nodes").Ready(learn.Params{Policy: compile(t, rules...), Known: openKnown(t), Now: s.at, Decisions: decided, WhatIf: replay})
}

// often has two nodes ask for a target on four days.
func (s *site) often(targets ...string) {
	for d := range 4 {
		s.at = start.AddDate(0, 0, d)
		for n := range 2 {
			for _, t := range targets {
				s.ask(n, t)
			}
		}
	}
}

var known = sync.OnceValues(func() (*learn.Known, error) {
	return learn.OpenKnown(policy.Place{Cloud: "public", Region: "eastus"})
})

func openKnown(t testing.TB) *learn.Known {
	t.Helper()
	k, err := known()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// compile makes a policy of rules for the group nodes, which learns.
func compile(t testing.TB, rules ...policy.RuleSpec) *policy.Set {
	t.Helper()
	return compileMode(t, policy.Learn, rules...)
}

func compileMode(t testing.TB, mode policy.Mode, rules ...policy.RuleSpec) *policy.Set {
	t.Helper()
	set, err := policy.Compile(&policy.Spec{
		Region:  "eastus",
		Clients: map[string][]string{"nodes": {"10.0.1.0/24"}, "wac": {"10.0.2.0/24"}},
		Modes:   map[string]policy.Mode{"nodes": mode},
		Phases:  map[string]policy.PhaseSpec{"onboarding": {}},
		Rules:   rules,
	}, policytest.Library{Catalog: catalog.Get}, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func (s *site) propose(t testing.TB, set *policy.Set) learn.Proposals {
	t.Helper()
	return s.seen.Group("nodes").Propose(learn.Params{Policy: set, Known: openKnown(t), Now: s.at})
}

func entries(p learn.Proposals) string {
	var all []string
	for _, x := range p.List {
		all = append(all, x.Entry)
	}
	return strings.Join(all, " ")
}

// ownDomains is a policy with names of the operator's own in domains of the tests.
func ownDomains(t testing.TB) *policy.Set {
	return compile(t, policy.RuleSpec{ID: "own", Hosts: []string{"portal.example.com", "portal.azurewebsites.net"}})
}

// What is seen leads to these entries, where the operator has names in example.com.
func TestPropose(t *testing.T) {
	for _, tt := range []struct {
		name  string
		want  string
		often []string
	}{
		{"an exact name", "www.vendor.example.com:443", []string{"www.vendor.example.com:443"}},
		{"another port", "www.vendor.example.com:8443", []string{"www.vendor.example.com:8443"}},
		{"plain HTTP", "http://www.vendor.example.com", []string{"http://www.vendor.example.com/a/b"}},
		{"CONNECT to port 80", "https://www.vendor.example.com:80", []string{"www.vendor.example.com:80"}},
		// two names made by machines
		{"sequence", "*.cdn.example.com:443", []string{"n1.cdn.example.com:443", "n2.cdn.example.com:443"}},
		{"regions", "*.his.example.com:443", []string{"eus.his.example.com:443", "weu.his.example.com:443"}},
		{"two words", "left.cdn.example.com:443 right.cdn.example.com:443", []string{"left.cdn.example.com:443", "right.cdn.example.com:443"}},
		{"five words", "*.cdn.example.com:443", []string{"red.cdn.example.com:443", "blue.cdn.example.com:443",
			"green.cdn.example.com:443", "white.cdn.example.com:443", "black.cdn.example.com:443"}},
		{"four words", "blue.cdn.example.com:443 green.cdn.example.com:443 red.cdn.example.com:443 white.cdn.example.com:443",
			[]string{"red.cdn.example.com:443", "blue.cdn.example.com:443", "green.cdn.example.com:443", "white.cdn.example.com:443"}},
		{"the narrowest", "*.a.cdn.example.com:443", []string{"n1.a.cdn.example.com:443", "n2.a.cdn.example.com:443"}},
		{"of one port each", "n1.cdn.example.com:443 n2.cdn.example.com:8443", []string{"n1.cdn.example.com:443", "n2.cdn.example.com:8443"}},
		{"versions", "*.agent.example.com:443", []string{"7-55-0-app.agent.example.com:443", "7-56-1-app.agent.example.com:443"}},
		// nobody vouches for the domain
		{"unlisted domain", "n1.cdn.example.net:443 n2.cdn.example.net:443", []string{"n1.cdn.example.net:443", "n2.cdn.example.net:443"}},
		{"a tunnel through the DNS", "a1b2c3d4e5.t.example.net:443 b1b2c3d4e5.t.example.net:443 c1b2c3d4e5.t.example.net:443",
			[]string{"a1b2c3d4e5.t.example.net:443", "b1b2c3d4e5.t.example.net:443", "c1b2c3d4e5.t.example.net:443"}},
		// floors
		{"registrable domain", "n1.example.com:443 n2.example.com:443", []string{"n1.example.com:443", "n2.example.com:443"}},
		{"shared suffix", "acct1.blob.core.windows.net:443 acct2.blob.core.windows.net:443",
			[]string{"acct1.blob.core.windows.net:443", "acct2.blob.core.windows.net:443"}},
		{"below an owner's name", "n1.acct.azurewebsites.net:443 n2.acct.azurewebsites.net:443",
			[]string{"n1.acct.azurewebsites.net:443", "n2.acct.azurewebsites.net:443"}},
		{"workflows", "prod-1.eastus.logic.azure.com:443 prod-2.eastus.logic.azure.com:443",
			[]string{"prod-1.eastus.logic.azure.com:443", "prod-2.eastus.logic.azure.com:443"}},
		{"a listed wildcard that is shared", "w1.ods.opinsights.azure.com:443 w2.ods.opinsights.azure.com:443",
			[]string{"w1.ods.opinsights.azure.com:443", "w2.ods.opinsights.azure.com:443"}},
		{"public suffix", "n1.co.uk:443 n2.co.uk:443", []string{"n1.co.uk:443", "n2.co.uk:443"}},
		// the catalog
		{"exact entry", "login.microsoftonline.com:443", []string{"login.microsoftonline.com:443"}},
		{"exact entries below a wildcard one", "fe3cr.delivery.mp.microsoft.com:443 msk8s.sb.tlu.dl.delivery.mp.microsoft.com:443",
			[]string{"fe3cr.delivery.mp.microsoft.com:443", "msk8s.sb.tlu.dl.delivery.mp.microsoft.com:443"}},
		{"an in-label entry", "azgn*.servicebus.windows.net:443",
			[]string{"azgn-eastus-public-1p-bl3-001.servicebus.windows.net:443", "azgn-eastus-public-1p-bl3-002.servicebus.windows.net:443"}},
		{"wildcard entry", "*.delivery.mp.microsoft.com:443", []string{"fe9.delivery.mp.microsoft.com:443"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite()
			s.often(tt.often...)
			if got := entries(s.propose(t, ownDomains(t))); got != tt.want {
				t.Errorf("%v\n got %s\nwant %s", tt.often, got, tt.want)
			}
		})
	}
}

// allowed makes a request one that a rule allows.
func allowed(rule string) func(decision, end *audit.Record) {
	return func(d, e *audit.Record) {
		for _, r := range []*audit.Record{d, e} {
			r.Decision, r.Reason, r.Rule = "allow", "allowed_by_rule", rule
		}
	}
}

// refused makes a request one that was refused.
func refused(reason string) func(decision, end *audit.Record) {
	return func(d, _ *audit.Record) { d.Decision, d.Reason = "deny", reason }
}
