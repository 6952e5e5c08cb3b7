package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// headOf is the tree head of the log in dir.
func headOf(dir string) string { return filepath.Join(dir+"-key", "audit.head") }

// forgeBehind appends n records to the live file of dir that no proxy wrote, numbered as if one had.
func forgeBehind(t *testing.T, dir string, last uint64, n int) {
	t.Helper()
	now := time.Now()
	var b strings.Builder
	for i := range n {
		r := audittest.Decision()
		r.V, r.ID, r.Seq, r.Time = audit.Version, fmt.Sprintf("FORGE%d", i), last+1+uint64(i), now
		line, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	audittest.Write(t, live(dir), audittest.Contents(t, live(dir))+b.String())
}

// wantProblem fails unless Verify names what is wrong, by the log alone and by what the proxy knows.
func wantProblem(t *testing.T, dir, when, want string, heads ...string) {
	t.Helper()
	for _, head := range heads {
		v := verify(t, dir, audit.VerifyOptions{Head: head})
		if all := fmt.Sprint(v.Problems); v.OK() || !strings.Contains(all, want) {
			t.Errorf("%s, head %q: %v %s, notes %q, want %q", when, filepath.Base(head), v, all, v.Notes, want)
		}
		if notes := fmt.Sprint(v.Notes); strings.Contains(notes, "not yet covered") || strings.Contains(notes, "signed only at the start") {
			t.Errorf("%s, head %q: taken for ours: %q", when, filepath.Base(head), v.Notes)
		}
	}
}

// After the end of a closed log nothing can be without a signature: what is there is named, and never signed.
func TestForgedAfterTheEnd(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, audit.Options{Dir: dir})
	for range 20 {
		add(t, l, audittest.Decision())
	}
	last := l.LastSeq()
	l.Close()
	wantSound(t, dir, audit.VerifyOptions{Head: headOf(dir)})
	forgeBehind(t, dir, last, 5000)
	want := fmt.Sprintf("seq %d..5,0%d: not written by the proxy", last+1, last)
	wantProblem(t, dir, "before the next start", want, "", headOf(dir))
	for range 2 {
		l = open(t, audit.Options{Dir: dir})
		add(t, l, audittest.Decision())
		l.Close()
		wantProblem(t, dir, "after the next start", want, "", headOf(dir))
	}
	records, _ := read(t, dir)
	wantGap(t, records[int(last)+5000], "were not written by this proxy")
}

// After the end of a log that was killed stands at most what the proxy allowed itself to write.
func TestCrashIsBounded(t *testing.T) {
	first := filepath.Join(t.TempDir(), "audit")
	l := open(t, audit.Options{Dir: first})
	for range 20 {
		add(t, l, audittest.Decision())
	}
	if err := l.Lead(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		add(t, l, audittest.Decision())
	}
	last := l.LastSeq()

	dir := crashed(t, first)
	open(t, audit.Options{Dir: dir}).Close()
	v := wantSound(t, dir, audit.VerifyOptions{Head: headOf(dir)})
	if want := fmt.Sprintf("seq 21..%d: signed only at the start after a crash", last); !strings.Contains(fmt.Sprint(v.Notes), want) {
		t.Errorf("notes %q, want %q: what the tree head covers is as good as sealed", v.Notes, want)
	}
	records, _ := read(t, dir)
	wantGap(t, records[last], "the log was not closed: the proxy was killed, or the machine went down")

	dir = crashed(t, first)
	forgeBehind(t, dir, last, 5000)
	const want = "not written by the proxy"
	v = verify(t, dir, audit.VerifyOptions{Head: headOf(dir)})
	if v.OK() || !strings.Contains(v.String(), want) {
		t.Errorf("before the next start: %v", v)
	}
	open(t, audit.Options{Dir: dir}).Close()
	for _, head := range []string{"", headOf(dir)} {
		if v := verify(t, dir, audit.VerifyOptions{Head: head}); v.OK() || !strings.Contains(v.String(), want) {
			t.Errorf("after the next start: %v", v)
		}
	}

	dir = crashed(t, first) // a record that no checkpoint covers, but the head does
	audittest.Write(t, live(dir), strings.Replace(audittest.Contents(t, live(dir)), `"host":"gbl.his`, `"host":"gbl.hos`, 1))
	if v := verify(t, dir, audit.VerifyOptions{Head: headOf(dir)}); v.OK() {
		t.Errorf("altered, before the next start: %v", v)
	}
	open(t, audit.Options{Dir: dir}).Close()
	if v := verify(t, dir, audit.VerifyOptions{}); v.OK() || !strings.Contains(v.String(), want) {
		t.Errorf("altered, after the next start: %v", v)
	}
	records, _ = read(t, dir)
	wantGap(t, records[last], "are not what was written by")
}

