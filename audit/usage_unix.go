//go:build unix

package audit

import (
	"os"

	"golang.org/x/sys/unix"
)

// freeBytes is how much this process may still write to the disk of dir. Space reserved for root does not count.
func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := ignoreEINTR(func() error { return unix.Statfs(dir, &st) }); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
