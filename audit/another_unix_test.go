//go:build unix

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

// What other programs do to a log that is open. Windows does not let them. The log looks every 100 ms.

const untilItLooks = 100 * time.Millisecond

func TestRenamedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, audit.Options{Dir: dir})
		add(t, l, audittest.Decision())
		for _, name := range []string{"audit.ndjson.2", "audit.ndjson-20261124", "audit.ndjson.1"} {
			if err := os.Rename(live(dir), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			add(t, l, audittest.Decision()) // into the file that has another name now: it is read all the same
			time.Sleep(untilItLooks)
			add(t, l, audittest.Decision())
		}
		wantWhole(t, dir, 7)
		l.Close()
		// and while none was looking
		if err := os.Rename(live(dir), filepath.Join(dir, "audit.ndjson.0")); err != nil {
			t.Fatal(err)
		}
		open(t, audit.Options{Dir: dir}).Close()
		wantGap(t, wantWhole(t, dir, 8)[7], "was not there")
	})
}

func TestReplacedByAnother(t *testing.T) { // as logrotate does with its option create
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, audit.Options{Dir: dir})
		add(t, l, audittest.Decision())
		if err := os.Rename(live(dir), filepath.Join(dir, "audit.ndjson.1")); err != nil {
			t.Fatal(err)
		}
		audittest.Write(t, live(dir), "")
		time.Sleep(untilItLooks)
		r := add(t, l, audittest.Decision())
		if text := audittest.Contents(t, live(dir)); !strings.Contains(text, r.ID) || strings.Count(text, "\n") != 1 {
			t.Errorf("the new file has %q, want record %d", text, r.Seq)
		}
		wantWhole(t, dir, 2)
	})
}

func TestDeletedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, audit.Options{Dir: dir})
		add(t, l, audittest.Decision())
		add(t, l, audittest.Decision())
		os.Remove(live(dir))
		add(t, l, audittest.Decision())
		time.Sleep(untilItLooks)
		add(t, l, audittest.Decision())
		records, stats := read(t, dir)
		if stats.FirstSeq != 4 || stats.LastSeq != 5 || stats.Missing != 0 {
			t.Fatalf("got %+v", stats)
		}
		wantGap(t, records[0], "deleted with the records 1 to 3")
	})
}

func TestTruncatedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, audit.Options{Dir: dir})
		add(t, l, audittest.Decision())
		add(t, l, audittest.Decision())
		audittest.Write(t, filepath.Join(dir, "audit.ndjson.1"), audittest.Contents(t, live(dir)))
		if err := os.Truncate(live(dir), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(untilItLooks)
		add(t, l, audittest.Decision())
		wantGap(t, wantWhole(t, dir, 4)[2], "to 0 bytes")
	})
}

func TestDirectoryGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, audit.Options{Dir: dir})
		add(t, l, audittest.Decision())
		away := dir + ".away"
		if err := os.Rename(dir, away); err != nil {
			t.Fatal(err)
		}
		time.Sleep(untilItLooks)
		r := audittest.Decision()
		for range 3 {
			if err := l.Append(&r); err == nil || r.Seq != 0 || r.ID != "" {
				t.Fatalf("Append = %v, record %+v", err, r)
			}
		}
		if l.Errors() != 3 {
			t.Errorf("Errors() = %d, want 3", l.Errors())
		}
		if err := os.Rename(away, dir); err != nil {
			t.Fatal(err)
		}
		add(t, l, audittest.Decision())
		wantGap(t, wantWhole(t, dir, 3)[1], "3 records could not be written")
	})
}
