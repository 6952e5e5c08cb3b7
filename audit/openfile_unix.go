//go:build unix

package audit

import (
	"os"
	"syscall"
)

// openOwn opens a file that the log writes, and that therefore must be its own: a regular file by that very name. A
// symbolic link would lead the writes elsewhere (CWE-59), and a named pipe would hang. flag and perm are
// those of os.OpenFile.
func openOwn(path string, flag int, perm os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, perm)
	if err != nil {
		return nil, ownError(path, err)
	}
	return onlyRegular(f, path)
}

// ownError is err, or what the file is, if that is why it was not opened.
func ownError(path string, err error) error {
	if info, lerr := os.Lstat(path); lerr == nil && !info.Mode().IsRegular() {
		return notOwn(path, info.Mode())
	}
	return err
}
