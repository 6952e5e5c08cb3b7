package audit_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
	"webproxy/internal/setting"
)

// small is Options that rotate as early as they may: about every 150 records.
func small(dir string) audit.Options {
	return audit.Options{Dir: dir, Rotate: 64 << 10, Sync: setting.Off}
}

func live(dir string) string { return filepath.Join(dir, "audit.ndjson") }

// rotated lists the rotated files of dir.
func rotated(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "audit-*.ndjson*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// fill appends records until n files were rotated.
func fill(t *testing.T, l *audit.Log, dir string, n int) {
	t.Helper()
	size := func() int64 {
		info, err := os.Stat(live(dir))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for len(rotated(t, dir)) < n {
		for before := size(); ; before = size() { // until another file is live: it is smaller
			if add(t, l, audittest.Decision()); size() <= before {
				break
			}
		}
	}
}

func TestAppendCompletesTheRecord(t *testing.T) {
	l := open(t, audit.Options{Dir: t.TempDir(), Site: "site-02"})
	r := audittest.Decision()
	r.Site = ""
	before := time.Now().Truncate(time.Millisecond)
	r = add(t, l, r)
	if r.V != audit.Version || r.Seq != 1 || r.Site != "site-02" || len(r.ID) != 6 || r.Time.Before(before) {
		t.Errorf("got %+v", r)
	}
	c := add(t, l, audittest.Close())
	if c.Seq != 2 || c.ID != "7Q3F9K" {
		t.Errorf("got seq %d, id %q", c.Seq, c.ID)
	}
	if other := add(t, l, audittest.Decision()); other.ID == r.ID || other.Seq != 3 {
		t.Errorf("two decisions have the id %s", r.ID)
	}
	if err := l.Append(&audit.Record{Type: "egress.decison"}); err == nil {
		t.Error("a misspelt type was written")
	}
	if l.Written() != 3 || l.Errors() != 0 {
		t.Errorf("Written() = %d, Errors() = %d, want 3, 0", l.Written(), l.Errors())
	}
}

func TestSeqContinues(t *testing.T) {
	dir := t.TempDir()
	var ids []string
	for range 5 {
		l := open(t, small(dir))
		for range 3 {
			ids = append(ids, add(t, l, audittest.Decision()).ID)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range wantWhole(t, dir, 15) {
		if r.ID != ids[i] {
			t.Errorf("record %d has id %s, want %s", r.Seq, r.ID, ids[i])
		}
	}
}

func TestOneProcessPerDirectory(t *testing.T) {
	dir := t.TempDir()
	l := open(t, audit.Options{Dir: dir})
	_, err := audit.Open(audit.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "another process") {
		t.Fatalf("second Open: %v", err)
	}
	l.Close()
	open(t, audit.Options{Dir: dir})
}

func TestClose(t *testing.T) {
	l := open(t, audit.Options{Dir: t.TempDir()})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	r := audittest.Decision()
	if err := l.Append(&r); !errors.Is(err, os.ErrClosed) || r.Seq != 0 || r.ID != "" {
		t.Errorf("Append after Close: %v, record %+v", err, r)
	}
	if err := l.Tidy(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Tidy after Close: %v", err)
	}
}

func TestConcurrentAppendAcrossRotations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, small(dir))
	const workers, each = 8, 200
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				r := audittest.Decision()
				r.ClientName = fmt.Sprintf("%d/%d", w, i)
				if err := l.Append(&r); err != nil {
					t.Error(err)
				}
				if i%50 == 0 {
					if err := l.Tidy(t.Context()); err != nil {
						t.Error(err)
					}
					if err := l.Sync(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := len(rotated(t, dir)); n < 5 {
		t.Errorf("%d files were rotated", n)
	}
	seen := map[string]bool{}
	for _, r := range wantWhole(t, dir, workers*each) {
		seen[r.ClientName] = true
	}
	if len(seen) != workers*each {
		t.Errorf("%d different records, want %d", len(seen), workers*each)
	}
}

func TestRotateByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		o := audit.Options{Dir: dir, RotateEvery: setting.Duration(24 * time.Hour)}
		l := open(t, o)
		add(t, l, audittest.Decision())
		time.Sleep(23 * time.Hour)
		l.Close()
		l = open(t, o) // a restart does not make the file young
		add(t, l, audittest.Decision())
		if n := len(rotated(t, dir)); n != 0 {
			t.Fatalf("%d files rotated after 23h", n)
		}
		time.Sleep(time.Hour)
		add(t, l, audittest.Decision())
		if n := len(rotated(t, dir)); n != 1 {
			t.Fatalf("%d files rotated after 24h, want 1", n)
		}
		select {
		case <-l.Rotated():
		default:
			t.Error("Rotated says nothing")
		}
		wantWhole(t, dir, 3)
	})
}

func TestRotationThatFailsRefusesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, audit.Options{Dir: dir, RotateEvery: setting.Duration(time.Minute)})
		add(t, l, audittest.Decision())
		time.Sleep(time.Minute)
		// The name is taken: what is there must not be overwritten.
		taken := filepath.Join(dir, "audit-000000000001-"+time.Now().UTC().Format("20060102T150405Z")+".ndjson")
		audittest.Write(t, taken, "")
		add(t, l, audittest.Decision())
		add(t, l, audittest.Decision())
		if audittest.Contents(t, taken) != "" {
			t.Error("a file was overwritten")
		}
		if err := l.Tidy(t.Context()); err == nil || !strings.Contains(err.Error(), "rotate") {
			t.Errorf("Tidy reports %v, want the rotation that failed", err)
		}
		time.Sleep(time.Minute)
		add(t, l, audittest.Decision())
		if n := len(rotated(t, dir)); n != 2 {
			t.Errorf("%d files with names of rotated ones, want 2", n)
		}
		wantWhole(t, dir, 4)
	})
}

func TestRecent(t *testing.T) {
	l := open(t, audit.Options{Dir: t.TempDir()})
	if got := l.Recent(10); len(got) != 0 {
		t.Fatalf("a new log has %d recent records", len(got))
	}
	for range 300 {
		add(t, l, audittest.Decision())
	}
	seqs := func(n int) (got []uint64) {
		for _, r := range l.Recent(n) {
			got = append(got, r.Seq)
		}
		return got
	}
	if got := seqs(3); !slices.Equal(got, []uint64{300, 299, 298}) {
		t.Errorf("Recent(3) = %v", got)
	}
	if got := seqs(1000); len(got) != 256 || got[255] != 45 {
		t.Errorf("Recent(1000) has %d records", len(got))
	}
	if got := seqs(-1); len(got) != 0 {
		t.Errorf("Recent(-1) = %v", got)
	}
}

func TestAppendAllocates(t *testing.T) {
	l := open(t, audit.Options{Dir: t.TempDir()})
	r := audittest.Decision()
	for range 300 { // until the room for recent records is there
		add(t, l, r)
	}
	if n := testing.AllocsPerRun(100, func() {
		r.ID = ""
		if err := l.Append(&r); err != nil {
			t.Error(err)
		}
	}); n > 2 { // the id, and the path for stat
		t.Errorf("Append allocates %v times", n)
	}
}
