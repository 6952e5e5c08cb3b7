package doctor_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/doctor"
	"webproxy/policy"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// target is the endpoint at address, as a policy with one rule for *.allowed.example decides.
func target(t *testing.T, address string) doctor.Target {
	t.Helper()
	set, err := policy.Compile(&policy.Spec{
		Clients: map[string][]string{"nodes": {"10.0.1.0/24"}},
		Rules:   []policy.RuleSpec{{ID: "lab", Hosts: []string{"*.allowed.example", "*.his.arc.azure.com"}, Ports: []uint16{80, 443}, Schemes: []policy.Scheme{policy.HTTP, policy.HTTPS}}},
	}, nil, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	req, err := policy.NewRequest(netip.MustParseAddr("10.0.1.5"), "", address, now)
	if err != nil {
		t.Fatal(err)
	}
	x := set.Explain(&req)
	return doctor.Target{
		URL: address, Host: req.Target.Host(), Port: req.Target.Port(), Scheme: req.Target.Scheme(), Path: "/", Required: true,
		Policy: x.Decision, Why: x.Why, Fixes: x.Fixes,
	}
}

func TestEvaluate(t *testing.T) {
	const plain = "http://a.allowed.example/"
	at := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	responded := func(s string, status int) doctor.Hop {
		return doctor.Hop{URL: at(s), Stage: doctor.Responded, Status: status, FirstByte: time.Millisecond}
	}
	private := []netip.Addr{netip.MustParseAddr("10.20.3.4")}
	tests := []struct {
		want, category string // the finding, the category
		url            string
		seen           doctor.Observation
	}{
		// a response is success, whatever its status
		{"", "Success", plain, doctor.Observation{Hops: []doctor.Hop{responded(plain, 200)}}},
		{"", "Success", plain, doctor.Observation{Hops: []doctor.Hop{responded(plain, 404)}}},
		// refusals of this proxy
		{"WD-DENIED", "ConfigGap", "http://b.example/", doctor.Observation{Hops: []doctor.Hop{{URL: at("http://b.example/"), Refused: "host_not_listed", Status: 403}}}},
		{"WD-CRL", "ConfigGap", "http://ocsp.digicert.com/", doctor.Observation{Hops: []doctor.Hop{{URL: at("http://ocsp.digicert.com/"), Refused: "host_not_listed"}}}},
		{"WD-BUSY", "ConnectivityFailure", plain, doctor.Observation{Hops: []doctor.Hop{{URL: at(plain), Refused: "rate_limited"}}}},
		{"WD-PRIV", "PrivateLink", plain, doctor.Observation{Addrs: private, Hops: []doctor.Hop{{URL: at(plain), Refused: "private_address"}}}},
		{"WD-PRIV-ARC", "PrivateLink", "https://gbl.his.arc.azure.com", doctor.Observation{Hops: []doctor.Hop{{URL: at("https://gbl.his.arc.azure.com"), Refused: "private_address"}}}},
		// a private address of Arc is the cause, even if a rule allows it and nothing listens there
		{"WD-PRIV-ARC", "PrivateLink", "https://gbl.his.arc.azure.com", doctor.Observation{Addrs: private, Hops: []doctor.Hop{{URL: at("https://gbl.his.arc.azure.com"), Trouble: "connection_timeout"}}}},
		{"WD-PRIV-ARC", "PrivateLink", "https://gbl.his.arc.azure.com", doctor.Observation{Addrs: private, Hops: []doctor.Hop{responded("http://gbl.his.arc.azure.com", 200)}}},
		// failures on the way
		{"WD-DNS", "ConnectivityFailure", plain, doctor.Observation{Hops: []doctor.Hop{{URL: at(plain), Trouble: "dns_timeout"}}}},
		{"WD-TCP", "ConnectivityFailure", plain, doctor.Observation{Hops: []doctor.Hop{{URL: at(plain), Trouble: "connection_timeout"}}}},
		{"WD-UPSTREAM", "ConnectivityFailure", plain, doctor.Observation{Hops: []doctor.Hop{{URL: at(plain), Trouble: "connection_refused", Upstream: "proxy-a"}}}},
		{"WD-PROXY", "ConnectivityFailure", plain, doctor.Observation{Hops: []doctor.Hop{{URL: at(plain), Err: "connection refused"}}}},
		{"WD-MIDDLEBOX", "ConnectivityFailure", "https://a.allowed.example", doctor.Observation{Hops: []doctor.Hop{{URL: at("https://a.allowed.example"), Stage: doctor.ToOrigin, Status: 403}}}},
		{"WD-TLS", "ConnectivityFailure", "https://a.allowed.example", doctor.Observation{Hops: []doctor.Hop{{URL: at("https://a.allowed.example"), Stage: doctor.InTLS, Err: "the connection was ended"}}}},
		{"WD-NO-RESPONSE", "ConnectivityFailure", plain, doctor.Observation{Hops: []doctor.Hop{{URL: at(plain), Stage: doctor.InRequest, Err: "nothing within 20s"}}}},
		{"WD-NO-RESPONSE", "ConnectivityFailure", "https://a.allowed.example", doctor.Observation{Hops: []doctor.Hop{{URL: at("https://a.allowed.example"), Stage: doctor.ToOrigin, Late: true, Err: "nothing within 2s"}}}},
		{"WD-PROXY", "ConnectivityFailure", "https://a.allowed.example", doctor.Observation{Hops: []doctor.Hop{{URL: at("https://a.allowed.example"), Stage: doctor.ToOrigin, Err: "the connection was ended"}}}},
		// responses of others than the host
		{"WD-MIDDLEBOX", "ConnectivityFailure", plain, doctor.Observation{Hops: []doctor.Hop{{URL: at(plain), Stage: doctor.Responded, Status: 200, Server: "FortiGate"}}}},
		{"WD-MIDDLEBOX", "ConnectivityFailure", plain, doctor.Observation{Hops: []doctor.Hop{{URL: at(plain), Stage: doctor.Responded, Status: 511}}}},
		{"WD-MIDDLEBOX", "ConnectivityFailure", "http://www.msftconnecttest.com/connecttest.txt", doctor.Observation{Hops: []doctor.Hop{{URL: at("http://www.msftconnecttest.com/connecttest.txt"), Stage: doctor.Responded, Status: 200, Body: "<html>"}}}},
		// redirects
		{"", "Success", plain, doctor.Observation{Hops: []doctor.Hop{responded(plain, 302), responded("http://c.allowed.example/", 200)}}},
		{"WD-REDIRECT", "ConfigGap", plain, doctor.Observation{Hops: []doctor.Hop{responded(plain, 302), {URL: at("https://b.example"), Refused: "host_not_listed"}}}},
		{"WD-LOOP", "ConnectivityFailure", plain, doctor.Observation{Hops: []doctor.Hop{responded(plain, 302), {URL: at(plain), Stage: doctor.Responded, Status: 302, Location: plain}}}},
		// parts
		{"", "Success", plain, doctor.Observation{Hops: []doctor.Hop{{URL: at(plain), Stage: doctor.Responded, Status: 200, Range: &doctor.Range{From: 1, To: 4, Status: 206, ContentRange: "bytes 1-4/9", Length: 4}}}}},
		{"WD-RANGE", "ConnectivityFailure", plain, doctor.Observation{Hops: []doctor.Hop{{URL: at(plain), Stage: doctor.Responded, Status: 200, Range: &doctor.Range{From: 1, To: 4, Status: 206, ContentRange: "bytes 0-9/9", Length: 9}}}}},
		{"WD-RANGE", "ConnectivityFailure", plain, doctor.Observation{Hops: []doctor.Hop{{URL: at(plain), Stage: doctor.Responded, Status: 200, Range: &doctor.Range{From: 1, To: 4, Status: 200}}}}},
		// time
		{"WD-SLOW", "Success", plain, doctor.Observation{Hops: []doctor.Hop{{URL: at(plain), Stage: doctor.Responded, Status: 200, FirstByte: 6 * time.Second}}}},
	}
	for _, tt := range tests {
		row := doctor.Evaluate(target(t, tt.url), tt.seen, doctor.Options{Now: now, Roots: x509.NewCertPool()})
		got := ""
		if row.Finding != nil {
			got = row.Finding.ID
		}
		if got != tt.want || string(row.Category) != tt.category {
			t.Errorf("%s: %+v: %s %s (%s), want %s %s", tt.url, tt.seen.Hops, got, row.Category, row.Detail, tt.want, tt.category)
		}
	}
}

// Nodes do not need pages for people.
func TestPagesForPeople(t *testing.T) {
	front, _ := url.Parse("http://login.microsoftonline.com/")
	away, _ := url.Parse("http://www.office.com/login")
	tgt := target(t, "http://a.allowed.example/")
	tgt.Host = "login.microsoftonline.com"
	row := doctor.Evaluate(tgt, doctor.Observation{Hops: []doctor.Hop{{URL: front, Stage: doctor.Responded, Status: 302}, {URL: away, Refused: "host_not_listed"}}}, doctor.Options{Now: now})
	if row.Finding != nil {
		t.Errorf("%s: %s", row.Finding.ID, row.Detail)
	}
}

// If a wildcard's example does not exist, that is not a finding.
func TestExampleGone(t *testing.T) {
	tgt := target(t, "http://a.allowed.example/")
	tgt.Listed = "*.allowed.example"
	u, _ := url.Parse(tgt.URL)
	row := doctor.Evaluate(tgt, doctor.Observation{Hops: []doctor.Hop{{URL: u, Trouble: "dns_error"}}}, doctor.Options{Now: now})
	if row.Finding != nil || row.Category != doctor.Skipped {
		t.Errorf("%+v", row)
	}
}

// The roots are those that Microsoft publishes: the fingerprints are from its PKI repository.
func TestMicrosoftRoots(t *testing.T) {
	want := map[string]string{
		"microsoft-root-2011.pem":             "847df6a78497943f27fc72eb93f9a637320a02b561d0a91b09e87a7807ed7c61",
		"microsoft-ecc-product-root-2018.pem": "caca93b9d23d2b6fa76e8b8471931e0df3ec6f63af3cdbb936c41954a1872326",
	}
	files, err := filepath.Glob("roots/*")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(data)
		sum := sha256.Sum256(block.Bytes)
		if got := hex.EncodeToString(sum[:]); got != want[filepath.Base(f)] {
			t.Errorf("%s: %s", f, got)
		}
	}
	if err := doctor.AddMicrosoftRoots(x509.NewCertPool()); err != nil {
		t.Error(err)
	}
}

