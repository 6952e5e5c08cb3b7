package audit_test

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"webproxy/audit"
)

// A child that is being started has all files of the process for a moment: it does not hold the lock of a log that was closed.
func TestLockAndChildren(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, audit.Options{Dir: dir})
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var held []int // all of them before the first copy: it may take the number of a descriptor that has been closed since
	for _, file := range files {
		path, err := os.Readlink("/proc/self/fd/" + file.Name())
		if fd, atoi := strconv.Atoi(file.Name()); err == nil && atoi == nil && (path == dir || path == filepath.Join(dir, "audit.lock")) {
			held = append(held, fd)
		}
	}
	for _, fd := range held {
		childs, err := syscall.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(childs)
	}
	if len(held) != 2 {
		t.Fatalf("%d descriptors have the lock, want 2", len(held))
	}
	l.Close()
	open(t, audit.Options{Dir: dir}).Close()
}
