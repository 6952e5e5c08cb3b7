package atomicfile_test

import (
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"webproxy/internal/atomicfile"
	"webproxy/internal/privatefile"
)

// A file that an editor has open is replaced once it is closed, and keeps its access control list.
func TestWriteHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := privatefile.Create(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	before := list(t, path)
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(200*time.Millisecond, func() { windows.CloseHandle(h) })
	defer timer.Stop()
	if err := atomicfile.Write(path, []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "new" {
		t.Errorf("contents %q, want new", got)
	}
	if after := list(t, path); after != before {
		t.Errorf("access control list %s, want %s", after, before)
	}
}

func list(t *testing.T, path string) string {
	t.Helper()
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	return sd.String()
}
