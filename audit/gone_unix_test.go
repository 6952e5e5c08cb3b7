//go:build unix

package audit

import (
	"os"
	"path/filepath"
	"testing"
)

// A log whose directory was removed says so, and that it is there again.
func TestGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	check := func(when string, want bool) {
		t.Helper()
		if err := l.look(); err != nil || l.Gone() != want {
			t.Errorf("%s: Gone() = %v, %v, want %v", when, l.Gone(), err, want)
		}
	}
	check("opened", false)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	check("removed", true)
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	check("made again", false)
	if err := l.Append(&Record{Type: TypeDecision, Decision: "deny"}); err != nil {
		t.Errorf("Append to a directory that was made again: %v", err)
	}
}
