package audit_test

import (
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
	l.SetPatience(time.Minute) // on a busy machine a write may well take five seconds
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
