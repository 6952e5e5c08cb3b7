//go:build !windows

package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// createLike makes the file that is to replace path. Nobody else can open it until it is complete.
func createLike(path string, _ fs.FileInfo) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
}

// keepOwner gives f the owner and the group of the old file, as far as it may, and returns the permissions that f is to have. A
// command that root runs must not take a file away from the service.
func keepOwner(f *os.File, old fs.FileInfo) fs.FileMode {
	perm := old.Mode().Perm()
	st, ok := old.Sys().(*syscall.Stat_t)
	if !ok || f.Chown(int(st.Uid), int(st.Gid)) == nil || f.Chown(-1, int(st.Gid)) == nil {
		return perm
	}
	// Another group must not get what the old one had: only what everybody may do.
	return perm&^0o070 | perm&0o070&(perm&0o007<<3)
}
