package audit_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// What root writes to the log of a service while that is stopped belongs to the service.
func TestRootLeavesTheLogToItsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	const uid, gid = 12345, 12346
	dir := filepath.Join(t.TempDir(), "audit")
	keys := dir + "-key"
	victim := filepath.Join(t.TempDir(), "victim")
	audittest.Write(t, victim, "")
	for _, d := range []string{dir, keys} {
		if err := os.Mkdir(d, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(d, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	// The owner of the directory can link to what is root's, and does not get it.
	if err := os.Link(victim, filepath.Join(dir, "audit.lock")); err != nil {
		t.Fatal(err)
	}
	l, err := audit.Open(small(dir))
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, dir, 2)
	if err := l.Tidy(t.Context()); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "audit*", "*"))
	if err != nil || len(files) < 8 {
		t.Fatalf("files %q, %v", files, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		want := uint32(uid)
		switch filepath.Base(f) {
		case "audit.key", "audit.pub": // made at the first start; who makes it has it
			continue
		case "audit.lock":
			want = 0
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != want {
			t.Errorf("%s belongs to %d, want %d", filepath.Base(f), st.Uid, want)
		}
	}
}
