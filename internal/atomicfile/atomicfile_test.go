package atomicfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"webproxy/internal/atomicfile"
	"webproxy/internal/sharedfile"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "list.txt")
	for _, want := range []string{"one\n", "", "three\n"} {
		if err := atomicfile.Write(path, []byte(want), 0o640); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != want {
			t.Errorf("after Write: %q, want %q", got, want)
		}
	}
	onlyFile(t, dir, "list.txt")
}

func TestWriteKeepsPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode %o, want 600", got)
	}
}

func TestWriteThroughLink(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	real, link := filepath.Join(elsewhere, "real"), filepath.Join(dir, "link")
	if err := os.WriteFile(real, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	// Seen under wine 8: Symlink reports success, and there is no link. Silent: scripts/wine.sh wants no message of a test that did not fail.
	if _, err := os.Lstat(link); err != nil {
		t.SkipNow()
	}
	if err := atomicfile.Write(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if got := read(t, real); got != "new" {
		t.Errorf("behind the link: %q, want new", got)
	}
	if err := os.Remove(real); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(link, []byte("new"), 0o600); err == nil {
		t.Error("a link to nothing was replaced")
	}
}

func TestWriteErrors(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "no", "such", "dir")} {
		if err := atomicfile.Write(path, nil, 0o600); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Write(%s) = %v, want an error that names it", path, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// A reader that opens the file while writers replace it sees one whole content.
func TestWriteIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	a, b := strings.Repeat("a", 100_000), strings.Repeat("b", 100_000)
	var wg sync.WaitGroup
	for _, content := range []string{a, b} {
		if err := atomicfile.Write(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range 20 {
				if err := atomicfile.Write(path, []byte(content), 0o600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 200 {
		if got := read(t, path); got != a && got != b {
			t.Fatalf("read %d bytes that nobody wrote as one", len(got))
		}
		if runtime.GOOS == "windows" { // which replaces no file while a reader has it, and tries for 2 s: the file must not be open all the time
			time.Sleep(5 * time.Millisecond)
		}
	}
	wg.Wait()
	onlyFile(t, filepath.Dir(path), "f")
}

func read(t *testing.T, path string) string {
	t.Helper()
	f, err := sharedfile.Open(path, time.Minute) // Windows lets nobody open a file in the moment in which it is replaced
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func onlyFile(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("in the directory: %v, want only %s", entries, name)
	}
}

// What cannot be written whole leaves the old content, and nothing beside it.
func TestWriteFromFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := atomicfile.Write(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := atomicfile.WriteFrom(path, 0o600, func(w io.Writer) error {
		io.WriteString(w, "half")
		return broken
	})
	if !errors.Is(err, broken) || read(t, path) != "old" {
		t.Errorf("%v, then %q", err, read(t, path))
	}
	onlyFile(t, filepath.Dir(path), "f")
}
