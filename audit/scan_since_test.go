package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// A file whose name says that it is old hides no record: the clock was set back while it was written, or somebody
// renamed it. Verify says which it was.
func TestSinceLooksAtRecords(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := makeHistory(t, compressed)
			records, _ := read(t, h.dir)
			since := records[0].Time
			name := filepath.Base(h.segments[1])
			at := strings.LastIndex(name, "-")
			old := name[:at] + "-19990101T000000Z" + name[at+len("-20000101T000000Z"):]
			if err := os.Rename(h.segments[1], filepath.Join(h.dir, old)); err != nil {
				t.Fatal(err)
			}
			n := 0
			stats, err := audit.Scan(h.dir, audit.ScanOptions{Since: since}, func(audit.Record) error { n++; return nil })
			if err != nil || n != len(records) || stats.Missing != 0 {
				t.Errorf("compressed %v: %d of %d records since the first, %+v, %v", compressed, n, len(records), stats, err)
			}
			tally, _, err := audit.Count(h.dir, audit.ScanOptions{Since: since})
			total := uint64(0)
			for _, row := range tally.Rows() {
				total += row.Requests
			}
			if err != nil || total != uint64(len(byType(records, audit.TypeDecision))) {
				t.Errorf("compressed %v: %d requests counted, of %d records, %v", compressed, total, len(records), err)
			}
			v := verify(t, h.dir, audit.VerifyOptions{Anchor: h.anchor})
			if v.OK() || !strings.Contains(v.String(), old) || !strings.Contains(v.String(), "renamed") {
				t.Errorf("compressed %v: verify says %v", compressed, v)
			}
		})
	}
}

// A record in the middle file, of which the records are older, is no gap: the clock was set back and forth.
func TestSinceWithClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, small(dir))
		now := time.Now()
		for i, n := range []int{1, 2, 3} {
			for len(rotated(t, dir)) < n {
				r := audittest.Decision()
				r.Time = now
				if i == 1 {
					r.Time = now.Add(-2 * time.Hour)
				}
				add(t, l, r)
			}
		}
		if err := l.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.Close()
		all, _ := read(t, dir)
		want := 0
		for _, r := range all {
			if !r.Time.Before(now) {
				want++
			}
		}
		n := 0
		stats, err := audit.Scan(dir, audit.ScanOptions{Since: now}, func(audit.Record) error { n++; return nil })
		if err != nil || n != want || stats.Missing != 0 || stats.LastSeq != all[len(all)-1].Seq {
			t.Errorf("%d records of %d, %+v, %v", n, want, stats, err)
		}
	})
}

// Compressed files at the beginning whose records are all before --since are not even read, and one whose records are not is:
// its summary tells, not its place.
func TestSinceWithLeadingCompressedFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, small(dir))
		now := time.Now()
		for i := range 3 {
			for len(rotated(t, dir)) == i {
				r := audittest.Decision()
				if r.Time = now; i == 0 {
					r.Time = now.Add(2 * time.Hour) // the clock was ahead
				}
				add(t, l, r)
			}
		}
		last := add(t, l, audittest.Decision())
		if err := l.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.Close()
		scan := func(since time.Time) (n int, stats audit.Stats) {
			stats, err := audit.Scan(dir, audit.ScanOptions{Since: since}, func(audit.Record) error { n++; return nil })
			if err != nil {
				t.Fatal(err)
			}
			return n, stats
		}
		all, _ := read(t, dir)
		for _, since := range []time.Time{now.Add(-time.Second), now, now.Add(time.Hour), now.Add(2 * time.Hour), last.Time, now.Add(3 * time.Hour)} {
			want := 0
			for _, r := range all {
				if !r.Time.Before(since) {
					want++
				}
			}
			if n, stats := scan(since); n != want || stats.Missing+stats.Unreadable != 0 {
				t.Errorf("since %v: %d records, want %d; %+v", since.Sub(now), n, want, stats)
			}
		}
		// What need not be read may be damaged.
		file := rotated(t, dir)[0]
		data := []byte(audittest.Contents(t, file))
		data[len(data)/2] ^= 1
		audittest.Write(t, file, string(data))
		if _, stats := scan(now.Add(3 * time.Hour)); stats.Unreadable != 0 {
			t.Errorf("it was read: %+v", stats)
		}
		if _, stats := scan(now.Add(time.Hour)); stats.Unreadable == 0 {
			t.Error("it was not read")
		}
	})
}

// A renamed file is not deleted before its records are old.
func TestRetainLooksAtRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, small(dir))
		fill(t, l, dir, 1)
		if err := l.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		name := rotated(t, dir)[0]
		if err := os.Rename(name, filepath.Join(dir, "audit-000000000001-19900101T000000Z.ndjson.gz")); err != nil {
			t.Fatal(err)
		}
		if err := l.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, stats := read(t, dir); stats.FirstSeq != 1 {
			t.Errorf("deleted by its name: %+v", stats)
		}
	})
}
