package learn_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/learn"
	"webproxy/policy"
)

// Too little evidence for a wildcard: the names are proposed, each by itself.
func TestTooLittleForAWildcard(t *testing.T) {
	targets := []string{"n1.cdn.example.com:443", "n2.cdn.example.com:443"}
	for name, traffic := range map[string]func(s *site){
		"one client": func(s *site) {
			for d := range 4 {
				s.at = start.AddDate(0, 0, d)
				for _, target := range targets {
					s.ask(0, target)
				}
			}
		},
		"two days": func(s *site) {
			for d := range 2 {
				s.at = start.AddDate(0, 0, d)
				for n := range 2 {
					for _, target := range targets {
						s.ask(n, target)
					}
				}
			}
		},
		"another group": func(s *site) {
			s.often(targets[0])
			for d := range 4 {
				s.at = start.AddDate(0, 0, d)
				for n := range 2 {
					s.ask(n, targets[1], group("wac"))
				}
			}
			s.ask(0, targets[1])
		},
	} {
		s := newSite()
		traffic(s)
		got := strings.Fields(entries(s.propose(t, ownDomains(t))))
		if slices.Sort(got); !slices.Equal(got, []string{"n1.cdn.example.com:443", "n2.cdn.example.com:443"}) {
			t.Errorf("%s: %s, want each by itself", name, got)
		}
	}
}

// group puts a request into a client group.
func group(name string) func(decision, end *audit.Record) {
	return func(d, e *audit.Record) { d.Group, e.Group = name, name }
}

// What one group asks for is never proposed to another.
func TestGroupsAreApart(t *testing.T) {
	s := newSite()
	s.often("www.nodes.example.com:443")
	s.ask(3, "www.wac.example.com:443", group("wac"))
	s.ask(3, "nobody.example.com:443", group(""))
	for name, want := range map[string]string{"nodes": "www.nodes.example.com:443", "wac": "www.wac.example.com:443", "other": ""} {
		got := entries(s.seen.Group(name).Propose(learn.Params{Now: s.at}))
		if got != want {
			t.Errorf("group %s: %q, want %q", name, got, want)
		}
	}
}

// What cannot be learnt from is not proposed, and the reason is given.
func TestWithheld(t *testing.T) {
	for _, tt := range []struct {
		want, target string
		change       func(d, e *audit.Record)
	}{
		{string(learn.Literal), "192.0.2.1:443", nil},
		{string(learn.Unlisted), "intranet:443", nil},
		{string(learn.Unreachable), "gone.example.com:443", func(_, e *audit.Record) { e.Status, e.Error, e.BytesIn = 502, "dns_error", 0 }},
		{string(learn.Refused), "new.example.com:443", func(d, _ *audit.Record) { d.Decision, d.Reason = "deny", "host_not_listed" }},
		{string(learn.NotPublic), "inner.example.com:443", func(_, e *audit.Record) { e.Decision, e.Reason = "deny", "private_address" }},
		{string(learn.OtherName), "front.example.com:443", func(_, e *audit.Record) { e.Decision, e.Reason, e.SNI = "deny", "sni_mismatch", "x.example.com" }},
		{string(learn.WrittenDeny), "never.example.com:443", func(d, _ *audit.Record) { d.Decision, d.Reason = "deny", "denied_by_rule" }},
		{string(learn.NoSuchMethod), "http://www.example.com/", func(d, e *audit.Record) { d.Method, e.Method = "TRACE", "TRACE" }},
		{"phased (rules[1]) lists it, but: phase_inactive", "phased.example.com:443", nil},
		{"the policy refuses it: denied_by_rule", "bad.example.com:443", nil},
		{"looks like no word, and one client asked for it on one day", "q5w61j6gcwd27r362.com:443", nil},
	} {
		s := newSite()
		if tt.change == nil {
			s.ask(0, tt.target)
		} else {
			s.ask(0, tt.target, tt.change)
		}
		set := compile(t, policy.RuleSpec{ID: "never", Deny: true, Hosts: []string{"bad.example.com"}, Source: "rules[0]"},
			policy.RuleSpec{ID: "phased", Hosts: []string{"phased.example.com"}, Phase: "onboarding", Source: "rules[1]"})
		p := s.propose(t, set)
		if len(p.List) != 0 || len(p.Withheld) != 1 || p.Withheld[0].Why != tt.want {
			t.Errorf("%s: proposed %q, withheld %+v, want %q", tt.target, entries(p), p.Withheld, tt.want)
		}
	}
}

