package policy_test

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"webproxy/policy"
)

// TestDecideFiles runs testdata/decide: rules, then one line a case:
//
//	outcome rule-or-reason [from=address] [METHOD] URL
func TestDecideFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/decide/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { decideFile(t, file) })
	}
}

func decideFile(t *testing.T, file string) {
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var spec policy.Spec
	cases := ""
	for _, f := range ar.Files {
		switch text := string(f.Data); f.Name {
		case "spec":
			parseSpec(t, text, &spec)
		case "rules":
			for line := range strings.Lines(text) {
				spec.Rules = append(spec.Rules, parseRule(t, line))
			}
		case "cases":
			cases = text
		}
	}
	set := compile(t, spec)
	ran := 0
	for line := range strings.Lines(cases) {
		if words := strings.Fields(line); words[0] != "#" {
			decideCase(t, set, words)
			ran++
		}
	}
	if ran == 0 {
		t.Fatal("no cases")
	}
}

func decideCase(t *testing.T, set *policy.Set, words []string) {
	t.Helper()
	client, method := netip.MustParseAddr("10.0.1.1"), ""
	rest := words[2:]
	if from, ok := strings.CutPrefix(rest[0], "from="); ok {
		client, rest = netip.MustParseAddr(from), rest[1:]
	}
	if len(rest) == 2 {
		method, rest = rest[0], rest[1:]
	}
	req, err := policy.NewRequest(client, method, rest[0], now)
	if err != nil {
		t.Errorf("%v: %v", words, err)
		return
	}
	d := set.Decide(&req)
	why := d.Reason.String()
	if string(d.Outcome()) == "allow" {
		why = d.Rule()
	}
	if string(d.Outcome()) != words[0] || why != words[1] {
		t.Errorf("%s = %s %s (%s), want %s %s", strings.Join(words[2:], " "), string(d.Outcome()), why, d.Reason, words[0], words[1])
	}
	if d.Permit != (words[0] != "deny") {
		t.Errorf("%s: Permit = %t with outcome %s", strings.Join(words[2:], " "), d.Permit, string(d.Outcome()))
	}
}

func TestZeroDenies(t *testing.T) {
	if (policy.Decision{}).Permit || (policy.Decision{}).Outcome() != "deny" {
		t.Error("the zero Decision permits")
	}
	var live policy.Live
	if d := live.Load().Decide(ask(t, "https://example.com")); d.Permit || d.Verdict != policy.Deny {
		t.Errorf("no Set: %+v", d)
	}
	if d := compile(t, policy.Spec{}).Decide(ask(t, "https://example.com")); d.Permit || d.Reason != policy.HostNotListed {
		t.Errorf("empty Spec: %+v", d)
	}
	if d := compile(t, policy.Spec{}).Decide(&policy.Request{Client: netip.MustParseAddr("10.0.1.1")}); d.Permit || d.Reason != policy.BadTarget {
		t.Errorf("zero Request: %+v", d)
	}
	for _, r := range policy.Reasons() {
		if d := policy.Refusal(r); d.Permit || d.Reason != r {
			t.Errorf("Refusal(%s): %+v", r, d)
		}
	}
	// Even if a caller sets Mode, a Refusal permits no address.
	d := policy.Refusal(policy.BadTarget)
	d.Mode = policy.Learn
	if d.CheckAddr(netip.MustParseAddrPort("8.8.8.8:443")).Permit {
		t.Error("CheckAddr permits a Refusal")
	}
}

func TestReasonWords(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range policy.Reasons() {
		w := r.String()
		if w == "" || w == "unset" || seen[w] || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("Reason %d: word %q", r, w)
		}
		seen[w] = true
	}
	if got := policy.Reason(200).String(); got != "unset" {
		t.Errorf("Reason(200) = %q", got)
	}
}

