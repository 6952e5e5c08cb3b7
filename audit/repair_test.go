package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// wantGap fails unless r is the log's own record of something missing, with words in its detail.
func wantGap(t *testing.T, r audit.Record, words string) {
	t.Helper()
	if r.Type != audit.TypeGap || !strings.Contains(r.Detail, words) {
		t.Errorf("record %d is %s %q, want a gap that says %q", r.Seq, r.Type, r.Detail, words)
	}
}

// unseal removes the checkpoints and hashes in dir, if there are any.
func unseal(t *testing.T, dir string) {
	t.Helper()
	for _, pattern := range []string{"checkpoints-*", "hashes-*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			os.Remove(f)
		}
	}
	os.Remove(filepath.Join(dir+"-key", "audit.head"))
}

// crashed returns a copy of dir, and of its key, as they are at this moment: what a kill would leave.
func crashed(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "audit")
	for _, part := range []string{"", "-key"} {
		if err := os.CopyFS(to+part, os.DirFS(dir+part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(to+"-key", "audit.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// lines returns n lines of a log.
func lines(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	l := open(t, audit.Options{Dir: dir})
	for range n {
		add(t, l, audittest.Decision())
	}
	l.Close()
	return audittest.Contents(t, live(dir))
}

func TestTornTail(t *testing.T) {
	t.Parallel()
	whole := lines(t, 3)
	third := strings.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	const beside = 4 // at a time: opening a log waits for the disk
	for part := range beside {
		t.Run(strconv.Itoa(part), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for cut := third + 1 + part; cut < len(whole); cut += beside {
				unseal(t, dir)
				audittest.Write(t, live(dir), whole[:cut])
				l := open(t, audit.Options{Dir: dir})
				if got := add(t, l, audittest.Decision()).Seq; got != 4 {
					t.Fatalf("cut at byte %d: the next record is %d, want 4", cut-third, got)
				}
				l.Close()
				wantGap(t, wantWhole(t, dir, 4)[2], "after record 2")
			}
		})
	}
	dir := t.TempDir()
	// at the border there is nothing to say of it
	unseal(t, dir)
	audittest.Write(t, live(dir), whole[:third])
	l := open(t, audit.Options{Dir: dir})
	if got := add(t, l, audittest.Decision()).Seq; got != 4 {
		t.Errorf("the next record is %d, want 4", got)
	}
	wantGap(t, wantWhole(t, dir, 4)[2], "no checkpoint was found: the records 1 to 2 are not sealed")
}

func TestTornFirstLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	audittest.Write(t, live(dir), lines(t, 1)[:100])
	open(t, audit.Options{Dir: dir}).Close()
	wantGap(t, wantWhole(t, dir, 1)[0], "last 100 bytes")
}

func TestTailOfZeros(t *testing.T) { // as some file systems leave after a power failure
	t.Parallel()
	dir := t.TempDir()
	audittest.Write(t, live(dir), lines(t, 2)+strings.Repeat("\x00", 5<<20))
	open(t, audit.Options{Dir: dir}).Close()
	wantGap(t, wantWhole(t, dir, 3)[2], "after record 2")
}

func TestStrangeLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	audittest.Write(t, live(dir), lines(t, 2)+"hello\n{}\n")
	open(t, audit.Options{Dir: dir}).Close()
	records, stats := read(t, dir)
	if stats.Unreadable != 2 || stats.LastSeq != 3 || stats.Missing != 0 {
		t.Fatalf("got %+v", stats)
	}
	wantGap(t, records[2], "last 2 lines")
}

func TestOpenDoesNotGuess(t *testing.T) {
	later := strings.Replace(lines(t, 1), `"v":1`, `"v":2`, 1)
	damaged := func(t *testing.T, dir string) {
		l := open(t, small(dir))
		fill(t, l, dir, 1)
		if err := l.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.Close()
		gz := rotated(t, dir)[0]
		audittest.Write(t, gz, audittest.Contents(t, gz)[:1000])
		os.Remove(live(dir))
	}
	tests := []struct {
		want string
		make func(t *testing.T, dir string)
	}{
		{"no record", func(t *testing.T, dir string) { audittest.Write(t, live(dir), "hello\n") }},
		{"later version", func(t *testing.T, dir string) { audittest.Write(t, live(dir), lines(t, 2)+later) }},
		{"last record", damaged},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			dir := t.TempDir()
			tt.make(t, dir)
			l, err := audit.Open(audit.Options{Dir: dir})
			if err == nil {
				l.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("Open: %v, want %q", err, tt.want)
			}
			// the lock is free again
			if _, err := audit.Open(audit.Options{Dir: dir}); strings.Contains(err.Error(), "another process") {
				t.Error(err)
			}
		})
	}
}

func TestLiveFileMissing(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		dir := t.TempDir()
		l := open(t, small(dir))
		fill(t, l, dir, 2)
		if compressed {
			if err := l.Tidy(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		last := l.Recent(1)[0].Seq // the only record of the live file
		l.Close()
		os.Remove(live(dir))
		open(t, small(dir)).Close()
		records, stats := read(t, dir)
		if stats.LastSeq != last+1 || stats.Missing != 1 {
			t.Fatalf("got %+v, want only %d missing: no number twice", stats, last)
		}
		wantGap(t, records[last-1], fmt.Sprintf("was not there: records after the rotated files may be lost; the records %d to %d are gone", last, last))
	}
}

func TestLiveFileEmpty(t *testing.T) { // a crash between the two steps of a rotation
	dir := t.TempDir()
	l := open(t, small(dir))
	fill(t, l, dir, 1)
	last := l.Recent(1)[0].Seq
	dir = crashed(t, dir)
	audittest.Write(t, live(dir), "")
	l = open(t, small(dir))
	if got := add(t, l, audittest.Decision()).Seq; got != last+1 { // one says that the log was not closed
		t.Errorf("the next record is %d, want %d", got, last+1)
	}
	wantWhole(t, dir, last+1)
}

func TestOldLiveFilePutBack(t *testing.T) {
	dir := t.TempDir()
	audittest.Write(t, live(dir), lines(t, 3))
	l := open(t, small(dir))
	fill(t, l, dir, 2)
	last := l.Recent(1)[0].Seq
	l.Close()
	audittest.Write(t, live(dir), lines(t, 3))
	l = open(t, small(dir))
	if got := add(t, l, audittest.Decision()).Seq; got != last+2 {
		t.Errorf("the next record is %d, want %d: no number twice", got, last+2)
	}
	wantGap(t, l.Recent(2)[1], "rotated file has record")
}

func TestWrittenByAnother(t *testing.T) {
	synctest.Test(t, writtenByAnother)
}

func writtenByAnother(t *testing.T) {
	dir := t.TempDir()
	l := open(t, audit.Options{Dir: dir})
	add(t, l, audittest.Decision())
	f, err := os.OpenFile(live(dir), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(`{"v":1,"type":"egress.dec`); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	add(t, l, audittest.Decision()) // must not be glued to it
	wantGap(t, wantWhole(t, dir, 3)[1], "last 25 bytes")
}
