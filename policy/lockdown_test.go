package policy_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"webproxy/policy"
)

var lockable = policy.Spec{
	Clients: map[string][]string{"nodes": {"10.0.1.0/24"}, "wac": {"10.0.2.0/24"}},
	Modes:   map[string]policy.Mode{"wac": policy.Learn},
	Rules: []policy.RuleSpec{
		{ID: "wide", Hosts: []string{"*.example.com", "*.example.net"}},
		{ID: "core", Hosts: []string{"a.example.com", "b.example.com"}, For: []string{"nodes"}},
		{ID: "paths", URL: "http://p.example.org/pub/*"},
		{ID: "never", Deny: true, Hosts: []string{"b.example.com"}},
	},
}

// under is set under l.
func under(t *testing.T, set *policy.Set, l policy.Lockdown) *policy.Set {
	t.Helper()
	locked, err := set.Under(l)
	if err != nil {
		t.Fatal(err)
	}
	return locked
}

// A lockdown only takes away: what goes ahead is permitted by the policy, and allowed by a rule that is spared.
func TestLockdown(t *testing.T) {
	set := compile(t, lockable)
	end := now.Add(time.Hour)
	for _, tt := range []struct {
		only   string
		client string
		url    string
		want   string // outcome and reason
	}{
		{"core", "10.0.1.1", "https://a.example.com", "allow allowed_by_rule"},
		{"core", "10.0.1.1", "https://c.example.com", "deny lockdown"},       // by another rule
		{"core", "10.0.1.1", "https://b.example.com", "deny denied_by_rule"}, // a deny beats what is spared
		{"core", "10.0.1.1", "https://other.example", "deny host_not_listed"},
		{"core", "10.0.1.1", "http://p.example.org/pub/x", "deny lockdown"},
		{"core", "10.0.2.1", "https://a.example.com", "deny lockdown"}, // the rule is for nodes
		{"core", "10.0.2.1", "https://other.example", "deny lockdown"}, // learn mode does not lift it
		{"core", "192.0.2.1", "https://a.example.com", "deny client_unknown"},
		{"paths", "10.0.1.1", "http://p.example.org/pub/x", "allow allowed_by_rule"},
		{"paths", "10.0.1.1", "http://p.example.org/private", "deny path_not_allowed"},
		{"", "10.0.1.1", "https://a.example.com", "deny lockdown"},
		{"core paths", "10.0.1.1", "http://p.example.org/pub/x", "allow allowed_by_rule"},
		{"core paths", "10.0.1.1", "https://a.example.com", "allow allowed_by_rule"},
	} {
		locked := under(t, set, policy.Lockdown{Only: strings.Fields(tt.only), Until: end})
		req := ask(t, tt.url)
		req.Client = netip.MustParseAddr(tt.client)
		// It has no beginning: a clock that is set back does not lift it.
		for _, at := range []time.Time{now, end.Add(-time.Nanosecond), now.AddDate(-30, 0, 0)} {
			req.Time = at
			d := locked.Decide(req)
			if got := string(d.Outcome()) + " " + d.Reason.String(); got != tt.want || d.Permit != strings.HasPrefix(tt.want, "allow") {
				t.Errorf("only %q: %s %s at %s: %s, want %s", tt.only, tt.client, tt.url, at, got, tt.want)
			}
			if d.Policy() != set.Digest() {
				t.Errorf("policy %s, want %s", d.Policy(), set.Digest())
			}
		}
		// By itself it ends.
		req.Time = end
		if got, want := locked.Decide(req), set.Decide(req); got.Outcome() != want.Outcome() || got.Reason != want.Reason {
			t.Errorf("only %q: %s at its end: %s %s, want %s %s", tt.only, tt.url, got.Outcome(), got.Reason, want.Outcome(), want.Reason)
		}
	}
}

// Whoever holds a Set may have to ask again later; and a lockdown is shown while it is on.
func TestLockdownIsTold(t *testing.T) {
	set := compile(t, lockable)
	locked := under(t, set, policy.Lockdown{Only: []string{"core"}, Until: now.Add(time.Hour), By: "ann", Reason: "INC-7"})
	if set.Timed() || !locked.Timed() {
		t.Errorf("timed: %v without, %v with a lockdown", set.Timed(), locked.Timed())
	}
	if _, on := set.Lockdown(now); on {
		t.Error("the policy itself is under a lockdown")
	}
	l, on := locked.Lockdown(now)
	if want := "until 2026-11-24 13:00 UTC, of everything but core, by ann: INC-7"; !on || l.Text() != want {
		t.Errorf("%v %q, want %q", on, l.Text(), want)
	}
	if _, on := locked.Lockdown(now.Add(time.Hour)); on {
		t.Error("it is on at its end")
	}
	x := locked.Explain(ask(t, "https://c.example.com"))
	if len(x.Near) != 0 || len(x.Remedies) != 1 || !strings.HasPrefix(x.Remedies[0].Command, "webproxy lockdown end") || !strings.Contains(x.Why, "of everything but core") {
		t.Errorf("%q near %v, remedies %v", x.Why, x.Near, x.Remedies)
	}
	for _, wrong := range []string{"never", "nobody", ""} {
		if got, err := set.Under(policy.Lockdown{Only: []string{"core", wrong}}); err == nil || got != nil {
			t.Errorf("only %q: %v, want an error", wrong, err)
		}
	}
	if errs := locked.RunTests(policy.TestsSpec{Allow: []policy.TestSpec{{From: "nodes", To: "https://c.example.com"}}}, now); errs != nil {
		t.Errorf("a test of the policy fails under a lockdown: %v", errs)
	}
}

// The name in a ClientHello is decided like a target: a tunnel to a host that is spared must not carry another.
func TestLockdownSNI(t *testing.T) {
	locked := under(t, compile(t, lockable), policy.Lockdown{Only: []string{"core"}})
	req := ask(t, "https://a.example.com")
	d := locked.Decide(req)
	if got := locked.CheckSNI(d, req, "c.example.com"); got.Permit || got.Reason != policy.SNIMismatch {
		t.Errorf("permit %v, %s; want sni_mismatch", got.Permit, got.Reason)
	}
}

func TestLockdownAllocates(t *testing.T) {
	locked := under(t, compile(t, lockable), policy.Lockdown{Only: []string{"core"}})
	req := ask(t, "https://a.example.com")
	if n := testing.AllocsPerRun(100, func() { locked.Decide(req) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
