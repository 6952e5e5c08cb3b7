package sharedfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// A file that is held exclusively is waited for; one that is open here can be renamed and deleted.
func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, 0); !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		t.Errorf("Open of a file held exclusively: %v", err)
	}
	timer := time.AfterFunc(200*time.Millisecond, func() { windows.CloseHandle(h) })
	defer timer.Stop()
	f, err := Open(path, time.Minute)
	if err != nil {
		t.Fatalf("Open of a file that is released: %v", err)
	}
	defer f.Close()
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Errorf("rename of a file that is open: %v", err)
	}
	if err := os.Remove(path + ".moved"); err != nil {
		t.Errorf("removal of a file that is open: %v", err)
	}
}