func TestCheckAddr(t *testing.T) {
	self := netip.MustParseAddrPort("10.0.1.5:9090")
	spec := policy.Spec{
		Clients: map[string][]string{"nodes": {"10.0.1.0/24"}, "lab": {"10.0.9.0/24"}},
		Modes:   map[string]policy.Mode{"lab": policy.Learn},
		Rules: []policy.RuleSpec{
			{ID: "pub", Hosts: []string{"pub.example.com"}, Ports: []uint16{443, 9090}},
			{ID: "priv", Hosts: []string{"priv.example.com"}, Ports: []uint16{443, 9090}, Private: "allow"},
			{ID: "tag", Hosts: []string{"tag.example.com"}, ServiceTag: &policy.ServiceTagSpec{Name: "Arc"}},
			{ID: "warn", Hosts: []string{"warn.example.com"}, ServiceTag: &policy.ServiceTagSpec{Name: "Arc", Check: policy.TagWarn}},
		},
	}
	lib := library{Tags: map[string][]netip.Prefix{"Arc": {netip.MustParsePrefix("20.1.0.0/16"), netip.MustParsePrefix("2603:1000::/24")}}}
	set, err := policy.Compile(&spec, lib, policy.Env{Self: []netip.AddrPort{self}})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		want string
		url  string
		addr string
	}{
		{"allow", "https://pub.example.com", "8.8.8.8:443"},
		{"allow", "https://pub.example.com", "[2606:4700::1]:443"},
		{"allow", "https://pub.example.com", "[64:ff9b::808:808]:443"}, // NAT64 of 8.8.8.8
		{"private_address", "https://pub.example.com", "10.0.0.1:443"},
		{"private_address", "https://pub.example.com", "[::ffff:10.0.0.1]:443"},
		{"private_address", "https://pub.example.com", "[64:ff9b::a00:1]:443"},
		{"private_address", "https://pub.example.com", "[2002:a00:1::]:443"},
		{"private_address", "https://pub.example.com", "[::a00:1]:443"},
		{"private_address", "https://pub.example.com", "127.0.0.1:443"},
		{"private_address", "https://pub.example.com", "[::1]:443"},
		{"private_address", "https://pub.example.com", "[fd12::1]:443"},
		{"private_address", "https://pub.example.com", "100.64.0.1:443"},
		{"loop", "https://pub.example.com:9090", "10.0.1.5:9090"},
		// private: allow lifts the private ranges, nothing else
		{"allow", "https://priv.example.com", "10.0.0.1:443"},
		{"allow", "https://priv.example.com", "127.0.0.1:443"},
		{"allow", "https://priv.example.com", "[::1]:443"},
		{"allow", "https://priv.example.com", "8.8.8.8:443"},
		{"loop", "https://priv.example.com:9090", "10.0.1.5:9090"},
		{"loop", "https://priv.example.com:9090", "[::ffff:10.0.1.5]:9090"},
		{"private_address", "https://priv.example.com", "169.254.169.254:443"},
		{"private_address", "https://priv.example.com", "[64:ff9b::a9fe:a9fe]:443"},
		{"private_address", "https://priv.example.com", "168.63.129.16:443"},
		{"private_address", "https://priv.example.com", "0.0.0.0:443"},
		{"private_address", "https://priv.example.com", "[::]:443"},
		{"private_address", "https://priv.example.com", "224.0.0.1:443"},
		{"private_address", "https://priv.example.com", "[fe80::1]:443"},
		{"private_address", "https://priv.example.com", "[fd00:ec2::254]:443"},
		// service tags
		{"allow", "https://tag.example.com", "20.1.2.3:443"},
		{"allow", "https://tag.example.com", "[::ffff:20.1.2.3]:443"},
		{"allow", "https://tag.example.com", "[2603:1000::9]:443"},
		{"service_tag_mismatch", "https://tag.example.com", "20.2.2.3:443"},
		{"allow", "https://warn.example.com", "20.2.2.3:443"},
	}
	for _, tt := range tests {
		d := set.Decide(ask(t, tt.url)).CheckAddr(netip.MustParseAddrPort(tt.addr))
		got := d.Reason.String()
		if d.Permit {
			got = string(d.Outcome())
		}
		if got != tt.want {
			t.Errorf("%s at %s: %s, want %s", tt.url, tt.addr, got, tt.want)
		}
	}
	// Learn mode lifts a service tag's condition, never a guard.
	for addr, want := range map[string]string{"20.2.2.3:443": "would_deny", "10.0.0.1:443": "deny"} {
		req := ask(t, "https://tag.example.com")
		req.Client = netip.MustParseAddr("10.0.9.1")
		if d := set.Decide(req).CheckAddr(netip.MustParseAddrPort(addr)); string(d.Outcome()) != want {
			t.Errorf("learn, %s: %s %s, want %s", addr, string(d.Outcome()), d.Reason, want)
		}
	}
}

func TestCheckSNI(t *testing.T) {
	set := compile(t, policy.Spec{Rules: []policy.RuleSpec{
		{ID: "a", Hosts: []string{"a.example.com", "*.cdn.example.com"}},
		{ID: "b", Hosts: []string{"b.example.com"}, Ports: []uint16{8443}},
	}})
	req := ask(t, "https://a.example.com")
	d := set.Decide(req)
	for name, want := range map[string]bool{
		"a.example.com":     true,
		"A.Example.Com":     true,
		"x.cdn.example.com": true,
		"b.example.com":     false, // listed, on another port
		"evil.org":          false,
		"8.8.8.8":           false,
		"a..example.com":    false,
		"":                  false,
	} {
		got := set.CheckSNI(d, req, name)
		if got.Permit != want || !want && got.Reason != policy.SNIMismatch {
			t.Errorf("CheckSNI(%q) = %t %s, want %t", name, got.Permit, got.Reason, want)
		}
	}
}

