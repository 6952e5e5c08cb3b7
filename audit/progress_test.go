package audit_test

import (
	"testing"

	"webproxy/audit"
	"webproxy/audit/report"
)

// At the end all is done, and nothing twice: with summaries or without, read for the first time or again.
func TestProgress(t *testing.T) {
	dir := month(t, 5)
	q, err := audit.ParseQuery("host=pastebin.com")
	if err != nil {
		t.Fatal(err)
	}
	by, err := audit.ParseGrouping([]string{"host"})
	if err != nil {
		t.Fatal(err)
	}
	middle := october.AddDate(0, 0, 1).Add(12 * 3600e9) // of a file: its summary cannot answer
	for name, read := range map[string]func(*audit.Progress) (audit.Stats, error){
		"report": func(p *audit.Progress) (audit.Stats, error) {
			r, err := report.Make(dir, report.Options{Since: middle, Progress: p})
			return r.Stats, err
		},
		"count": func(p *audit.Progress) (audit.Stats, error) {
			_, stats, err := audit.CountBy(dir, audit.ScanOptions{Until: middle, Progress: p}, by)
			return stats, err
		},
		"scan": func(p *audit.Progress) (audit.Stats, error) {
			return audit.Scan(dir, audit.ScanOptions{Where: q, Progress: p}, func(audit.Record) error { return nil })
		},
	} {
		for _, when := range []string{"first", "again"} {
			var p audit.Progress
			stats, err := read(&p)
			if err != nil {
				t.Fatal(err)
			}
			if done, total := p.Bytes(); done != total || total == 0 || p.Records() != int64(stats.Records) {
				t.Errorf("%s, %s: %d of %d bytes, %d of %d records", name, when, done, total, p.Records(), stats.Records)
			}
		}
	}
}