func TestFindingsHaveWords(t *testing.T) {
	var ids []string
	for _, f := range doctor.Findings() {
		if f.ID == "" || f.Title == "" || f.About == "" || f.Mark == "" || f.Category == "" || slices.Contains(ids, f.ID) {
			t.Errorf("%+v", f)
		}
		ids = append(ids, f.ID)
	}
}

// Data from the network is shown as text.
func TestHTMLEscapes(t *testing.T) {
	u, _ := url.Parse("http://a.allowed.example/")
	row := doctor.Evaluate(target(t, u.String()), doctor.Observation{Hops: []doctor.Hop{{URL: u, Stage: doctor.Responded, Status: 200, Server: "squid <script>alert(1)</script>\x1b[31m"}}}, doctor.Options{Now: now})
	var page, text strings.Builder
	report := doctor.NewReport(doctor.Head{Proxy: "10.0.1.5:9090", Began: now}, []doctor.Row{row})
	if err := report.WriteHTML(&page, "node", "devel"); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteText(&text, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), "<script>") || strings.Contains(page.String()+text.String(), "\x1b") || !strings.Contains(page.String(), "WD-MIDDLEBOX") {
		t.Errorf("%s\n%s", page.String(), text.String())
	}
}

// A wrong clock is a finding; an unreachable proxy is one finding, not one for each endpoint.
func TestReport(t *testing.T) {
	u, _ := url.Parse("https://a.allowed.example/")
	ok := doctor.Row{Target: doctor.Target{Host: "a.allowed.example"}, Category: doctor.Success}
	ok.Seen = doctor.Observation{At: now, Hops: []doctor.Hop{{URL: u, Stage: doctor.Responded, Date: now.Add(-5 * time.Minute)}}}
	report := doctor.NewReport(doctor.Head{}, []doctor.Row{ok})
	if len(report.Notices) != 1 || report.Notices[0].Finding.ID != "WD-CLOCK" || !strings.Contains(report.Notices[0].Detail, "ahead of 1 server") {
		t.Errorf("%+v", report.Notices)
	}
	var rows []doctor.Row
	for range 3 {
		rows = append(rows, doctor.Evaluate(target(t, u.String()), doctor.Observation{Hops: []doctor.Hop{{URL: u, Err: "connection refused"}}}, doctor.Options{Now: now}))
	}
	report = doctor.NewReport(doctor.Head{Proxy: "p:1"}, rows)
	if n, blocking := report.Findings(); n != 1 || blocking != 1 || report.Notices[0].Finding.ID != "WD-PROXY" {
		t.Errorf("%d %d %+v", n, blocking, report.Notices)
	}
}