// That the proxy was overloaded says nothing about a host; a refused host is proposed if the catalog has it.
func TestNotWithheld(t *testing.T) {
	s := newSite()
	s.often("www.example.com:443")
	s.ask(0, "www.example.com:443", func(d, _ *audit.Record) { d.Decision, d.Reason = "deny", "overloaded" })
	s.ask(0, "login.microsoftonline.com:443", func(d, _ *audit.Record) { d.Decision, d.Reason, d.Mode = "deny", "host_not_listed", "enforce" })
	p := s.propose(t, nil)
	if got, want := entries(p), "www.example.com:443 login.microsoftonline.com:443"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	if c := p.List[1].Concerns; len(c) == 0 || !strings.Contains(c[0], "was never let through") {
		t.Errorf("concerns %q", c)
	}
}

// Each candidate says what it would admit; the list ends at the first that must not be proposed.
func TestLevels(t *testing.T) {
	s := newSite()
	s.often("n1.a.b.example.com:443", "n2.a.b.example.com:443", "other.b.example.com:443")
	var got []string
	for _, p := range s.propose(t, ownDomains(t)).List {
		if p.Kind == learn.Wildcard {
			for _, r := range p.Generalizations {
				got = append(got, r.String())
			}
			if p.Wider() != "*.b.example.com:443" {
				t.Errorf("wider is %q", p.Wider())
			}
		}
	}
	want := []string{
		"n1.a.b.example.com n2.a.b.example.com  +2 seen (n1.a.b.example.com, n2.a.b.example.com)",
		"*.a.b.example.com:443  no other name known",
		"*.b.example.com:443  +1 seen (other.b.example.com)",
		"*.example.com:443  no other name known  never proposed: a whole domain as it was registered",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A redirect from an allowed host is a reason for a proposal; one from another host is not. A request soon before is a hint.
func TestLinks(t *testing.T) {
	redirect := func(_, e *audit.Record) { e.Status, e.Redirect = 302, "https://next.example.org:443" }
	for _, allowed := range []bool{true, false} {
		s := newSite()
		set := compile(t)
		if allowed {
			set = compile(t, policy.RuleSpec{ID: "go", Hosts: []string{"go.example.com"}, Schemes: []policy.Scheme{policy.HTTP}})
		}
		for range 4 {
			s.ask(0, "http://go.example.com/x", redirect)
			s.at = s.at.Add(-9 * time.Second)
			s.ask(0, "next.example.org:443")
		}
		s.ask(1, "next.example.org:443")
		i := slices.IndexFunc(s.propose(t, set).List, func(p *learn.Proposal) bool { return p.Entry == "next.example.org:443" })
		if i < 0 {
			t.Fatal("not proposed")
		}
		p := s.propose(t, set).List[i]
		want, confidence := "4 responses of http://go.example.com, which is allowed, redirected to next.example.org:443", 5
		if !allowed {
			want, confidence = "4 responses of http://go.example.com, which no rule allows itself, redirected to next.example.org:443", 3
		}
		if !slices.Contains(p.Sure, want) || p.Confidence != confidence {
			t.Errorf("confidence %d, %q; want %d, %q", p.Confidence, p.Sure, confidence, want)
		}
		if !strings.HasPrefix(p.Hint, "80% of the requests for next.example.org came within 2s after one for go.example.com") {
			t.Errorf("hint %q", p.Hint)
		}
	}
}

// A client that makes up names is limited, reported as noisy, and displaces nobody's requests.
func TestNoisyClient(t *testing.T) {
	s := newSite()
	for i := range 5_000 {
		s.ask(7, fmt.Sprintf("made-up-%d.example.org:443", i))
	}
	s.often("www.example.com:443")
	g := s.seen.Group("nodes")
	if !slices.Equal(g.Noisy, []netip.Addr{node(7)}) || g.Beyond != 3_000 || len(g.Sightings()) != 2_001 {
		t.Errorf("noisy %v, beyond %d, %d sightings", g.Noisy, g.Beyond, len(g.Sightings()))
	}
	if r := g.Ready(learn.Params{Now: s.at}); !slices.Contains(r.Missing, "3000 requests were for more names than are remembered") {
		t.Errorf("missing %q", r.Missing)
	}
}

// Records that count many denials count as many.
func TestRepeats(t *testing.T) {
	s := newSite()
	denied := func(d, _ *audit.Record) { d.Decision, d.Reason = "deny", "host_not_listed" }
	s.ask(0, "login.microsoftonline.com:443", denied)
	s.seen.Add(&audit.Record{Type: audit.TypeRepeat, Time: start.AddDate(0, 0, 2), First: start.AddDate(0, 0, 1), Last: start.AddDate(0, 0, 2),
		Client: node(1), Group: "nodes", Method: "CONNECT", Scheme: "https", Host: "login.microsoftonline.com", Port: 443,
		Decision: "deny", Reason: "host_not_listed", Count: 40})
	p := s.propose(t, nil).List
	if len(p) != 1 || p[0].Hits != 41 || p[0].Clients != 2 || p[0].Days != 3 || p[0].Refused != 41 {
		t.Errorf("%+v", p)
	}
}

// A host that anybody can rent is not for bulk approval, however many clients ask for it; unless a list names this very host
// and not only the path tells owners apart.
func TestSharedHosts(t *testing.T) {
	for host, want := range map[string]bool{
		"cdn-metrics-7f3a.azureedge.net":       false,
		"contosowitness.blob.core.windows.net": false,
		"www.acct.azurewebsites.net":           false,
		"raw.githubusercontent.com":            false, // in a list, but for every owner of a repository
		"azurestackhci.azurefd.net":            true,  // in a list
		"www.vendor.example.com":               true,  // of a domain of the operator's
		"www.vendor.example.net":               false, // of nobody's
		"x1.requestcatcher.com":                false, // exists to receive data
		"a-8080.euw.devtunnels.ms":             false,
		"westeurope.obo.arc.azure.com":         true, // in a list, for another region
		"evil.obo.arc.azure.com":               false,
	} {
		s := newSite()
		s.often(host + ":443")
		p := s.propose(t, ownDomains(t)).List
		if len(p) != 1 || p[0].Host.String() != host || p[0].Bulk() != want {
			t.Errorf("%s: %q, concerns %q, want bulk %v", host, entries(learn.Proposals{List: p}), p[0].Concerns, want)
		}
	}
}

// What the lists in force require and nobody asked for is counted.
func TestCompleteness(t *testing.T) {
	s := newSite()
	s.ask(0, "login.microsoftonline.com:443", allowed("hci/login"))
	r := s.seen.Group("nodes").Ready(learn.Params{Policy: compile(t, policy.RuleSpec{ID: "hci", List: "hci@2021-12"}), Known: openKnown(t), Now: s.at})
	if r.Used != 1 || r.Entries != 5 || !slices.Contains(r.Unused, "graph.windows.net") || slices.Contains(r.Unused, "login.microsoftonline.com") {
		t.Errorf("%d of %d, never %q", r.Used, r.Entries, r.Unused)
	}
	twice := compile(t, policy.RuleSpec{ID: "a", List: "hci@2021-12"}, policy.RuleSpec{ID: "b", List: "hci@2021-12"})
	r = s.seen.Group("nodes").Ready(learn.Params{Policy: twice, Known: openKnown(t), Now: s.at})
	if once := slices.Compact(slices.Sorted(slices.Values(r.Unused))); len(once) != len(r.Unused) || len(once) != 4 {
		t.Errorf("a host is named twice: %q", r.Unused)
	}
}
