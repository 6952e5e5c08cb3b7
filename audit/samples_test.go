package audit_test

import (
	"net/netip"
	"testing"
	"time"

	"webproxy/audit"
)

// open opens a log that is closed at the end of the test.
func open(t testing.TB, o audit.Options) *audit.Log {
	t.Helper()
	l, err := audit.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// add appends r and returns it as it was written.
func add(t testing.TB, l *audit.Log, r audit.Record) audit.Record {
	t.Helper()
	if err := l.Append(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// read returns all records of dir.
func read(t testing.TB, dir string) ([]audit.Record, audit.Stats) {
	t.Helper()
	var records []audit.Record
	stats, err := audit.Scan(dir, audit.ScanOptions{}, func(r audit.Record) error {
		records = append(records, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return records, stats
}

// wantWhole fails unless the log in dir holds the records 1 to last, each once, and nothing else.
func wantWhole(t testing.TB, dir string, last uint64) []audit.Record {
	t.Helper()
	records, stats := read(t, dir)
	if stats.Missing != 0 || stats.Repeated != 0 || stats.Unreadable != 0 || stats.InProgress != 0 ||
		stats.FirstSeq != 1 || stats.LastSeq != last {
		t.Fatalf("log holds %+v, want the records 1 to %d", stats, last)
	}
	return records
}

// decision is a decision record with all that is known before a request goes out.
func decision() audit.Record {
	return audit.Record{
		Type:   audit.TypeDecision,
		Site:   "site-01",
		Client: netip.MustParseAddr("10.0.1.12"), ClientPort: 50112, Group: "nodes", ClientName: "node2",
		Method: "CONNECT", Scheme: "https", Host: "gbl.his.arc.azure.com", Port: 443,
		Decision: "allow", Reason: "allowed_by_rule", Rule: "arc/his", RuleSource: "catalog arc, entry 15",
		Policy: "sha256:9c1e77aa01f2", Mode: "enforce", PathEnforced: true,
	}
}

// closing is the record of how the request of decision ended.
func closing() audit.Record {
	return audit.Record{
		Type: audit.TypeClose, ID: "7Q3F9K",
		Client: netip.MustParseAddr("10.0.1.12"), ClientPort: 50112, Group: "nodes",
		Method: "CONNECT", Scheme: "https", Host: "gbl.his.arc.azure.com", Port: 443,
		DstIP: netip.MustParseAddr("20.50.1.2"), ServiceTag: "AzureArcInfrastructure", SNI: "gbl.his.arc.azure.com",
		Status: 200, BytesOut: 2211, BytesIn: 48121,
		Duration: 81*time.Second + 12*time.Millisecond, DNS: 300 * time.Microsecond, Connect: 21 * time.Millisecond,
	}
}