func TestComparison(t *testing.T) {
	c := doctor.NewComparison("10.0.1.11", "node2")
	add := func(r audit.Record) { r.Scheme, r.Port = "https", 443; c.Add(&r) }
	one, two := netip.MustParseAddr("10.0.1.11"), netip.MustParseAddr("10.0.1.12")
	for _, host := range []string{"both.example", "one.example", "fails.example"} {
		add(audit.Record{Type: audit.TypeDecision, ID: host, Client: one, Host: host, Decision: "allow", Time: now})
	}
	add(audit.Record{Type: audit.TypeDecision, ID: "A", Client: two, ClientName: "node2", Host: "both.example", Decision: "allow", Time: now})
	add(audit.Record{Type: audit.TypeRepeat, ID: "B", Client: two, ClientName: "node2", Host: "one.example", Decision: "deny", Reason: "host_not_listed", Count: 7, Time: now})
	add(audit.Record{Type: audit.TypeDecision, ID: "C", Client: two, ClientName: "NODE2", Host: "fails.example", Decision: "would_deny", Time: now})
	add(audit.Record{Type: audit.TypeClose, ID: "C", Error: "dns_error"})
	got := c.Differences()
	if len(got) != 2 || got[0].Endpoint != "https://fails.example:443" || got[0].Of[1].Failed != 1 || got[1].Of[1].Denied != 7 || got[1].NotBy != "node2" {
		t.Errorf("%+v", got)
	}
}

