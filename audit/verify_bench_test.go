package audit_test

import (
	"path/filepath"
	"testing"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// BenchmarkVerify reads 200,000 records in compressed segments and one that is not.
func BenchmarkVerify(b *testing.B) {
	const records = 200_000
	dir := filepath.Join(b.TempDir(), "audit")
	l := open(b, audit.Options{Dir: dir, Rotate: 16 << 20})
	r := audittest.Decision()
	for i := range records {
		r.ID = ""
		if err := l.Append(&r); err != nil {
			b.Fatal(err)
		}
		if i%5000 == 0 {
			if err := l.Seal(); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := l.Tidy(b.Context()); err != nil {
		b.Fatal(err)
	}
	l.Close()
	b.ReportAllocs()
	for b.Loop() {
		wantSound(b, dir, audit.VerifyOptions{})
	}
	perSecond := records * float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(perSecond, "records/s")
	b.ReportMetric(0, "ns/op")
}
