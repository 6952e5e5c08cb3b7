//go:build unix

package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/audit"
)

func TestKeyMode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	key := filepath.Join(dir+"-key", "audit.key")
	open(t, audit.Options{Dir: dir}).Close()
	for path, want := range map[string]os.FileMode{key: 0o600, filepath.Dir(key): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		if l, err := audit.Open(audit.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
			if err == nil {
				l.Close()
			}
		}
	}
}
