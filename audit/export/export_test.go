package export_test

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/audit/export"
	"webproxy/internal/audittest"
)

// exported are records of requests as the proxy writes them: a tunnel with its end, a denied download, what learn
// mode let through, a request that was none, one that was refused late, denials that were counted, and a scan.
func exported() []audit.Record {
	tunnel := audittest.Decision()
	end := tunnel
	end.Type, end.DstIP, end.SNI, end.TLS, end.Status = audit.TypeClose, netip.MustParseAddr("20.50.1.2"), tunnel.Host, "1.3", 200
	end.ServiceTag, end.BytesOut, end.BytesIn, end.Duration = "AzureArcInfrastructure", 2211, 48121, 81*time.Second+12*time.Millisecond
	end.DNS, end.Connect = time.Millisecond, 21*time.Millisecond

	denied := audittest.Decision()
	denied.ID, denied.Client, denied.Method, denied.Scheme, denied.Port, denied.Path = "00000A", netip.MustParseAddr("fd00::12"), "GET", "http", 8080, "/a b?\"\n"
	denied.Decision, denied.Reason, denied.Rule, denied.RuleSource, denied.Status = "deny", "port_not_allowed", "", "", 403

	learned := audittest.Decision()
	learned.ID, learned.Host, learned.Mode, learned.Decision, learned.Reason, learned.Rule = "00000B", "www.example.com", "learn", "would_deny", "host_not_listed", ""
	learned.Method, learned.Scheme, learned.Port, learned.Path = "GET", "http", 80, "/index.html"

	none := audit.Record{Type: audit.TypeDecision, ID: "00000C", Client: tunnel.Client, ClientPort: 50113, Decision: "deny",
		Reason: "bad_request", Status: 400, Detail: "malformed header"}

	late := end
	late.ID, late.Decision, late.Reason, late.Status, late.DstIP, late.Error = "00000D", "deny", "private_address", 403, netip.Addr{}, ""

	repeat := denied
	repeat.Type, repeat.ClientPort, repeat.Path, repeat.Count = audit.TypeRepeat, 0, "", 98114
	repeat.First, repeat.Last = time.Date(2026, 11, 24, 7, 1, 39, 120e6, time.UTC), time.Date(2026, 11, 24, 7, 1, 49, 119e6, time.UTC)

	scan := repeat
	scan.Host, scan.Port, scan.Hosts, scan.Sample = "", 0, 2, []string{"a.example.org", "=b.example.org"}

	all := []audit.Record{tunnel, end, denied, learned, none, late, repeat, scan,
		{Type: audit.TypeReload, Detail: "lists/approved.txt changed", By: "alice", Policy: "sha256:b5a1007e33c4"}}
	for i := range all {
		r := &all[i]
		r.V, r.Seq, r.Time = audit.Version, uint64(i+1), time.Date(2026, 11, 24, 7, 1, 49, 123e6, time.UTC)
		if r.ID == "" {
			r.ID = "7Q3F9K"
		}
	}
	return all
}

var update = flag.Bool("update", false, "rewrite golden files")

// What others' programs are given is what testdata/export says; -update writes it anew.
func TestExport(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	for _, r := range exported() {
		line, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		log.Write(append(line, '\n'))
	}
	if err := os.WriteFile(filepath.Join(dir, "audit.ndjson"), []byte(log.String()), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, format := range export.Formats() {
		var got strings.Builder
		left, stats, err := export.Write(&got, format, dir, audit.ScanOptions{}, false)
		if err != nil || stats.Records != 9 || stats.Unreadable != 0 {
			t.Fatalf("%s: %+v, %v", format, stats, err)
		}
		wantLeft := uint64(1) // the reload
		if format == "csv" || format == "ndjson" {
			wantLeft = 0
		}
		if left != wantLeft {
			t.Errorf("%s: %d records left out, want %d", format, left, wantLeft)
		}
		path := filepath.Join("testdata", "export", format)
		if *update {
			if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s:\n got %s\nwant %s", format, got.String(), want)
		}
		if format == "ndjson" && got.String() != log.String() {
			t.Errorf("ndjson is not the log's lines:\n%s", got.String())
		}
	}
	if _, err := export.New(&log, "xml"); err == nil || !strings.Contains(err.Error(), "there are ocsf, ecs,") {
		t.Errorf("format xml: %v", err)
	}
}
