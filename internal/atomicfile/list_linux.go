package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// keepList gives f the access control list of the file at path, if it has one.
func keepList(f *os.File, path string) error {
	const name = "system.posix_acl_access"
	list := make([]byte, 64<<10) // the longest there can be
	n, err := unix.Getxattr(path, name, list)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if err == nil {
		err = unix.Fsetxattr(int(f.Fd()), name, list[:n], 0)
	}
	if err != nil {
		return &os.PathError{Op: "keep access control list of", Path: path, Err: err}
	}
	return nil
}
