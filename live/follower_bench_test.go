package live

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

// What the follower does with each decoded record: a large site has 5,000 records a second. BenchmarkDecode of package audit
// measures decoding.
func BenchmarkFollowerAdd(b *testing.B) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	f := &Follower{Now: func() time.Time { return now }, Feed: &Feed{}}
	f.view.Total, f.view.Day = audit.NewTally(), newDay(now)
	records := make([]audit.Record, 1000)
	for i := range records {
		records[i] = audit.Record{
			Type: audit.TypeDecision, Time: now, Client: netip.AddrFrom4([4]byte{10, 0, 1, byte(i % 8)}), Group: "nodes", Method: "CONNECT", Scheme: "https",
			Host: fmt.Sprintf("host-%d.example.com", i%100), Port: 443, Decision: policy.Denied, Reason: "host_not_listed", Mode: "enforce",
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := &records[i%len(records)]
		r.Seq++
		f.add(r)
	}
}
