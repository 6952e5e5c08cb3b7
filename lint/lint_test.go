package lint_test

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/catalog"
	"webproxy/internal/policytest"
	"webproxy/internal/setting"
	"webproxy/lint"
	"webproxy/policy"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// library is list files in memory, beside the catalog.
type library map[string]string

func (l library) text(name string) ([]byte, error) {
	text, ok := l[name]
	if !ok {
		return nil, os.ErrNotExist
	}
	return []byte(text), nil
}

func input(t testing.TB, spec policy.Spec, files library) lint.Input {
	t.Helper()
	for i := range spec.Rules {
		if spec.Rules[i].Source == "" {
			spec.Rules[i].Source = fmt.Sprintf("webproxy.yaml:%d", i+1)
		}
	}
	set, err := policy.Compile(&spec, policytest.Library{
		Catalog: catalog.Get, Files: files, AnyTag: []netip.Prefix{netip.MustParsePrefix("20.0.0.0/8")},
	}, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return lint.Input{Set: set, Spec: &spec, Now: now, Text: files.text, Since: now.AddDate(0, 0, -30)}
}

func check(t *testing.T, spec policy.Spec, files library) []lint.Finding {
	t.Helper()
	found, err := lint.Check(input(t, spec, files))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Each case is a list file, the rules beside it, and the only findings there may be, as "code line
// entry".
func TestFindings(t *testing.T) {
	own := policy.RuleSpec{ID: "own", File: "own.txt"}
	tests := []struct {
		name  string
		want  []string
		file  string
		rules []policy.RuleSpec
	}{
		{"nothing", nil, "www.example.org", nil},
		// redundant and shadowed
		{"below a wildcard", []string{"redundant 3 https://a.b.example.org"}, "example.org\n*.example.org\na.b.example.org", nil},
		{"repeated", []string{"redundant 2 https://www.example.org"}, "www.example.org id=a\nwww.example.org id=b", nil},
		{"in a narrower glob", []string{"redundant 2 https://ab1*.example.org"}, "ab*.example.org\nab1*.example.org", nil},
		{"more ports", nil, "example.org\n*.example.org\na.example.org:443,8443", nil},
		{"longer", nil, "www.example.org expires=2027-01-01\nwww.example.org phase=p", nil},
		{"under a deny", []string{"shadowed 1 https://a.example.org"}, "a.example.org",
			[]policy.RuleSpec{{ID: "never", Deny: true, Hosts: []string{"*.example.org"}}}},
		{"a part under a deny", nil, "*.example.org\nexample.org",
			[]policy.RuleSpec{{ID: "never", Deny: true, Hosts: []string{"a.example.org"}}}},
		{"private under a deny", []string{"shadowed 2 https://a.example.org"}, "",
			[]policy.RuleSpec{{ID: "never", Deny: true, Hosts: []string{"*.example.org"}}, {ID: "in", Hosts: []string{"a.example.org"}, Private: "allow"}}},
		{"a deny under a deny", []string{"redundant 2 http+https://a.example.org"}, "",
			[]policy.RuleSpec{{ID: "never", Deny: true, Hosts: []string{"*.example.org"}}, {ID: "nor", Deny: true, Hosts: []string{"a.example.org"}}}},
		// shared
		{"shared suffix", []string{"shared-suffix 1 *.blob.core.windows.net"}, "*.blob.core.windows.net", nil},
		{"free prefix", []string{"shared-suffix 1 azgn*.servicebus.windows.net"}, "azgn*.servicebus.windows.net", nil},
		{"above", []string{"shared-suffix 2 *.azure.com"}, "azure.com\n*.azure.com", nil},
		{"public suffix", []string{"shared-suffix 1 *.co.uk"}, "*.co.uk", nil},
		{"one owner", nil, "acct.blob.core.windows.net\n*.acct.blob.core.windows.net", nil},
		{"denied", nil, "", []policy.RuleSpec{{ID: "never", Deny: true, Hosts: []string{"*.blob.core.windows.net"}}}},
		{"shared host", []string{"shared-host 1 storage.googleapis.com"}, "storage.googleapis.com", nil},
		{"a path that holds", nil, "http://storage.googleapis.com/bucket", nil},
		{"bundled elsewhere", []string{"shared-suffix 2 *.azure.us", "shared-suffix 3 *.ods.opinsights.azure.com", "shared-suffix 4 *.azconfig.io"},
			"azure.us\n*.azure.us\n*.ods.opinsights.azure.com\n*.azconfig.io", nil},
		{"above public suffixes", []string{"shared-suffix 2 *.amazonaws.com"}, "amazonaws.com\n*.amazonaws.com", nil},
		{"receives data", []string{"data-receiver 1 x.requestcatcher.com", "data-receiver 2 *.ngrok.io", "data-receiver 3 webhook.site"},
			"x.requestcatcher.com\n*.ngrok.io\nwebhook.site", nil},
		// apex
		{"no apex", []string{"apex-missing 1 *.example.org"}, "*.example.org", nil},
		{"apex elsewhere", nil, "*.example.org\nhttp://example.org", nil},
		{"apex under a wildcard", []string{"redundant 3 https://*.b.example.org"}, "example.org\n*.example.org\n*.b.example.org", nil},
		{"apex not denied", []string{"apex-missing 2 *.example.org"}, "example.org",
			[]policy.RuleSpec{{ID: "a", Hosts: []string{"x.example.net"}}, {ID: "never", Deny: true, Hosts: []string{"*.example.org"}}}},
		// what cannot match
		{"expired", []string{"expired 1 https://a.example.org"}, "a.example.org expires=2026-11-01", nil},
		{"not yet", nil, "a.example.org expires=2026-11-24", nil},
		{"tunnels by GET", []string{"never-matches 1 https://a.example.org"}, "",
			[]policy.RuleSpec{{ID: "get", Hosts: []string{"a.example.org"}, Methods: []string{"GET"}}}},
		{"plain by CONNECT", []string{"never-matches 1 http://a.example.org"}, "",
			[]policy.RuleSpec{{ID: "get", Hosts: []string{"a.example.org"}, Schemes: []policy.Scheme{policy.HTTP}, Methods: []string{"CONNECT"}}}},
		{"plain by GET", nil, "",
			[]policy.RuleSpec{{ID: "get", Hosts: []string{"a.example.org"}, Ports: []uint16{80}, Methods: []string{"GET"}}}},
		{"inside TLS", nil, "", []policy.RuleSpec{{ID: "in", URL: "https://a.example.org/x", Inspect: true, Methods: []string{"GET"}}}},
		{"no such domain", []string{"never-matches 1 https://a.invalid"}, "a.invalid", nil},
		{"loopback", []string{"never-matches 1 https://a.localhost"}, "a.localhost", nil},
		{"loopback, allowed", nil, "", []policy.RuleSpec{{ID: "l", Hosts: []string{"localhost"}, Private: "allow"}}},
		// paths
		{"path over TLS", []string{"path-over-tls 1 https://a.example.org/x?q=1"}, "https://a.example.org/x?q=1", nil},
		{"path in clear", nil, "http://a.example.org/x", nil},
		// tags
		{"a tag", nil, "a.example.org tag=storage.westeurope", nil},
		{"no such tag", []string{"unknown-service-tag 2 AzureArcInfra"}, "# tags\na.example.org tag=Storage,AzureArcInfra", nil},
		{"a region of Arc's tag", []string{"regional-service-tag 1 azurearcinfrastructure.EastUS"}, "",
			[]policy.RuleSpec{{ID: "r", Hosts: []string{"www.example.org"}, ServiceTag: &policy.ServiceTagSpec{Name: "azurearcinfrastructure.EastUS", Check: policy.TagOff}}}},
		{"no such tag, unchecked", []string{"unknown-service-tag 1 Storge"}, "",
			[]policy.RuleSpec{{ID: "s", Hosts: []string{"a.example.org"}, ServiceTag: &policy.ServiceTagSpec{Name: "Storge", Check: policy.TagOff}}}},
		// look-alikes
		{"mixed scripts", []string{"look-alike 1 xn--micrsoft-qbh.com"}, "micrоsoft.com", nil},
		{"all Cyrillic", []string{"look-alike 1 xn--80ak6aa92e.com"}, "аррӏе.com", nil},
		{"honest", nil, "müller.example.org\nпример.example.org\n東京tokyo.example.org", nil},
		{"m for rn", []string{"look-alike 1 login.rnicrosoft.com"}, "login.rnicrosoft.com", nil},
		{"0 for o", []string{"look-alike 1 www.micros0ft.com"}, "www.micros0ft.com", nil},
		{"swapped", []string{"look-alike 1 www.mircosoft.com"}, "www.mircosoft.com", nil},
		{"one less", []string{"look-alike 1 www.windowsupdate.co"}, "www.windowsupdate.co", nil},
		{"a stranger's", []string{"look-alike 1 hybridaks.azurecr.io.evil.com", "look-alike 2 windowsupdate.com.co", "look-alike 3 microsoft-update.net"},
			"hybridaks.azurecr.io.evil.com\nwindowsupdate.com.co\nmicrosoft-update.net", nil},
		{"the real ones", nil, "www.microsoft.com\nx.windowsupdate.com\nx.digicert.cn\naka.ms", nil},
		// as written
		{"capitals", []string{"upper-case 1 WWW.Example.org"}, "https://WWW.Example.org/x", nil},
		{"an address", []string{"upper-case 1 [2606:4700::A]"}, "[2606:4700::A]:443", nil},
		{"an address alone", []string{"upper-case 1 [2606:4700::A]"}, "[2606:4700::A]", nil},
		{"one list, two rules", []string{"redundant 1 https://a.example.org", "upper-case 1 A.example.org"}, "A.example.org",
			[]policy.RuleSpec{{ID: "twice", File: "own.txt"}}},
		{"dot", []string{"trailing-dot 1 www.example.org."}, "www.example.org.:443", nil},
		{"in the configuration", []string{"upper-case 1 A.example.org", "trailing-dot 2 b.example.org."}, "",
			[]policy.RuleSpec{{ID: "a", Hosts: []string{"A.example.org"}}, {ID: "b", URL: "https://b.example.org.:8443"}}},
	}
	for _, tt := range tests {
		spec := policy.Spec{Phases: map[string]policy.PhaseSpec{"p": {}}, Rules: append(slices.Clone(tt.rules), own)}
		var got []string
		for _, f := range check(t, spec, library{"own.txt": tt.file}) {
			if f.Code == lint.PathOverTLS && !strings.Contains(strings.Join(tt.want, " "), "path-over") {
				continue // of cases that are about something else
			}
			got = append(got, fmt.Sprintf("%s %d %s", f.Code, f.Line, f.Entry))
			if f.Reason == "" || f.Fix == "" || f.Rule == "" || f.Level != lint.Warning {
				t.Errorf("%s: %+v, want a warning with rule, reason and fix", tt.name, f)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q\n got %v\nwant %v", tt.name, tt.file, got, tt.want)
		}
	}
}

// Endpoints of a built-in list that lack a setting make one finding for each setting.
func TestLists(t *testing.T) {
	for _, tt := range []struct {
		want []string
		spec policy.Spec
	}{
		{[]string{
			"unfilled-placeholder azure-local@2026-07 policy.names.gateway", "unfilled-placeholder azure-local@2026-07 policy.names.keyvault",
			"unfilled-placeholder azure-local@2026-07 policy.region",
		}, policy.Spec{}},
		{[]string{"not-in-force azure-local@2026-07 policy.region norwayeast"},
			policy.Spec{Region: "norwayeast", Names: map[string]string{"keyvault": "v", "witness": "w", "gateway": "none"}}},
		{nil, policy.Spec{Region: "eastus", Names: map[string]string{"keyvault": "v", "witness": "w", "gateway": "none"}}},
	} {
		tt.spec.Rules = []policy.RuleSpec{{ID: "local", List: "azure-local@2026-07"}}
		var got []string
		for _, f := range check(t, tt.spec, nil) {
			if f.Code == lint.UnfilledPlaceholder || f.Code == lint.NotInForce {
				got = append(got, fmt.Sprintf("%s %s", f.Code, f.Entry))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("region %q\n got %q\nwant %q", tt.spec.Region, got, tt.want)
		}
	}
}

// A list made of documents that are more than half a year old is warned of.
func TestListAge(t *testing.T) {
	for list, want := range map[string]bool{"hci@2021-12": true, "azure-stack-hci": true, "azure-local@2026-11": false, "azure-local@2025-05": true} {
		found := slices.ContainsFunc(check(t, policy.Spec{Region: "eastus", Rules: []policy.RuleSpec{{ID: "r", List: list}}}, nil), func(f lint.Finding) bool {
			return f.Code == lint.ListAge && f.Level == lint.Warning
		})
		if found != want {
			t.Errorf("%s: found %t, want %t", list, found, want)
		}
	}
}

func TestGenerations(t *testing.T) {
	for list, want := range map[string]string{
		"hci":             "",
		"hci@2021-12":     "note: hci@2021-12 says what Microsoft's documents did in 2021-12; there is one of 2026-11; webproxy lists diff hci@2021-12 hci@2026-11 shows what would change",
		"hci@2026-07":     "note: hci@2026-07 says what Microsoft's documents did in 2026-07; there is one of 2026-11; webproxy lists diff hci@2026-07 hci@2026-11 shows what would change",
		"tools":           "", // has no other
		"azure-stack-hci": "",
	} {
		got := ""
		for _, f := range check(t, policy.Spec{Rules: []policy.RuleSpec{{ID: "r", List: list}}}, nil) {
			if f.Code == lint.OldGeneration {
				got += fmt.Sprintf("%s: %s; %s", f.Level, f.Reason, f.Fix)
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", list, got, want)
		}
	}
}

func TestColumns(t *testing.T) {
	yaml := "policy:\n  rules:\n    - id: a\n      hosts:\n        - www.example.org\n        - \"*.blob.core.windows.net\"\n    - { id: b, url: \"https://A.example.org/\" }\n"
	spec := policy.Spec{Rules: []policy.RuleSpec{
		{ID: "a", Hosts: []string{"www.example.org", "*.blob.core.windows.net"}, Source: "webproxy.yaml:3"},
		{ID: "b", URL: "https://A.example.org/", Source: "webproxy.yaml:7"},
		{ID: "c", File: "l.txt", Source: "webproxy.yaml:8"},
	}}
	var got []string
	for _, f := range check(t, spec, library{"webproxy.yaml": yaml, "l.txt": "# list\n  x.invalid\n"}) {
		got = append(got, fmt.Sprintf("%s %s:%d:%d+%d", f.Code, f.File, f.Line, f.Column, f.Width()))
	}
	want := []string{"never-matches l.txt:2:3+9", "shared-suffix webproxy.yaml:6:12+23", "upper-case webproxy.yaml:7:30+13"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The audit log knows which hosts a wildcard was needed for. That it has none is a reason to remove the entry only if
// it reaches back for weeks.
func TestNarrow(t *testing.T) {
	for _, tt := range []struct {
		name, used, unused string // the fixes
		days               int    // that the log reaches back
	}{
		{"weeks", "since 2026-10-25 the audit log has acct2.blob.core.windows.net, acct1.blob.core.windows.net",
			"nothing below it was asked for in the 29 days since 2026-10-25, says the audit log: remove it, or name the hosts that are needed", 30},
		{"a day", "since 2026-11-23 the audit log has acct2.blob.core.windows.net, acct1.blob.core.windows.net (it is of 12 hours only: let it run for some weeks first)",
			"name the hosts that are needed; the audit log is of 12 hours only (since 2026-11-23) and has none of them, which says little: let it run for some weeks first", 1},
		{"nothing", "", "name the hosts that are needed; the audit log has no request yet, so it cannot say which: let it run for some weeks first", -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := input(t, policy.Spec{Rules: []policy.RuleSpec{{ID: "a", Hosts: []string{"*.blob.core.windows.net", "*.azurefd.net"}}}}, nil)
			in.Log, in.Since = narrowLog(t, tt.days), now.AddDate(0, 0, -40)
			found, err := lint.Check(in)
			if err != nil || len(found) != 2 {
				t.Fatalf("Check = %v, %v, want two findings", found, err)
			}
			for _, f := range found {
				hosts, fix := []string{"acct2.blob.core.windows.net", "acct1.blob.core.windows.net"}, tt.used
				if f.Entry == "*.azurefd.net" || tt.used == "" {
					hosts, fix = nil, tt.unused
				}
				if fix = "name the hosts that are needed; " + fix; tt.unused != "" && hosts == nil {
					fix = tt.unused
				}
				if !slices.Equal(f.Hosts, hosts) || f.Fix != fix {
					t.Errorf("%s: hosts %v, fix %q; want %v, %q", f.Entry, f.Hosts, f.Fix, hosts, fix)
				}
			}
			in.Log += "/nowhere"
			if found, err := lint.Check(in); err == nil || len(found) != 2 {
				t.Errorf("without a log: %d findings, %v, want two and an error", len(found), err)
			}
		})
	}
}

// narrowLog writes a log that begins a number of days ago and ends half a day ago.
func narrowLog(t *testing.T, days int) string {
	t.Helper()
	dir := t.TempDir()
	log, err := audit.Open(audit.Options{Dir: dir, Sync: setting.Off})
	if err != nil {
		t.Fatal(err)
	}
	records := []audit.Record{
		{Host: "acct1.blob.core.windows.net", Decision: "allow"}, {Host: "acct2.blob.core.windows.net", Decision: "allow"},
		{Host: "acct2.blob.core.windows.net", Decision: "allow"}, {Host: "denied.blob.core.windows.net", Decision: "deny"},
		{Host: "www.example.org", Decision: "allow"},
	}
	for i, r := range records[:max(0, min(len(records), 5*days))] {
		r.Type, r.Port, r.Method, r.Time = audit.TypeDecision, 443, "CONNECT", now.AddDate(0, 0, -days)
		if i == len(records)-1 {
			r.Time = now.Add(-12 * time.Hour)
		}
		if err := log.Append(&r); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A finding about a built-in list is a note: the operator cannot edit the list.
func TestBuiltInIsNoted(t *testing.T) {
	spec := policy.Spec{Region: "eastus"}
	for _, list := range []string{"portal@2021-12", "tools@2021-12", "aks@2021-12", "arc@2026-07", "monitoring@2026-07"} {
		spec.Rules = append(spec.Rules, policy.RuleSpec{ID: strings.ReplaceAll(list, "@", "-"), List: list})
	}
	codes := map[lint.Code]int{}
	for _, f := range check(t, spec, nil) {
		if strings.HasPrefix(f.Reason, "catalog ") {
			codes[f.Code]++
			if f.Level != lint.Note {
				t.Errorf("%s %s: %s, want a note", f.Code, f.Entry, f.Level)
			}
		}
	}
	for _, code := range []lint.Code{lint.SharedSuffix, lint.SharedHost, lint.PathOverTLS} {
		if codes[code] == 0 {
			t.Errorf("no finding %s: %v", code, codes)
		}
	}
}

func TestBaseline(t *testing.T) {
	spec := policy.Spec{Rules: []policy.RuleSpec{{ID: "own", File: "own.txt"}}}
	before := check(t, spec, library{"own.txt": "*.azurefd.net\nwww.example.org\nwww.example.org\n"})
	var b strings.Builder
	if err := lint.WriteBaseline(&b, before); err != nil {
		t.Fatal(err)
	}
	base, err := lint.ReadBaseline(b.String() + "# a comment\nexpired own https://gone.example.org\n")
	if err != nil {
		t.Fatal(err)
	}
	// other lines, the same findings, and a new one
	after := check(t, spec, library{"own.txt": "# sorted\nwww.example.org\nwww.example.org\n*.azureedge.net\n*.azurefd.net\n"})
	open, accepted, stale := base.Split(after)
	if len(open) != 1 || open[0].Entry != "*.azureedge.net" || len(accepted) != len(before) || stale != 1 {
		t.Errorf("open %v, %d accepted, %d stale, want *.azureedge.net, %d, 1", open, len(accepted), stale, len(before))
	}
	if open, _, _ := (lint.Baseline{}).Split(after); len(open) != len(after) {
		t.Errorf("the zero Baseline leaves %d open, want all %d", len(open), len(after))
	}
	for _, bad := range []string{"shared-sufix a b", "shared-suffix a", "nonsense"} {
		if _, err := lint.ReadBaseline("\n" + bad); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("ReadBaseline(%q) = %v, want an error of line 2", bad, err)
		}
	}
}

// The index finds what comparing everything with everything finds.
func TestIndexAgreesWithScan(t *testing.T) {
	var lines []string
	for i := range 400 {
		host := []string{"a.b.example.org", "*.b.example.org", "a*.b.example.org", "ab*c.b.example.org", "*.x*.example.org", "y.xz.example.org"}[i%6]
		lines = append(lines, fmt.Sprintf("http://%s/%s", host, []string{"z", "p", "p*", "p/q", "p/*", fmt.Sprint(i % 50)}[(i/6)%6]))
	}
	in := input(t, policy.Spec{Rules: []policy.RuleSpec{{ID: "own", File: "own.txt"}}}, library{"own.txt": strings.Join(lines, "\n")})
	found, err := lint.Check(in)
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]bool{}
	for _, f := range found {
		if f.Code == lint.Redundant {
			got[f.Line] = true
		}
	}
	rules := in.Set.Rules()
	for i := range rules {
		want := slices.ContainsFunc(rules, func(o policy.RuleInfo) bool {
			return o.Source != rules[i].Source && o.Covers(rules[i]) && (!rules[i].Covers(o) || before(rules, o, i))
		})
		if got[i+1] != want {
			t.Errorf("line %d, %s: redundant %v, want %v", i+1, rules[i], got[i+1], want)
		}
	}
}

func before(rules []policy.RuleInfo, o policy.RuleInfo, i int) bool {
	return slices.ContainsFunc(rules[:i], func(r policy.RuleInfo) bool { return r.Source == o.Source })
}

func BenchmarkCheck(b *testing.B) {
	for _, shape := range []struct {
		name string
		line func(i int) string
	}{
		{"mixed", func(i int) string {
			return []string{fmt.Sprintf("*.zone%d.example.com", i), fmt.Sprintf("host%d.zone%d.example.com", i, i/2),
				fmt.Sprintf("pre*.glob%d.example.net", i), fmt.Sprintf("http://h%d.example%d.org/p", i, i%1000)}[i%4]
		}},
		{"repeated", func(i int) string { return fmt.Sprintf("www.example.org id=e%d", i) }},
		{"paths", func(i int) string { return fmt.Sprintf("http://www.example.org/p/%d", i) }},
		{"globs", func(i int) string { return fmt.Sprintf("p%d-*.example.org", i) }},
	} {
		b.Run(shape.name, func(b *testing.B) {
			lines := make([]string, 100_000)
			for i := range lines {
				lines[i] = shape.line(i)
			}
			in := input(b, policy.Spec{Rules: []policy.RuleSpec{{ID: "own", File: "own.txt"}}}, library{"own.txt": strings.Join(lines, "\n")})
			for b.Loop() {
				if _, err := lint.Check(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A warning of loading that says it is a finding too is one: check shows the finding alone.
func TestWarningsThatAreFindings(t *testing.T) {
	in := input(t, policy.Spec{Rules: []policy.RuleSpec{{ID: "own", File: "own.txt"}}}, library{"own.txt": "*.com\nhttps://www.example.org/a"})
	found, err := lint.Check(in)
	if err != nil {
		t.Fatal(err)
	}
	warnings := in.Set.Warnings()
	if len(warnings) != 2 {
		t.Fatalf("%d warnings, want 2: %v", len(warnings), warnings)
	}
	for _, w := range warnings {
		if !slices.ContainsFunc(found, func(f lint.Finding) bool { return string(f.Code) == w.Finding }) {
			t.Errorf("no finding %q for the warning %q, among %v", w.Finding, w.Msg, found)
		}
	}
}
