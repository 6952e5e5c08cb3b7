package live

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/setting"
	"webproxy/policy"
)

func benchFollower(now time.Time) *Follower {
	f := &Follower{Now: func() time.Time { return now }, Feed: &Feed{}}
	f.view.Total, f.view.Day = audit.NewTally(), newDay(now)
	return f
}

// What the follower costs for each record, nobody looking: reading, decoding, counting. 5,000 records a second are a large site.
func BenchmarkFollow(b *testing.B) {
	const records = 20_000
	dir := b.TempDir()
	l, err := audit.Open(audit.Options{Dir: dir, Key: b.TempDir() + "/k", AggregateWindow: setting.Off, Rotate: setting.SizeOff, RotateEvery: setting.Off})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	var last uint64
	for i := range records {
		r := audit.Record{
			Type: audit.TypeDecision, Client: netip.AddrFrom4([4]byte{10, 0, 1, byte(i % 8)}), ClientPort: 40_000, Group: "nodes", Method: "GET", Scheme: "http",
			Host: fmt.Sprintf("host-%d.example.com", i%500), Port: 80, Path: "/", Decision: policy.Denied, Reason: "host_not_listed", Rule: "default-deny",
			Policy: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Mode: "enforce", Status: 403,
		}
		if err := l.Append(&r); err != nil {
			b.Fatal(err)
		}
		last = r.Seq
	}
	l.Close()
	b.ReportAllocs()
	for b.Loop() {
		f := benchFollower(now)
		enough := errors.New("enough")
		err := audit.FollowShared(b.Context(), dir, 0, func(r *audit.Record, line string) error {
			f.add(r, line)
			if r.Seq == last {
				return enough
			}
			return nil
		}, func(bad audit.BadLine) { b.Fatal(bad) })
		if err != enough {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
}

// What the follower does with each record, once it is decoded.
func BenchmarkFollowerAdd(b *testing.B) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	f := benchFollower(now)
	records := make([]audit.Record, 1000)
	for i := range records {
		records[i] = audit.Record{
			Type: audit.TypeDecision, Time: now, Client: netip.AddrFrom4([4]byte{10, 0, 1, byte(i % 8)}), Group: "nodes", Method: "CONNECT", Scheme: "https",
			Host: fmt.Sprintf("host-%d.example.com", i%100), Port: 443, Decision: policy.Denied, Reason: "host_not_listed", Mode: "enforce",
		}
	}
	line, err := records[0].MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	text := string(line)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := &records[i%len(records)]
		r.Seq++
		f.add(r, text)
	}
}

// What a record costs while people watch Live with eight filters, most of which match.
func BenchmarkFeedAdd(b *testing.B) {
	f := &Feed{}
	for _, expression := range []string{"", "decision = deny", "host = host001.example.com", "group = nodes", "client = 127.0.0.1", "decision = allow", "reason = host_not_listed", "port = 80"} {
		var q *audit.Query
		if expression != "" {
			var err error
			if q, err = audit.ParseQuery(expression); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := f.Watch(q); err != nil {
			b.Fatal(err)
		}
	}
	r := audit.Record{
		Type: audit.TypeDecision, Time: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC), Client: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Group: "nodes", Method: "GET",
		Scheme: "http", Host: "host-1.example.com", Port: 80, Path: "/", Decision: policy.Denied, Reason: "host_not_listed", Mode: "enforce",
	}
	b.ReportAllocs()
	for b.Loop() {
		f.add(&r)
	}
}
