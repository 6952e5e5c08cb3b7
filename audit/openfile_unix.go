//go:build unix

package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// openOwn opens a file that the log writes, which must therefore be its own: a regular file by that very name. A
// symbolic link would redirect the writes (CWE-59), and a named pipe would hang. flag and perm are those of
// os.OpenFile. A file that root makes is given to the owner of the directory: a command that writes to the log while
// the service is stopped must leave nothing that the service cannot write to.
func openOwn(path string, flag int, perm os.FileMode) (*os.File, error) {
	flag |= syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	if flag&os.O_CREATE != 0 && os.Geteuid() == 0 {
		// Only a new file is given away: an existing one may be a link to somebody else's.
		f, err := os.OpenFile(path, flag|os.O_EXCL, perm)
		if err == nil {
			if err := giveToOwner(f, filepath.Dir(path)); err != nil {
				return nil, errors.Join(err, f.Close(), os.Remove(path))
			}
			return onlyRegular(f, path)
		}
		if flag&os.O_EXCL != 0 || !errors.Is(err, fs.ErrExist) {
			return nil, ownError(path, err)
		}
	}
	f, err := os.OpenFile(path, flag, perm)
	if err != nil {
		return nil, ownError(path, err)
	}
	return onlyRegular(f, path)
}

// giveToOwner gives f, which this process has made, the owner and the group of dir if the process is root's.
func giveToOwner(f *os.File, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return nil
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}

// ownError is err or, if that is the reason, what kind of file it is.
func ownError(path string, err error) error {
	if info, lerr := os.Lstat(path); lerr == nil && !info.Mode().IsRegular() {
		return notOwn(path, info.Mode())
	}
	return err
}
