package audit_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// copyLog copies a log's directory as cp -a does: it lists the names first, and then copies each file as it is by then, with
// its time of modification. before is called before each file is copied.
func copyLog(t *testing.T, dir string, before func(name string)) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "audit")
	if err := os.MkdirAll(to, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if before(e.Name()); e.IsDir() {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		data, err2 := os.ReadFile(filepath.Join(dir, e.Name()))
		switch err := errors.Join(err, err2); {
		case errors.Is(err, fs.ErrNotExist): // deleted just now: cp says so, and goes on
			before(e.Name())
			continue
		case err != nil:
			t.Fatal(err)
		}
		audittest.Write(t, filepath.Join(to, e.Name()), string(data))
		if err := os.Chtimes(filepath.Join(to, e.Name()), info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// lacksOnlyTheCopy reports whether all that v found is what a copy lacks that was made while the log was rotated, and v says so.
func lacksOnlyTheCopy(v *audit.Verification) bool {
	told := v.OK()
	for _, p := range v.Problems {
		switch {
		case p.Kind == audit.Missing && strings.Contains(p.Text, "copy again"):
			told = true
		case p.Kind == audit.Differs: // the records that are missing are among them
		case p.Kind == audit.Missing && strings.Contains(p.Text, "no record says"): // it is one of those
		default:
			return false
		}
	}
	return told
}

// A copy that is made while the log is written, sealed and rotated is no sign of tampering: verify takes its end for cut off, or
// says which records it lacks, and that a copy does.
func TestCopyWhileRotating(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, small(dir))
	keys := []string{public(t, dir)}
	more := func(files int) { // that many rotations, and a checkpoint
		fill(t, l, dir, len(rotated(t, dir))+files)
		for range 5 {
			add(t, l, audittest.Decision())
		}
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	more(1)
	for _, tt := range []struct {
		name  string
		at    string // what is copied next when the log goes on
		files int
		whole bool // but for its end
	}{
		{"nothing happens", "", 0, true},
		{"a checkpoint behind the live file", "checkpoints", 0, true},
		{"a rotation behind the live file", "checkpoints", 1, true},
		{"three rotations behind the live file", "checkpoints", 3, true},
		{"a rotation before the live file", "audit.ndjson", 1, false},
		{"two rotations before the live file", "audit.ndjson", 2, false},
	} {
		done := false
		v := verify(t, copyLog(t, dir, func(name string) {
			if tt.at != "" && strings.HasPrefix(name, tt.at) && !done {
				done = true
				time.Sleep(5 * time.Millisecond) // the clock of files is no finer, and that of checkpoints is a millisecond
				more(tt.files)
			}
		}), audit.VerifyOptions{Keys: keys})
		if v.OK() != tt.whole || !lacksOnlyTheCopy(v) {
			t.Errorf("%s: %v\n%q\n%q", tt.name, v, v.Problems, v.Notes)
		}
		if tt.whole && tt.at != "" && !strings.Contains(strings.Join(v.Notes, "; "), "a copy made while the proxy wrote") {
			t.Errorf("%s: notes %q", tt.name, v.Notes)
		}
	}
	// The same end, cut off where the proxy's own knowledge, or an anchor, tells better, is missing.
	cut := copyLog(t, dir, func(name string) {})
	text := audittest.Contents(t, live(cut))
	audittest.Write(t, live(cut), text[:strings.Index(text, "\n")+1])
	old := time.Now().Add(-time.Hour)
	os.Chtimes(live(cut), old, old)
	if v := verify(t, cut, audit.VerifyOptions{Keys: keys, Head: filepath.Join(dir+"-key", "audit.head")}); v.OK() {
		t.Errorf("cut off: %v", v)
	}
}

// And so it is under load, whatever the moment.
func TestCopyUnderLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	o := small(dir)
	o.RetainSize = 256 << 10 // some files: the oldest are deleted meanwhile
	l := open(t, o)
	keys := []string{public(t, dir)}
	for _, stats := read(t, dir); stats.FirstSeq <= 1; _, stats = read(t, dir) { // until the oldest are deleted
		fill(t, l, dir, len(rotated(t, dir))+10)
		if err := l.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stop := keepWriting(t, l)
	retained := false
	for range 20 {
		gone := false
		to := copyLog(t, dir, func(name string) {
			_, err := os.Stat(filepath.Join(dir, name))
			gone = gone || errors.Is(err, fs.ErrNotExist)
		})
		// The log itself is sound, also while its oldest files are deleted.
		v := verify(t, dir, audit.VerifyOptions{})
		retained = retained || v.FirstSeq > 1
		if !v.OK() {
			t.Errorf("the log: %v %q", v, v.Problems)
		}
		if v := verify(t, to, audit.VerifyOptions{Keys: keys}); !gone && !lacksOnlyTheCopy(v) {
			t.Errorf("a copy: %v\n%q\n%q", v, v.Problems, v.Notes)
		}
	}
	stop()
	if !retained {
		t.Error("nothing was deleted")
	}
}
