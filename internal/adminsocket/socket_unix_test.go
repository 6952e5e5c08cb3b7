//go:build !windows

package adminsocket

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func testPath(t *testing.T) string {
	dir, err := os.MkdirTemp("", "ws") // t.TempDir is too long for a socket where the test has a long name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "audit.sock")
}

// The socket is of mode 0600 whatever the umask is, and goes with its listener; nothing else is left in the directory.
func TestMode(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := testPath(t)
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("%v in the directory, %v", entries, err)
	}
	ln.Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("closed: %v, want no socket", err)
	}
}

// A directory that has to be made is its owner's alone.
func TestMakesDirectory(t *testing.T) {
	path := filepath.Join(filepath.Dir(testPath(t)), "run", "s.sock")
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// The socket of a process that ended is replaced; that of one that listens is not, nor is a file.
func TestTaken(t *testing.T) {
	path := testPath(t)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if _, err := Listen(path); err == nil || !strings.Contains(err.Error(), "another process listens there") {
		t.Fatalf("beside a live one: %v", err)
	}
	if c, err := net.Dial("unix", path); err != nil {
		t.Fatalf("the live one is gone: %v", err)
	} else {
		c.Close()
	}
	dead.Close()
	ln, err := Listen(path)
	if err != nil {
		t.Fatalf("in place of a dead one: %v", err)
	}
	ln.Close()

	for name, make := range map[string]func() error{
		"file":      func() error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"directory": func() error { return os.Mkdir(path, 0o700) },
		"link":      func() error { return os.Symlink("elsewhere", path) },
		"pipe":      func() error { return syscall.Mkfifo(path, 0o600) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(path); err == nil || !strings.Contains(err.Error(), "not a socket") {
			t.Errorf("in place of a %s: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Errorf("the %s is gone: %v", name, err)
		}
	}
}

// Closing does not remove the socket of another process that has replaced ours.
func TestCloseLeavesAnother(t *testing.T) {
	path := testPath(t)
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ln.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the other socket: %v", err)
	}
}

func TestCheckPath(t *testing.T) {
	long := "/" + strings.Repeat("d", maxPath-len("/")-len("/audit.sock")+1) + "/audit.sock"
	for path, want := range map[string]string{
		"/run/webproxy/admin.sock": "",
		"":                         "no path",
		long:                       "bytes too long",
		"/" + strings.Repeat("d", maxPath-len("//s")) + "/s": "bytes too long", // there would be no room to make it
	} {
		err := CheckPath(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("CheckPath(%q) = %v, want %q", path, err, want)
		}
		if want != "" {
			if _, err := Listen(path); err == nil {
				t.Errorf("Listen(%q): no error", path)
			}
		}
	}
	if got := DefaultPath("/var/lib/webproxy/audit/"); got != "/var/lib/webproxy/audit.sock" {
		t.Errorf("DefaultPath = %q", got)
	}
}

// The longest path that CheckPath lets pass can be listened on.
func TestLongestPath(t *testing.T) {
	dir := filepath.Dir(testPath(t))
	sub := filepath.Join(dir, strings.Repeat("d", maxPath-len(dir)-1-len(stagingName)))
	path := filepath.Join(sub, strings.Repeat("n", len(stagingName)-1))
	if err := CheckPath(path); err != nil || len(path) != maxPath {
		t.Fatalf("%d bytes: %v", len(path), err)
	}
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if CheckPath(path+"n") == nil {
		t.Error("one byte more is let pass")
	}
}
