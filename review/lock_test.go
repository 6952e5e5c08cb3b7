package review

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"webproxy/internal/hint"
)

// Of many who change the configuration at once, none overwrites what another wrote; no lock file is left behind.
func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "webproxy.yaml")
	if err := os.WriteFile(path, []byte("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	add := func() error {
		unlock, err := lock(path, time.Minute)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(data))
		if err != nil {
			return err
		}
		runtime.Gosched() // another may come now, if it can
		if err := os.WriteFile(path, []byte(strconv.Itoa(n+1)), 0o600); err != nil {
			return err
		}
		return unlock()
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if err := add(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if data, err := os.ReadFile(path); err != nil || string(data) != "160" {
		t.Errorf("160 times 1 is %s, %v", data, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A file that a killed process left blocks nobody. Whoever waits in vain is told what to do.
func TestLockLeftBehind(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "webproxy.yaml")
	name := filepath.Join(filepath.Dir(path), lockName)
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unlock, err := lock(path, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := lock(path, 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), name) || hint.Of(err) == "" {
		if err == nil {
			again()
		}
		t.Errorf("a second lock: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if unlock, err = lock(path, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
}

// What is in the place of the lock file and is none is refused, and not followed: it would be made where a link leads to.
func TestLockNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name, elsewhere := filepath.Join(dir, lockName), filepath.Join(t.TempDir(), "elsewhere")
	for what, make := range map[string]func() error{
		"link":      func() error { return os.Symlink(elsewhere, name) },
		"directory": func() error { return os.Mkdir(name, 0o700) },
	} {
		if err := make(); err != nil {
			t.Logf("%s: %v", what, err) // Windows without the right to
			continue
		}
		if _, err := os.Lstat(name); err != nil {
			t.Logf("%s: %v", what, err) // wine, which says that it has made a link
			continue
		}
		unlock, err := lock(filepath.Join(dir, "webproxy.yaml"), time.Minute)
		if err == nil || !strings.Contains(err.Error(), name+" is not a regular file") {
			if err == nil {
				unlock()
			}
			t.Errorf("%s: %v", what, err)
		}
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(elsewhere); !os.IsNotExist(err) {
		t.Errorf("the link was followed: %v", err)
	}
}

// Where no file can be made there is no lock, and no error.
func TestLockNowhere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing", "webproxy.yaml")
	unlock, err := lock(path, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Errorf("%v, want %v", err, fs.ErrNotExist)
	}
}
