//go:build linux || darwin

package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// A lock file that somebody deletes lets no second writer in.
func TestLockFileDeleted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, audit.Options{Dir: dir})
	if err := os.Remove(filepath.Join(dir, "audit.lock")); err != nil {
		t.Fatal(err)
	}
	second, err := audit.Open(audit.Options{Dir: dir})
	if err == nil {
		second.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "another process is writing to it") {
		t.Errorf("a second writer: %v", err)
	}
	add(t, l, audittest.Decision())
	l.Close()
	open(t, audit.Options{Dir: dir}).Close() // the lock goes with the first
}
