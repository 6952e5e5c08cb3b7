package learn_test

import (
	"fmt"
	"testing"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/catalog"
	"webproxy/internal/policytest"
	"webproxy/internal/setting"
	"webproxy/internal/simsite"
	"webproxy/learn"
	"webproxy/policy"
)

// siteLog writes the log of the simulated site for some days, and returns its directory and the number of its records.
func siteLog(b *testing.B, days int, set *policy.Set) (dir string, records int) {
	b.Helper()
	site, err := simsite.New(1)
	if err != nil {
		b.Fatal(err)
	}
	dir = b.TempDir()
	l, err := audit.Open(audit.Options{Dir: dir, Sync: setting.Off, RotateEvery: setting.Off, AggregateWindow: setting.Off})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for day := range days {
		for _, r := range site.Day(day) {
			n++
			decision, end, err := r.Records(set, fmt.Sprint("S", n))
			if err == nil {
				err = l.Append(&decision)
			}
			if err == nil && end != nil {
				err = l.Append(end)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	return dir, int(l.Written())
}

func perSecond(b *testing.B, records int) {
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// Reading a log and making proposals of it. For a log of ten million records see docs/learning.md.
func BenchmarkLearn(b *testing.B) {
	open, err := policy.Compile(siteSpec(policy.Learn), nil, policy.Env{})
	if err != nil {
		b.Fatal(err)
	}
	dir, records := siteLog(b, 60, open)
	known := openKnown(b)
	b.ReportAllocs()
	for b.Loop() {
		seen, _, err := learn.Observe(dir, audit.ScanOptions{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		if p := seen.Group("nodes").Propose(learn.Params{Policy: open, Known: known, Now: seen.Last}); len(p.List) < 100 {
			b.Fatalf("%d proposals", len(p.List))
		}
	}
	perSecond(b, records)
}

// Evaluating a log by another policy.
func BenchmarkReplay(b *testing.B) {
	open, err := policy.Compile(siteSpec(policy.Learn), nil, policy.Env{})
	if err != nil {
		b.Fatal(err)
	}
	dir, records := siteLog(b, 60, open)
	candidate, err := policy.Compile(siteSpec(policy.Enforce, policy.RuleSpec{ID: "seed", List: "azure-stack-hci@2021-12"}), policytest.Library{Catalog: catalog.Get}, policy.Env{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		replay, _, err := replay.Log(dir, audit.ScanOptions{}, candidate)
		if err != nil || replay.NewlyDenied == 0 {
			b.Fatalf("%+v, %v", replay, err)
		}
	}
	perSecond(b, records)
}