// Counts that were in no record when the proxy was killed are said at the next start.
func TestLostCountsAreSaid(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, audit.Options{Dir: dir})
	for range 1010 {
		r := audittest.Decision()
		r.Decision, r.Reason = "deny", "host_not_listed"
		add(t, l, r)
	}
	if err := l.Lead(); err != nil {
		t.Fatal(err)
	}
	dir = crashed(t, dir)
	l = open(t, audit.Options{Dir: dir})
	wantGap(t, l.Recent(1)[0], "lost with that: 1000 denials that had been counted by")
	l.Close()
	open(t, audit.Options{Dir: dir}).Close()
	records, _ := read(t, dir)
	if gaps := byType(records, audit.TypeGap); len(gaps) != 1 {
		t.Errorf("%d gaps, want 1: after an orderly end nothing is lost", len(gaps))
	}
}

// A whole directory that was put back to what it was, and files that were removed with all that signs them, are
// found by what the proxy keeps beside its key, and said at the next start.
func TestRolledBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	o := small(dir)
	l := open(t, o)
	fill(t, l, dir, 1)
	l.Close()
	old := t.TempDir()
	if err := os.CopyFS(filepath.Join(old, "audit"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	l = open(t, o)
	fill(t, l, dir, 2)
	last := l.LastSeq()
	l.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(old, "audit"))); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, dir, "rolled back", fmt.Sprintf("..%d: log ends before ", last), headOf(dir))
	if v := verify(t, dir, audit.VerifyOptions{}); !v.OK() {
		t.Errorf("by itself the old log was sound: %v", v)
	}
	l = open(t, o)
	wantGap(t, l.Recent(1)[0], "are gone, which were written by")
	l.Close()
	wantProblem(t, dir, "rolled back, after the next start", "missing", "", headOf(dir))
}

func TestClockSteps(t *testing.T) {
	l := open(t, audit.Options{Dir: filepath.Join(t.TempDir(), "audit")})
	add(t, l, audittest.Decision())
	for _, tt := range []struct {
		step time.Duration
		want string
	}{{-2 * time.Hour, "the clock was set back by 2h0m0s, after "}, {time.Hour, "the clock was set forward, or the machine slept, by 1h0m0s"}, {30 * time.Second, ""}} {
		l.SetClock(tt.step)
		add(t, l, audittest.Decision())
		before := l.Recent(2)[1]
		if tt.want != "" {
			wantGap(t, before, tt.want)
		} else if before.Type == audit.TypeGap {
			t.Errorf("a step of %v is said: %s", tt.step, before.Detail)
		}
	}
}

// A log without a tree head, in a directory that nobody may write to, works as well as it can.
func TestWithoutTreeHead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	open(t, audit.Options{Dir: dir}).Close()
	os.Remove(headOf(dir))
	if err := os.Mkdir(headOf(dir), 0o700); err != nil { // it cannot be opened for writing
		t.Fatal(err)
	}
	l := open(t, audit.Options{Dir: dir})
	for range 1000 {
		add(t, l, audittest.Decision())
	}
	l.Close()
	wantSound(t, dir, audit.VerifyOptions{Head: headOf(dir)})
}

// Files of hashes that are longer than they should be are found; one that is not there is said.
func TestHashFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testHashFiles)
}

func testHashFiles(t *testing.T) {
	h := makeHistory(t, false)
	audittest.Write(t, h.hashes(1), audittest.Contents(t, h.hashes(1))+strings.Repeat("x", 64))
	v := verify(t, h.dir, audit.VerifyOptions{})
	if v.OK() || !strings.Contains(v.String(), filepath.Base(h.hashes(1))+": 64 bytes longer than its records") {
		t.Errorf("lengthened: %v", v)
	}
	os.Remove(h.hashes(1))
	if v := wantSound(t, h.dir, audit.VerifyOptions{}); !strings.Contains(fmt.Sprint(v.Notes), filepath.Base(h.hashes(1))+": hashes of ") {
		t.Errorf("deleted: %v", v.Notes)
	}
}
