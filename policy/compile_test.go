package policy_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"webproxy/policy"
)

func TestCompileErrors(t *testing.T) {
	one := func(r policy.RuleSpec) policy.Spec {
		if r.ID == "" {
			r.ID = "a"
		}
		return policy.Spec{Rules: []policy.RuleSpec{r}}
	}
	tests := []struct {
		field string
		words string
		spec  policy.Spec
	}{
		{"cloud", "want public", policy.Spec{Cloud: "moon"}},
		{"clients.a b", "group name", policy.Spec{Clients: map[string][]string{"a b": {"10.0.0.1"}}}},
		{"clients.a", "without addresses", policy.Spec{Clients: map[string][]string{"a": nil}}},
		{"clients.a[0]", "neither", policy.Spec{Clients: map[string][]string{"a": {"10.0.0"}}}},
		{"clients.a[0]", "did you mean 10.0.0.0/24", policy.Spec{Clients: map[string][]string{"a": {"10.0.0.5/24"}}}},
		{"clients.a[0]", "zone", policy.Spec{Clients: map[string][]string{"a": {"fe80::1%eth0"}}}},
		{"clients.a[0]", "as IPv4", policy.Spec{Clients: map[string][]string{"a": {"::ffff:10.0.0.0/104"}}}},
		{"clients.b[0]", "in group a", policy.Spec{Clients: map[string][]string{"a": {"10.0.0.1"}, "b": {"10.0.0.1/32"}}}},
		{"modes.b", "no client group", policy.Spec{Modes: map[string]policy.Mode{"b": policy.Learn}, Clients: map[string][]string{"a": {"10.0.0.1"}}}},
		{"phases.p.schedule", "want days", policy.Spec{Phases: map[string]policy.PhaseSpec{"p": {Schedule: "Tue"}}}},
		{"phases.p.schedule", "days", policy.Spec{Phases: map[string]policy.PhaseSpec{"p": {Schedule: "Tuesday 10:00-11:00"}}}},
		{"phases.p.schedule", "hours", policy.Spec{Phases: map[string]policy.PhaseSpec{"p": {Schedule: "Tue 10-11"}}}},
		{"phases.p.schedule", "no time zone", policy.Spec{Phases: map[string]policy.PhaseSpec{"p": {Schedule: "Tue 10:00-11:00 Europe/Atlantis"}}}},
		{"phases.p q", "phase name", policy.Spec{Phases: map[string]policy.PhaseSpec{"p q": {}}}},
		{"rules[0]", "without id", policy.Spec{Rules: []policy.RuleSpec{{Hosts: []string{"example.com"}}}}},
		{"rules[0].id", "want letters", one(policy.RuleSpec{ID: "a b", Hosts: []string{"example.com"}})},
		{"rules[1].id", "has it already", policy.Spec{Rules: []policy.RuleSpec{{ID: "a", Hosts: []string{"x.com"}}, {ID: "a", Hosts: []string{"y.com"}}}}},
		{"rules[0]", "exactly one", one(policy.RuleSpec{})},
		{"rules[0]", "exactly one", one(policy.RuleSpec{Hosts: []string{"example.com"}, List: "hci"})},
		{"rules[0].list", "no list", one(policy.RuleSpec{List: "nope"})},
		{"rules[0].file", "no file", one(policy.RuleSpec{File: "nope"})},
		{"rules[0]", "go with hosts only", one(policy.RuleSpec{URL: "http://example.com/", Ports: []uint16{80}})},
		{"rules[0].url", "want http or https", one(policy.RuleSpec{URL: "ftp://example.com"})},
		{"rules[0].url", "is not a URL", one(policy.RuleSpec{URL: "example.com id=x"})},
		{"rules[0].url", "is not a URL", one(policy.RuleSpec{URL: "# x"})},
		{"rules[0].hosts[0]", "every host", one(policy.RuleSpec{Hosts: []string{"*"}})},
		{"rules[0].hosts[1]", "empty label", one(policy.RuleSpec{Hosts: []string{"example.com", "a..b"}})},
		{"rules[0].hosts[0]", "not allowed", one(policy.RuleSpec{Hosts: []string{"https://example.com"}})},
		{"rules[0].hosts[0]", "not a public address", one(policy.RuleSpec{Hosts: []string{"10.0.0.1"}})},
		{"rules[0].hosts[0]", "no rule can allow", one(policy.RuleSpec{Hosts: []string{"169.254.169.254"}, Private: "allow"})},
		{"rules[0].ports[0]", "port 0", one(policy.RuleSpec{Hosts: []string{"example.com"}, Ports: []uint16{0}})},
		{"rules[0].ports[1]", "twice", one(policy.RuleSpec{Hosts: []string{"example.com"}, Ports: []uint16{80, 80}})},
		{"rules[0].methods[0]", "capital", one(policy.RuleSpec{Hosts: []string{"example.com"}, Methods: []string{"get"}})},
		{"rules[0].for[0]", "no client group", one(policy.RuleSpec{Hosts: []string{"example.com"}, For: []string{"x"}})},
		{"rules[0].phase", "no phase", one(policy.RuleSpec{Hosts: []string{"example.com"}, Phase: "x"})},
		{"rules[0].private", "only value", one(policy.RuleSpec{Hosts: []string{"example.com"}, Private: "yes"})},
		{"rules[0].private", "allows nothing", one(policy.RuleSpec{Hosts: []string{"example.com"}, Private: "allow", Deny: true})},
		{"rules[0].service_tag.name", "no service tag", one(policy.RuleSpec{Hosts: []string{"example.com"}, ServiceTag: &policy.ServiceTagSpec{Name: "x"}})},
		{"rules[0].service_tag", "public addresses only", one(policy.RuleSpec{Hosts: []string{"example.com"}, Private: "allow", ServiceTag: &policy.ServiceTagSpec{Name: "x"}})},
		{"rules[0].url", "many ways", one(policy.RuleSpec{URL: "http://example.com/bad?a=b", Deny: true})},
		{"rules[0].url", "would not hold", one(policy.RuleSpec{URL: "https://example.com/bad", Deny: true})},
	}
	for _, tt := range tests {
		set, err := policy.Compile(&tt.spec, library{}, policy.Env{})
		var errs policy.SpecErrors
		if !errors.As(err, &errs) || set != nil {
			t.Errorf("%s %s: got %v, want SpecErrors and no Set", tt.field, tt.words, err)
			continue
		}
		found := false
		for _, e := range errs {
			found = found || e.Field == tt.field && strings.Contains(e.Msg, tt.words)
		}
		if !found {
			t.Errorf("got %v, want %s: ...%s...", errs, tt.field, tt.words)
		}
	}
}

