//go:build unix

package audit

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// A dirLock is the lock of a log's directory. It ends with the process or with Close.
type dirLock struct{ file, dir *os.File }

// lockDir takes the lock of a log's directory, whose lock file is path. It returns ErrLocked if another process has
// it.
//
// The file is locked for processes that check that lock, other versions among them. The directory is locked because a
// file can be deleted, and made anew by a second writer, while it is locked. Some systems lock no directories: there
// the file alone must do.
func lockDir(path string) (*dirLock, error) {
	f, err := openOwn(path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		f.Close()
		return nil, err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		f.Close()
		return nil, err
	}
	switch err := flock(d); {
	case errors.Is(err, ErrLocked):
		f.Close()
		d.Close()
		return nil, err
	case err != nil:
		d.Close()
		d = nil
	}
	return &dirLock{f, d}, nil
}

func flock(f *os.File) error {
	err := ignoreEINTR(func() error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) })
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	if err != nil {
		return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return nil
}

// Close releases the lock. Closing the files would not do: a child that the process has forked and that has not yet
// executed its program has them too, for some milliseconds.
func (l *dirLock) Close() error {
	err := unlock(l.file)
	if l.dir != nil {
		err = errors.Join(err, unlock(l.dir))
	}
	return err
}

func unlock(f *os.File) error {
	err := ignoreEINTR(func() error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) })
	return errors.Join(err, f.Close())
}

// A fileID identifies a file, whatever its name.
type fileID struct{ dev, ino uint64 }

// statLive returns the identity and the size of the file at path, which may be f or another one. os.Stat would cost
// three times as much, and this is called before every write.
func statLive(_ *os.File, path string) (fileID, int64, error) {
	var st syscall.Stat_t
	if err := ignoreEINTR(func() error { return syscall.Stat(path, &st) }); err != nil {
		return fileID{}, 0, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return fileID{uint64(st.Dev), uint64(st.Ino)}, st.Size, nil
}

// unlinked reports whether f has lost its last name.
func unlinked(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return true
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 0
}

// truncate cuts the live file f, whose name is path.
func truncate(f *os.File, path string, size int64) error { return f.Truncate(size) }

func ignoreEINTR(call func() error) error {
	for {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