// Endpoints that fail for the same cause share a line, or have a row each if all rows are wanted.
func TestTogether(t *testing.T) {
	var rows []doctor.Row
	for i := range 8 {
		u, _ := url.Parse(fmt.Sprintf("http://h%d.allowed.example/", i))
		seen := doctor.Observation{Hops: []doctor.Hop{{URL: u, Trouble: "dns_error"}}, Asked: []doctor.Asked{{"10.0.0.2:53", "no such name"}, {"10.0.0.3:53", "does not answer"}}}
		if i == 6 {
			seen.Asked[1].Answer = "has it, 192.0.2.1" // another cause
		}
		if i == 7 {
			seen.Hops[0].Trouble = "connection_timeout"
		}
		rows = append(rows, doctor.Evaluate(target(t, u.String()), seen, doctor.Options{Now: now}))
	}
	report := doctor.NewReport(doctor.Head{Proxy: "10.0.1.5:9090", Began: now}, rows)
	for all, want := range map[bool]int{false: 3, true: 8} {
		var b strings.Builder
		if err := report.WriteText(&b, all); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		likewise := strings.Contains(text, "likewise h1.allowed.example:80, h2.allowed.example:80, h3.allowed.example:80, h4.allowed.example:80 and 1 more (--all)\n")
		if strings.Count(text, "   DEAD ") != want || likewise == all || !strings.Contains(text, "dns_error after 0s, 2 resolvers asked") || !strings.Contains(text, "8 unreachable") || !strings.Contains(text, "fix: 10.0.0.2: no such name; 10.0.0.3: does not answer. ") {
			t.Errorf("all %v:\n%s", all, text)
		}
	}
}
