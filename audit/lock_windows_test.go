package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"webproxy/audit"
)

// Every file of a log that is open can be copied, the lock too; and the lock still keeps a second writer out, and cannot be deleted.
func TestLockIsReadable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, small(dir))
	lock := filepath.Join(dir, "audit.lock")
	for _, share := range []uint32{windows.FILE_SHARE_READ, windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE} {
		h, err := windows.CreateFile(windows.StringToUTF16Ptr(lock), windows.GENERIC_READ, share, nil, windows.OPEN_EXISTING, 0, 0)
		if err != nil {
			t.Errorf("open with share mode %d: %v", share, err)
			continue
		}
		windows.CloseHandle(h)
	}
	if _, err := os.ReadFile(lock); err != nil {
		t.Errorf("read: %v", err)
	}
	if l, err := audit.Open(audit.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second writer: %v, %v", l, err)
	}
	if err := os.Remove(lock); err == nil {
		t.Error("the lock was deleted")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := audit.Open(audit.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}
