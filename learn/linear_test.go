package learn

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/lineartest"
	"webproxy/internal/policytest"
	"webproxy/policy"
)

// proposalOf is a proposal of host, with an endpoint that it covers.
func proposalOf(t *testing.T, w *proposer, host, seen string) *Proposal {
	t.Helper()
	p, err := policy.ParsePattern(host)
	if err != nil {
		t.Fatal(err)
	}
	e := Endpoint{Host: seen, Port: 443, Scheme: policy.HTTPS}
	prop := w.propose(Exact, p, e)
	w.order = append(w.order, &endpoint{Endpoint: e, by: prop})
	return prop
}

// However many names clients ask for, and however many were rejected, no name is compared with all others.
func TestProposalsAreLinear(t *testing.T) {
	now := time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)
	for _, wild := range []bool{false, true} {
		lineartest.Check(t, fmt.Sprint("proposals, wildcards: ", wild), 500, func(n int) func() {
			w := &proposer{group: newGroup("nodes")}
			for i := range n {
				proposalOf(t, w, fmt.Sprintf("a%d.d%d.example.com", i, i), fmt.Sprintf("a%d.d%d.example.com", i, i))
				if wild {
					proposalOf(t, w, fmt.Sprintf("*.d%d.example.com", i), fmt.Sprintf("b.d%d.example.com", i))
				}
			}
			list := w.out.List
			return func() {
				w.out.List = list
				w.tidy()
				var decided Decisions
				for i, p := range list {
					decided.Decided = append(decided.Decided, Decided{Group: "nodes", Entry: fmt.Sprintf("x%d.d%d.example.com:443", i, i), Answer: Reject})
					if i%2 == 0 {
						decided.Decided = append(decided.Decided, Decided{Group: "nodes", Entry: p.Entry, Answer: Snooze, Until: now.Add(time.Hour)})
					}
				}
				w.decisions = decided.index("nodes", now)
				w.remember()
				for _, p := range w.out.List {
					w.decisions.rejectedIn(p)
				}
			}
		})
	}
}

// However many answers are remembered at once, no answer is compared with all others.
func TestRememberIsLinear(t *testing.T) {
	now := time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)
	lineartest.Check(t, "answers", 2000, func(n int) func() {
		items := make([]Item, n)
		for i := range items {
			items[i] = Item{Group: "nodes", Entry: fmt.Sprintf("a%d.example.com:443", i), Answer: Reject}
		}
		return func() {
			var decided Decisions
			decided.RememberAll(items, now)
			if decided.RememberAll(items, now); len(decided.Decided) != n {
				t.Errorf("%d of %d", len(decided.Decided), n)
			}
		}
	})
}

// Nor is each request compared with all entries.
func TestUsesAreLinear(t *testing.T) {
	for _, entry := range []string{"a%d.example.com", "*.b%d.example.com", "a*.c%d.example.com"} {
		lineartest.Check(t, entry, 400, func(n int) func() {
			seen, lines := NewObservations(), ""
			for i := range n {
				lines += strings.ReplaceAll(entry, "%d", fmt.Sprint(i)) + "\n"
				seen.Add(&audit.Record{
					Type: audit.TypeDecision, ID: fmt.Sprint(i), Group: "nodes", Client: netip.AddrFrom4([4]byte{10, 0, byte(i / 1000), 1}), Method: "CONNECT", Scheme: "https", Port: 443,
					Host: strings.ReplaceAll(strings.ReplaceAll(entry, "%d", fmt.Sprint(i)), "*", "x"), Decision: "allow", Time: time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC),
				})
			}
			set, err := policy.Compile(&policy.Spec{Rules: []policy.RuleSpec{{ID: "l", File: "l"}}}, policytest.Library{Files: map[string]string{"l": lines}}, policy.Env{})
			if err != nil {
				t.Fatal(err)
			}
			return func() {
				for _, u := range seen.Uses(set) {
					if u.Hits != 1 {
						t.Fatalf("%s has %d hits", u.Rule.Host, u.Hits)
					}
				}
			}
		})
	}
}

// A proposal that another one contains is dropped, and what it covered is covered by that.
func TestTidy(t *testing.T) {
	w := &proposer{group: newGroup("nodes")}
	for host, seen := range map[string]string{
		"a.example.com": "a.example.com", "*.example.com": "b.example.com", "*.b.example.com": "c.b.example.com", "example.com": "example.com",
		"a.example.net": "a.example.net", "10.0.0.1": "10.0.0.1", "a*.example.org": "a1.example.org", "a2.example.org": "a2.example.org",
	} {
		proposalOf(t, w, host, seen)
	}
	w.tidy()
	got := map[string]bool{}
	for _, p := range w.out.List {
		got[p.Host.String()] = true
	}
	for _, host := range []string{"*.example.com", "example.com", "a.example.net", "10.0.0.1", "a*.example.org"} {
		if !got[host] {
			t.Errorf("%s is dropped", host)
		}
	}
	if len(got) != 5 {
		t.Errorf("left are %v", got)
	}
	for _, e := range w.order {
		if e.by == nil || !got[e.by.Host.String()] || !e.by.covers(e.Endpoint) {
			t.Errorf("%s is covered by %v", e.Host, e.by)
		}
	}
	decided := Decisions{Decided: []Decided{
		{Group: "nodes", Entry: "c.example.com:443", Answer: Reject}, {Group: "others", Entry: "a.example.net:443", Answer: Reject},
		{Group: "nodes", Entry: "*.b.example.com:443", Answer: Reject},
	}}.index("nodes", time.Time{})
	for _, p := range w.out.List {
		want := map[string]string{"*.example.com": "c.example.com:443"}[p.Host.String()]
		if got := decided.rejectedIn(p); got != want {
			t.Errorf("%s would admit %q, which was rejected; want %q", p.Host, got, want)
		}
	}
}
