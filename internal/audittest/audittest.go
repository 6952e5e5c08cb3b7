// Package audittest has records of the audit log, and reads and writes its files, for tests.
package audittest

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"webproxy/audit"
)

// Decision is a decision record with all fields that are known before a request is sent.
func Decision() audit.Record {
	return audit.Record{
		Type:   audit.TypeDecision,
		Site:   "site-01",
		Client: netip.MustParseAddr("10.0.1.12"), ClientPort: 50112, Group: "nodes", ClientName: "node2",
		Method: "CONNECT", Scheme: "https", Host: "gbl.his.arc.azure.com", Port: 443,
		Decision: "allow", Reason: "allowed_by_rule", Rule: "arc/his", RuleSource: "catalog arc, entry 15",
		Policy: "sha256:9c1e77aa01f2", Mode: "enforce", PathEnforced: true,
	}
}

// Close is the record of how the request of Decision ended.
func Close() audit.Record {
	return audit.Record{
		Type: audit.TypeClose, ID: "7Q3F9K",
		Client: netip.MustParseAddr("10.0.1.12"), ClientPort: 50112, Group: "nodes",
		Method: "CONNECT", Scheme: "https", Host: "gbl.his.arc.azure.com", Port: 443,
		DstIP: netip.MustParseAddr("20.50.1.2"), ServiceTag: "AzureArcInfrastructure", SNI: "gbl.his.arc.azure.com",
		Status: 200, BytesOut: 2211, BytesIn: 48121,
		Duration: 81*time.Second + 12*time.Millisecond, DNS: 300 * time.Microsecond, Connect: 21 * time.Millisecond,
	}
}

// Write makes text the content of the file at path.
func Write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

// Contents is what the file at path has.
func Contents(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
