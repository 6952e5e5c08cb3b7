package atomicfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"webproxy/internal/atomicfile"
)

// A file that root replaces still belongs to whom it belonged, with its mode.
func TestWriteKeepsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12345, 12346); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != 12345 || st.Gid != 12346 || info.Mode().Perm() != 0o640 {
		t.Errorf("belongs to %d:%d with mode %o, want 12345:12346 and 640", st.Uid, st.Gid, info.Mode().Perm())
	}
}

// So does its access control list.
func TestWriteKeepsAccessControlList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	const name = "system.posix_acl_access"
	// Version 2; user::rw-, user:12345:r--, group::r--, mask::r--, other::---.
	list := "\x02\x00\x00\x00" +
		"\x01\x00\x06\x00\xff\xff\xff\xff" + "\x02\x00\x04\x00\x39\x30\x00\x00" +
		"\x04\x00\x04\x00\xff\xff\xff\xff" + "\x10\x00\x04\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff"
	if err := unix.Setxattr(path, name, []byte(list), 0); errors.Is(err, unix.ENOTSUP) {
		t.Skip("no access control lists here")
	} else if err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1024)
	n, err := unix.Getxattr(path, name, got)
	if err != nil || string(got[:n]) != list {
		t.Errorf("access control list %q, %v; want %q", got[:max(n, 0)], err, list)
	}
}
