//go:build unix

package smallfile

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"webproxy/internal/sharedfile"
)

// A named pipe is refused at once: to open it would wait for its other end.
func TestNamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	if _, err := Read(path, 100); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("Read of a named pipe: %v", err)
	}
	f, err := sharedfile.Open(path, 0) // it took the place of a file between the look and the opening
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}
