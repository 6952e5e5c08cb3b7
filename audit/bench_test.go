package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
	"webproxy/internal/setting"
)

func BenchmarkAppend(b *testing.B) {
	l := open(b, audit.Options{Dir: b.TempDir()})
	r := audittest.Decision()
	b.ReportAllocs()
	for b.Loop() {
		r.ID = ""
		if err := l.Append(&r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendParallel(b *testing.B) {
	l := open(b, audit.Options{Dir: b.TempDir()})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := audittest.Decision()
		for pb.Next() {
			r.ID = ""
			if err := l.Append(&r); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	r := audittest.Decision()
	r.V, r.Seq, r.Time = audit.Version, 1, time.Now()
	line, err := r.MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := audit.Decode(line); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScan reads 100,000 records, plain and compressed.
func BenchmarkScan(b *testing.B) {
	const records = 100_000
	dir := b.TempDir()
	l := open(b, audit.Options{Dir: dir, Rotate: setting.SizeOff, RotateEvery: setting.Off})
	r := audittest.Decision()
	for range records {
		r.ID = ""
		if err := l.Append(&r); err != nil {
			b.Fatal(err)
		}
	}
	l.Close()
	for _, gz := range []bool{false, true} {
		b.Run(fmt.Sprintf("gz=%v", gz), func(b *testing.B) {
			if gz {
				live := filepath.Join(dir, "audit.ndjson")
				if err := os.Rename(live, filepath.Join(dir, "audit-000000000001-20261124T070149Z.ndjson")); err != nil {
					b.Fatal(err)
				}
				l := open(b, audit.Options{Dir: dir, Retain: setting.Off})
				if err := l.Tidy(b.Context()); err != nil {
					b.Fatal(err)
				}
				l.Close()
			}
			b.ReportAllocs()
			for b.Loop() {
				stats, err := audit.Scan(dir, audit.ScanOptions{}, func(audit.Record) error { return nil })
				if err != nil || stats.Records < records || stats.Unreadable != 0 {
					b.Fatalf("stats %+v, error %v", stats, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
		})
	}
}