// All mistakes are told at once.
func TestCompileTellsAll(t *testing.T) {
	spec := policy.Spec{Rules: []policy.RuleSpec{
		{ID: "a", Hosts: []string{"*", "a..b", "ok.example.com"}, For: []string{"x"}},
		{ID: "a", Hosts: []string{"ok.example.com"}, Phase: "x"},
	}}
	_, err := policy.Compile(&spec, library{}, policy.Env{})
	var errs policy.SpecErrors
	if !errors.As(err, &errs) || len(errs) != 5 {
		t.Errorf("got %d errors, want 5:\n%v", len(errs), err)
	}
}

func TestCompileWarnings(t *testing.T) {
	entry, err := policy.ParseEntry("a.example.com")
	if err != nil {
		t.Fatal(err)
	}
	lib := library{
		Lists: map[string]policy.List{"l": {Entries: []policy.Entry{entry}, Disabled: []policy.DisabledEntry{
			{Source: "catalog l, entry 2", Text: "git://:9418", Reason: "no host", Final: true},
			{Source: "catalog l, entry 3", Text: "{region}.example.com", Reason: "set policy.region"},
		}}},
		Files: map[string]string{"f.txt": "\nhttps://example.com/a"},
	}
	spec := policy.Spec{Rules: []policy.RuleSpec{
		{ID: "l", List: "l"}, {ID: "f", File: "f.txt"}, {ID: "w", Hosts: []string{"*.com"}},
	}}
	set, err := policy.Compile(&spec, lib, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	want := []policy.Warning{
		{Field: "rules[0].list", Msg: "catalog l, entry 3"},
		{File: "f.txt:2", Msg: "cannot be seen in a tunnel"},
		{Field: "rules[2].hosts[0]", Msg: "whole top-level domain"},
	}
	got := set.Warnings()
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i, w := range want {
		if got[i].Field != w.Field || got[i].File != w.File || !strings.Contains(got[i].Msg, w.Msg) {
			t.Errorf("warning %d = %+v, want %+v", i, got[i], w)
		}
	}
}

// The names that records and explanations show.
func TestDecisionNamesItsEntry(t *testing.T) {
	lib := library{Files: map[string]string{"lists/a.txt": "# ours\nexample.com\nid.example.com id=gns phase=p cloud=china\nid.example.com id=gns phase=p"}}
	spec := policy.Spec{
		Phases: map[string]policy.PhaseSpec{"p": {Active: true}},
		Rules:  []policy.RuleSpec{{ID: "learned", File: "lists/a.txt"}, {ID: "h", Hosts: []string{"h.example.com"}, Source: "webproxy.yaml:9"}},
	}
	set, err := policy.Compile(&spec, lib, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ url, rule, source, phase string }{
		{"https://example.com", "learned", "lists/a.txt:2", ""},
		{"https://id.example.com", "learned/gns", "lists/a.txt:4", "p"},
		{"https://h.example.com", "h", "webproxy.yaml:9", ""},
		{"https://other.example.com", "", "", ""},
	}
	for _, tt := range tests {
		d := set.Decide(ask(t, tt.url))
		if d.Rule() != tt.rule || d.Source() != tt.source || d.Phase() != tt.phase || d.Policy() != set.Digest() || d.Group != "default" {
			t.Errorf("%s: rule %q source %q phase %q policy %q group %q, want %q %q %q", tt.url, d.Rule(), d.Source(), d.Phase(), d.Policy(), d.Group, tt.rule, tt.source, tt.phase)
		}
	}
	if set.Len() != 3 {
		t.Errorf("Len() = %d, want 3: the entry for another cloud is not in force", set.Len())
	}
}

func TestRunTests(t *testing.T) {
	set := compile(t, policy.Spec{
		Clients: map[string][]string{"nodes": {"10.0.1.0/24"}},
		Modes:   map[string]policy.Mode{"nodes": policy.Learn},
		Rules:   []policy.RuleSpec{{ID: "a", Hosts: []string{"a.example.com"}}},
	})
	good := policy.TestsSpec{
		Allow: []policy.TestSpec{{From: "nodes", To: "https://a.example.com"}, {From: "10.0.1.9", To: "https://a.example.com/path"}},
		// Learn mode lets it through, but the rules deny it.
		Deny: []policy.TestSpec{{From: "nodes", To: "https://b.example.com"}, {From: "203.0.113.9", To: "https://a.example.com"}, {From: "nodes", To: "http://a.example.com"}},
	}
	if err := set.RunTests(good, now); err != nil {
		t.Errorf("good tests: %v", err)
	}
	bad := policy.TestsSpec{
		Allow: []policy.TestSpec{{From: "nodes", To: "https://b.example.com"}, {From: "moon", To: "https://a.example.com"}},
		Deny:  []policy.TestSpec{{From: "nodes", To: "https://a.example.com"}, {From: "nodes", To: "a..b"}},
	}
	var errs policy.SpecErrors
	if !errors.As(set.RunTests(bad, now), &errs) || len(errs) != 4 {
		t.Fatalf("bad tests: %v", errs)
	}
	for i, want := range []string{
		"tests.allow[0]: test failed: https://b.example.com is denied for nodes (host_not_listed)",
		`tests.allow[1].from: "moon" is neither`,
		"tests.deny[0]: test failed: https://a.example.com is allowed for nodes (allowed_by_rule a)",
		"tests.deny[1].to: ",
	} {
		if !strings.HasPrefix(errs[i].Error(), want) {
			t.Errorf("got %q, want %q", errs[i], want)
		}
	}
}

func TestDiff(t *testing.T) {
	rules := []policy.RuleSpec{
		{ID: "a", Hosts: []string{"a.example.com"}, Ports: []uint16{80, 443}},
		{ID: "b", Hosts: []string{"*.b.example.com"}, Phase: "p", Deny: true},
	}
	phases := map[string]policy.PhaseSpec{"p": {}}
	old := compile(t, policy.Spec{Rules: rules, Phases: phases})
	if a, r := policy.Diff(old, old); a != nil || r != nil {
		t.Errorf("Diff of equal sets: %v, %v", a, r)
	}
	changed := compile(t, policy.Spec{
		Rules:  []policy.RuleSpec{rules[1], {ID: "a", Hosts: []string{"a.example.com"}}},
		Phases: map[string]policy.PhaseSpec{"p": {Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}},
	})
	added, removed := policy.Diff(old, changed)
	wantAdded := []string{"allow a https://a.example.com:443", "phase p active=false until=2026-12-01 00:00 UTC schedule=\"\""}
	wantRemoved := []string{"allow a http://a.example.com:80 https://a.example.com:80,443", "phase p active=false until=never schedule=\"\""}
	if strings.Join(added, "\n") != strings.Join(wantAdded, "\n") || strings.Join(removed, "\n") != strings.Join(wantRemoved, "\n") {
		t.Errorf("added %q\nremoved %q", added, removed)
	}
	if added, _ := policy.Diff(nil, old); len(added) != 9 {
		t.Errorf("from nothing: %q", added)
	}
}

func TestExplain(t *testing.T) {
	lib := library{Lists: map[string]policy.List{"arc": {Entries: entries(t,
		"https://*.guestnotificationservice.azure.com id=gns-any",
		"https://guestnotificationservice.azure.com id=gns phase=onboarding",
	)}}}
	spec := policy.Spec{
		Clients: map[string][]string{"nodes": {"10.0.1.0/24"}, "wac": {"10.0.2.0/24"}},
		Phases:  map[string]policy.PhaseSpec{"onboarding": {Until: now.Add(-time.Hour)}},
		Rules: []policy.RuleSpec{
			{ID: "arc", List: "arc"},
			{ID: "cli", URL: "http://aka.ms/cli"},
			{ID: "wac", Hosts: []string{"wac.example.com"}, For: []string{"wac"}},
			{ID: "get", Hosts: []string{"get.example.com"}, Schemes: []policy.Scheme{policy.HTTP}, Methods: []string{"GET"}},
			{ID: "no", Hosts: []string{"*.evil.org"}, Deny: true},
			{ID: "beaten", Hosts: []string{"y.evil.org"}},
			{ID: "priv", Hosts: []string{"10.8.0.1"}, Private: "allow"},
		},
	}
	set, err := policy.Compile(&spec, lib, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		method, url    string
		reason         policy.Reason
		why, near, fix string
	}{
		{"", "https://guestnotificationservice.azure.com", policy.PhaseInactive, "arc/gns (catalog, entry 2) lists this host, but only in phase onboarding, which ended 2026-11-24 11:00 UTC",
			"*.guestnotificationservice.azure.com a wildcard does not match the bare name", "webproxy phase start onboarding --for 4h"},
		{"", "https://a.guestnotificationservice.azure.com", policy.AllowedByRule, "*.guestnotificationservice.azure.com of arc/gns-any (catalog, entry 1) allows it", "", ""},
		{"", "https://xguestnotificationservice.azure.com", policy.HostNotListed, "no rule names", "only share an ending", "xguestnotificationservice.azure.com:443"},
		{"", "http://aka.ms/other", policy.PathNotAllowed, "only the path /cli", "", "http://aka.ms:80/other"},
		{"", "https://aka.ms", policy.PortNotAllowed, "only for plain HTTP on port 80", "", "aka.ms:443"},
		{"", "https://wac.example.com", policy.ClientNotAllowed, "only for clients in wac", "", "add nodes to for of wac"},
		{"POST", "http://get.example.com", policy.MethodNotAllowed, "only for the methods GET", "", "add POST"},
		{"", "https://x.evil.org", policy.DeniedByRule, "denies it, and a deny beats every allow", "", "remove or narrow no"},
		{"", "https://y.evil.org", policy.DeniedByRule, "denies it", "y.evil.org allows it, and would decide if nothing denied it", "remove or narrow no"},
		{"", "https://10.8.0.2", policy.IPLiteral, "an IP address that no rule names", "", `hosts: ["10.8.0.2"], private: allow`},
		{"", "https://b.get.example.com", policy.HostNotListed, "no rule names b.get.example.com", "an exact name does not match the names below it", "b.get.example.com:443"},
	}
	for _, tt := range tests {
		req := ask(t, tt.url)
		if tt.method != "" {
			req.Method = tt.method
		}
		x := set.Explain(req)
		near, fixes := "", strings.Join(x.Fixes, "\n")
		for _, n := range x.Near {
			near += n.Entry + " " + n.Why + "\n"
		}
		if x.Reason != tt.reason || !strings.Contains(x.Why, tt.why) || !strings.Contains(near, tt.near) || !strings.Contains(fixes, tt.fix) || (tt.fix == "") != (fixes == "") {
			t.Errorf("%s: %s\n why  %s\n near %s fix  %s", tt.url, x.Reason, x.Why, near, fixes)
		}
	}
	if x := set.Explain(ask(t, "https://169.254.169.254")); len(x.Fixes) != 1 || strings.Contains(x.Fixes[0], "rule") {
		t.Errorf("an address that no rule can allow: %q", x.Fixes)
	}
	req := ask(t, "https://wac.example.com")
	req.Client = netip.MustParseAddr("192.0.2.1")
	if x := set.Explain(req); x.Reason != policy.ClientUnknown || len(x.Fixes) != 1 {
		t.Errorf("unknown client: %+v", x)
	}
}

func entries(t *testing.T, lines ...string) []policy.Entry {
	t.Helper()
	var all []policy.Entry
	for i, l := range lines {
		e, err := policy.ParseEntry(l)
		if err != nil {
			t.Fatal(err)
		}
		e.Source = "catalog, entry " + string(rune('1'+i))
		all = append(all, e)
	}
	return all
}

func TestLive(t *testing.T) {
	var live policy.Live
	set := compile(t, policy.Spec{})
	if live.Swap(set) != nil || live.Load() != set || live.Swap(nil) != set {
		t.Error("Swap does not return what was in force")
	}
}
