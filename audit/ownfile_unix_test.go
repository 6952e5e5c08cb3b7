//go:build unix

package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// What stands in the place of the live file and is not this log's is neither followed, nor cut, nor appended to (CWE-59).
func TestLiveFileIsOwn(t *testing.T) {
	const text = "root:x:0:0:root:/root:/bin/bash\nno line end"
	for what, put := range map[string]func(live, victim string) error{
		"a link":               func(live, victim string) error { return os.Symlink(victim, live) },
		"a link to nothing":    func(live, victim string) error { os.Remove(victim); return os.Symlink(victim, live) },
		"a named pipe":         func(live, _ string) error { return syscall.Mkfifo(live, 0o600) },
		"another file":         func(live, victim string) error { return os.Rename(victim, live) },
		"a hard link":          func(live, victim string) error { return os.Link(victim, live) },
		"one line without end": func(live, _ string) error { return os.WriteFile(live, []byte("secret"), 0o600) },
	} {
		t.Run(what, func(t *testing.T) {
			dir, victim := filepath.Join(t.TempDir(), "audit"), filepath.Join(t.TempDir(), "victim")
			if err := os.Mkdir(dir, 0o750); err != nil {
				t.Fatal(err)
			}
			audittest.Write(t, victim, text)
			if err := put(live(dir), victim); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(victim)
			l, err := audit.Open(audit.Options{Dir: dir})
			if err == nil {
				l.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "move it away") {
				t.Errorf("Open: %v, want what to do", err)
			}
			if after, _ := os.ReadFile(victim); string(after) != string(before) {
				t.Errorf("the file was changed to %q", after)
			}
			if what == "another file" {
				if after, _ := os.ReadFile(live(dir)); string(after) != text {
					t.Errorf("the file was changed to %q", after)
				}
			}
		})
	}
}

// The same while the log is open: another program puts a link in the place of the live file.
func TestLiveFileBecomesLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, victim := filepath.Join(t.TempDir(), "audit"), filepath.Join(t.TempDir(), "victim")
		audittest.Write(t, victim, "text\n")
		l := open(t, audit.Options{Dir: dir})
		add(t, l, audittest.Decision())
		if err := os.Rename(live(dir), live(dir)+".1"); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(victim, live(dir)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(untilItLooks)
		r := audittest.Decision()
		if err := l.Append(&r); err == nil || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("Append = %v, want that it is a symbolic link", err)
		}
		if after, _ := os.ReadFile(victim); string(after) != "text\n" {
			t.Errorf("the link's file has %q", after)
		}
	})
}

// The other files that the log writes are not followed either.
func TestOtherFilesAreOwn(t *testing.T) {
	for _, name := range []string{"audit.lock", "checkpoints-000000000001", "hashes-000000000001"} {
		dir, victim := filepath.Join(t.TempDir(), "audit"), filepath.Join(t.TempDir(), "victim")
		if err := os.Mkdir(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(victim, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		l, err := audit.Open(audit.Options{Dir: dir})
		if err == nil {
			r := audittest.Decision()
			l.Append(&r) // it may be refused: before the first record a checkpoint must be written
			l.Close()
		}
		if info, err := os.Stat(victim); err == nil {
			t.Errorf("%s: %d bytes were written where the link leads", name, info.Size())
		}
	}
}
