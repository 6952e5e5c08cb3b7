package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"webproxy/audit"
)

// A child that is being started has all files of the process for a moment: it does not hold the lock of a log that was closed.
func TestLockAndChildren(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, audit.Options{Dir: dir})
	held := 0
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		var fd int
		fmt.Sscan(file.Name(), &fd)
		if path, err := os.Readlink("/proc/self/fd/" + file.Name()); err == nil && (path == dir || path == filepath.Join(dir, "audit.lock")) {
			childs, err := syscall.Dup(fd)
			if err != nil {
				t.Fatal(err)
			}
			defer syscall.Close(childs)
			held++
		}
	}
	if held != 2 {
		t.Fatalf("%d descriptors have the lock, want 2", held)
	}
	l.Close()
	open(t, audit.Options{Dir: dir}).Close()
}