// A wider rule anywhere in the file must not be narrowed by another one.
func TestAddressClassIsTheWidest(t *testing.T) {
	rules := []policy.RuleSpec{
		{ID: "plain", Hosts: []string{"*.example.com"}},
		{ID: "priv", Hosts: []string{"a.example.com"}, Private: "allow"},
	}
	for _, order := range [][]policy.RuleSpec{{rules[0], rules[1]}, {rules[1], rules[0]}} {
		d := compile(t, policy.Spec{Rules: order}).Decide(ask(t, "https://a.example.com"))
		if d = d.CheckAddr(netip.MustParseAddrPort("10.0.0.1:443")); !d.Permit || d.Rule() != "priv" {
			t.Errorf("first %s: %s %s by %q", order[0].ID, string(d.Outcome()), d.Reason, d.Rule())
		}
	}
}

func TestPathEnforced(t *testing.T) {
	set := compile(t, policy.Spec{Rules: []policy.RuleSpec{
		{ID: "cli", URL: "https://aka.ms/install"},
		{ID: "crl", URL: "http://crl.example.com/pki"},
		{ID: "host", Hosts: []string{"host.example.com"}},
		{ID: "path", URL: "https://host.example.com/x"},
	}})
	for url, want := range map[string]bool{
		"https://aka.ms/other":       false,
		"http://crl.example.com/pki": true,
		"https://host.example.com":   true, // the rule without a path decides
	} {
		d := set.Decide(ask(t, url))
		if !d.Permit || d.PathEnforced != want {
			t.Errorf("%s: %s, PathEnforced %t, want allow, %t", url, string(d.Outcome()), d.PathEnforced, want)
		}
	}
	if n := len(set.Warnings()); n != 2 {
		t.Errorf("%d warnings, want one for each path that a tunnel hides: %v", n, set.Warnings())
	}
	// Seen inside an inspected tunnel, the path counts.
	req := ask(t, "https://aka.ms/")
	req.Method, req.Path = "GET", "/other"
	if d := set.Decide(req); d.Permit || d.Reason != policy.PathNotAllowed {
		t.Errorf("inspected: %s %s", string(d.Outcome()), d.Reason)
	}
}

// A deny that is about paths or methods inside TLS does not keep the tunnel out: it is opened, and what is
// inside is decided. All other denies do.
func TestDenyInside(t *testing.T) {
	set := compile(t, policy.Spec{
		Modes: map[string]policy.Mode{"default": policy.Enforce},
		Rules: []policy.RuleSpec{
			{ID: "all", Hosts: []string{"*.example.com"}},
			{ID: "path", URL: "https://path.example.com/secret", Deny: true, Inspect: true},
			{ID: "method", Hosts: []string{"method.example.com"}, Methods: []string{"DELETE"}, Deny: true, Inspect: true},
			{ID: "connect", Hosts: []string{"connect.example.com"}, Methods: []string{"CONNECT", "PUT"}, Deny: true, Inspect: true},
			{ID: "host", Hosts: []string{"host.example.com"}, Deny: true, Inspect: true},
			{ID: "none", URL: "https://none.test/secret", Deny: true, Inspect: true},
		},
	})
	for _, tt := range []struct {
		want, method, url, path string
		inspect                 bool
	}{
		{"allow allowed_by_rule all", "CONNECT", "https://path.example.com", "", true},
		{"allow allowed_by_rule all", "GET", "https://path.example.com", "/", false},
		{"deny denied_by_rule path", "GET", "https://path.example.com", "/secret", false},
		{"deny denied_by_rule path", "POST", "https://path.example.com", "/Secret/x", false},
		{"deny denied_by_rule path", "GET", "https://path.example.com", "/a/%2e%2e/secret", false},
		{"allow allowed_by_rule all", "CONNECT", "https://method.example.com", "", true},
		{"allow allowed_by_rule all", "GET", "https://method.example.com", "/x", false},
		{"deny denied_by_rule method", "DELETE", "https://method.example.com", "/x", false},
		{"deny denied_by_rule connect", "CONNECT", "https://connect.example.com", "", false},
		{"deny denied_by_rule host", "CONNECT", "https://host.example.com", "", false},
		// another port is none of the rule's: nothing is opened, and no rule permits it
		{"deny port_not_allowed all", "CONNECT", "https://path.example.com:8443", "", false},
		// it does not permit what no rule does
		{"deny host_not_listed ", "CONNECT", "https://none.test", "", false},
		{"allow allowed_by_rule all", "CONNECT", "https://other.example.com", "", false},
	} {
		req := ask(t, tt.url)
		req.Method, req.Path = tt.method, tt.path
		d := set.Decide(req)
		if got := string(d.Outcome()) + " " + d.Reason.String() + " " + d.Rule(); got != tt.want || d.Inspect() != tt.inspect {
			t.Errorf("%s %s%s: %s, opened %t; want %s, %t", tt.method, tt.url, tt.path, got, d.Inspect(), tt.want, tt.inspect)
		}
	}
}
