package fleet_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/fleet"
	"webproxy/internal/victorialogstest"
	"webproxy/ship"
)

// A siteLog is the audit log of one site.
type siteLog struct {
	name, dir string
	records   []audit.Record
	lines     []string
}

// writeSite writes records to a log of their own, which numbers them, and reads them back.
func writeSite(t testing.TB, name string, records []audit.Record) *siteLog {
	t.Helper()
	s := &siteLog{name: name, dir: filepath.Join(t.TempDir(), "audit")}
	l, err := audit.Open(audit.Options{Dir: s.dir, Site: name})
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if err := l.Append(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = audit.ScanLines(s.dir, audit.ScanOptions{}, func(r *audit.Record, line string) error {
		s.records, s.lines = append(s.records, *r), append(s.lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// send sends the records with numbers from one (inclusive) to another (exclusive), as package ship does.
func (s *siteLog) send(t testing.TB, url string, from, to int) {
	t.Helper()
	s.sendAs(t, url, "", from, to)
}

// sendAs sends them as a proxy does whose site has another name since; empty for the same.
func (s *siteLog) sendAs(t testing.TB, url, site string, from, to int) {
	t.Helper()
	const batch = 512
	for ; from < to; from += batch {
		end := min(from+batch, to)
		body := ship.AppendOTLPAs(nil, site, "proxy-"+s.name, "1.2.3", s.records[from:end], s.lines[from:end])
		resp, err := http.Post(url+"/insert/opentelemetry/v1/logs", "application/x-protobuf", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", resp.Status, text)
		}
	}
}

// words are the parts of random records and random expressions; some are easily misread.
var (
	someHosts = []string{"a.example.com", "b.example.com", "deep.a.example.com", "example.com", "xn--bcher-kva.example", "10.1.2.3", "2001:db8::1",
		"1.0", "0443", "and", "*", "evil\"or\"1", `back\slash`, "a|b", "(x)", "_msg:x", "{a=\"b\"}", "ünï", "new\nline", "", "#c", "'q'", "`t`"}
	someGroups  = []string{"nodes", "hosts", "", "two words", `q"uote`}
	someNames   = []string{"node2", "", "n-1", "node", "x_node2", "café"}
	somePaths   = []string{"", "/", "/pub/x", "/a b", "/%2e", `/"x"`, "/ü"}
	someClients = []string{"10.0.1.12", "10.0.1.13", "10.0.2.1", "2001:db8::5", ""}
	someSites   = []string{"oslo-1", "oslo-2", "bergen", ""}
)

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

func address(s string) netip.Addr { a, _ := netip.ParseAddr(s); return a }

// randomRecords are records that a log could have.
func randomRecords(rng *rand.Rand, n int, from time.Time) []audit.Record {
	records := make([]audit.Record, n)
	types := audit.Types()
	for i := range records {
		from = from.Add(time.Duration(rng.IntN(4)) * 700 * time.Millisecond) // some at the same time
		r := audit.Record{
			Type: pick(rng, types[:3]), Time: from, Group: pick(rng, someGroups), ClientName: pick(rng, someNames),
			Client: address(pick(rng, someClients)), ClientPort: uint16(rng.IntN(3) * 50000 / 2),
			Method: pick(rng, []string{"CONNECT", "GET"}), Scheme: pick(rng, []string{"http", "https"}),
			Host: pick(rng, someHosts), Port: pick(rng, []uint16{0, 80, 443}), Path: pick(rng, somePaths),
			Decision: "deny", Reason: pick(rng, []string{"host_not_listed", "port_not_allowed"}),
			Rule: pick(rng, []string{"", "arc/his", "own list"}), Policy: "sha256:9c1e77aa01f2" + strings.Repeat("5", 52*rng.IntN(2)), Mode: pick(rng, []string{"enforce", "learn"}),
			SNI: pick(rng, someHosts), PathEnforced: rng.IntN(2) == 0,
		}
		switch r.Type {
		case audit.TypeDecision:
			if rng.IntN(2) == 0 {
				r.Decision, r.Reason = "allow", "allowed_by_rule"
			}
		case audit.TypeClose:
			r.Decision, r.Reason = "", ""
			r.ID = fmt.Sprintf("ID%04d", rng.IntN(1000))
			r.DstIP = address(pick(rng, someClients))
			r.Status = pick(rng, []int{0, 200, 403, 502})
			r.Error = pick(rng, []string{"", "dns_error"})
			r.BytesIn, r.BytesOut = pick(rng, []int64{0, 1, 100, 1 << 20, 1 << 60}), int64(rng.IntN(3000))
			r.Duration = time.Duration(rng.IntN(3)) * 777 * time.Microsecond
		case audit.TypeRepeat:
			r.Count, r.First, r.Last = int64(rng.IntN(50)+1), from.Add(-time.Minute), from
			if rng.IntN(3) == 0 {
				r.Host, r.Hosts, r.Sample = "", 3, []string{"a.example.com:443", pick(rng, someHosts)}
			}
		}
		if rng.IntN(20) == 0 {
			r = audit.Record{Type: pick(rng, types[3:]), Time: from, Detail: "what happened: " + pick(rng, someHosts), By: "alice", Added: []string{"x.example.com:443"}}
		}
		records[i] = r
	}
	return records
}

// randomExpression is an expression that may match some of these records.
func randomExpression(rng *rand.Rand, depth int) string {
	if depth > 0 && rng.IntN(3) > 0 {
		a, b := randomExpression(rng, depth-1), randomExpression(rng, depth-1)
		switch rng.IntN(4) {
		case 0:
			return "not (" + a + ")"
		case 1:
			return "(" + a + " or " + b + ")"
		}
		return "(" + a + " and " + b + ")"
	}
	text := func(s string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	equal := pick(rng, []string{"=", "!="})
	order := pick(rng, []string{"=", "!=", "<", "<=", ">", ">="})
	switch rng.IntN(20) {
	case 0:
		return "host " + equal + " " + text(pick(rng, someHosts))
	case 1:
		return "sni " + equal + " " + text(pick(rng, someHosts))
	case 2:
		return pick(rng, []string{"host", "sni"}) + " " + equal + " " + pick(rng, []string{"*.example.com", "*.com", "A.example.com.", "*.a.example.com"})
	case 3:
		return "host " + pick(rng, []string{"~", "!~"}) + " " + text(pick(rng, []string{"^a", "example", `\.com$`, "^$", `"`}))
	case 4:
		return pick(rng, []string{"client", "dst_ip"}) + pick(rng, []string{" in ", " not in "}) + pick(rng, []string{"10.0.1.0/24", "10.0.0.0/8", "2001:db8::/32", "(10.0.1.12, 2001:db8::5)", `""`, "10.0.1.13"})
	case 5:
		return "group " + equal + " " + text(pick(rng, someGroups))
	case 6:
		return "client_name " + equal + " " + pick(rng, []string{text(pick(rng, someNames)), "node*", "*ode2"})
	case 7:
		return "port " + order + " " + pick(rng, []string{"0", "80", "443", "100"})
	case 8:
		return "bytes_in " + order + " " + pick(rng, []string{"0", "1", "100", "1MiB", "1152921504606846976", "1152921504606846975"})
	case 9:
		return "dur_ms " + order + " " + pick(rng, []string{"0", "1", "2", "1.5s"})
	case 10:
		return "status " + order + " " + pick(rng, []string{"0", "200", "403", "500"})
	case 11:
		return "seq " + order + " " + pick(rng, []string{"1", "100", "18446744073709551615", "9007199254740993"})
	case 12:
		return "decision " + equal + " " + pick(rng, []string{"allow", "deny", `""`, "d*"})
	case 13:
		return "type " + equal + " " + pick(rng, []string{"egress.decision", "egress.close", "egress.repeat", "admin.reload", "*.close", "system.gap"})
	case 14:
		return "path " + equal + " " + pick(rng, []string{text(pick(rng, somePaths)), "/pub/*", "*x*"})
	case 15:
		return pick(rng, []string{"sample", "added"}) + " " + equal + " " + pick(rng, []string{text("a.example.com:443"), "x.*", text(pick(rng, someHosts))})
	case 16:
		return "policy " + equal + " " + pick(rng, []string{"sha256:9c1e77aa01f2", "sha256:9c1e77aa01f2" + strings.Repeat("5", 52)})
	case 17:
		return "ts " + order + " " + pick(rng, []string{"2026-10-01", "2026-10-01T00:01Z", "2026-10-01T00:00:07Z", "1600-01-01", "2026-11"})
	case 18:
		return pick(rng, []string{"path_enforced = true", "path_enforced = false", "mode = learn", "reason = host_not_listed", "rule = \"\"", "rule != \"own list\"", "error = dns_error", "by = alice", "detail ~ happened", "method = GET", "scheme != http", "hosts > 0", "count >= 10", "count < 10"})
	}
	return "site " + equal + " " + text(pick(rng, someSites))
}

func client(t testing.TB, url string) *fleet.Client {
	t.Helper()
	c, err := fleet.NewClient(&fleet.Config{VictoriaLogs: url})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The expected result: the logs of all sites together, by the code that reads one log.
func fromLogs(t testing.TB, sites []*siteLog, q *audit.Query) []string {
	t.Helper()
	var lines []string
	for _, s := range sites {
		_, err := audit.ScanLines(s.dir, audit.ScanOptions{Where: q}, func(_ *audit.Record, line string) error {
			lines = append(lines, line)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(lines)
	return lines
}

// For any records and any expression, fleet query returns what audit query returns over the sites' own logs, even if records were
// delivered twice.
func TestQueryEqualsLogs(t *testing.T) {
	vl := victorialogstest.Start(t)
	for _, seed := range []uint64{1, 2} {
		rng := rand.New(rand.NewPCG(seed, 18))
		start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(seed)-1)
		var sites []*siteLog
		for _, name := range someSites {
			s := writeSite(t, name, randomRecords(rng, 400, start))
			s.send(t, vl.URL(), 0, len(s.records))
			s.send(t, vl.URL(), 100, 180) // a resend after a restart
			sites = append(sites, s)
		}
		if err := vl.Flush(); err != nil {
			t.Fatal(err)
		}
		c := client(t, vl.URL())
		c.Slice = 600
		search := fleet.Search{Since: start, Until: start.AddDate(0, 0, 1)}
		matched, narrowed := 0, 0
		for range 40 {
			expr := randomExpression(rng, 3)
			q, err := audit.ParseQuery(expr)
			if err != nil {
				t.Fatalf("%s: %v", expr, err)
			}
			search.Where = q
			var got []string
			stats, err := c.Records(context.Background(), search, func(r *fleet.Record) error {
				got = append(got, r.Line)
				return nil
			})
			if err != nil {
				t.Fatalf("%s\n%s\n%v", expr, fleet.Filter(q), err)
			}
			slices.Sort(got)
			if want := fromLogs(t, sites, q); !slices.Equal(got, want) || stats.Conflicts+stats.Unreadable != 0 {
				t.Errorf("seed %d: %s\nasked %s\n%d records, want %d; %+v", seed, expr, fleet.Filter(q), len(got), len(want), stats)
			}
			if len(got) > 0 {
				matched++
			}
			if fleet.Filter(q) != "*" {
				narrowed++
			}
		}
		if matched < 12 || narrowed < 12 {
			t.Errorf("only %d expressions matched anything, and %d were pushed down", matched, narrowed)
		}
	}
}
