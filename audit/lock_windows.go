package audit

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// A dirLock is the lock of a log's directory: a byte of a file that nobody can write to or delete. It ends with the
// process or with Close.
type dirLock struct{ *os.File }

// lockDir takes the lock of a log's directory, whose lock file is path. It returns ErrLocked if another process has
// it.
//
// A byte far after the end of the file is locked, and the file is open for reading only: whoever copies the directory
// can read it, also without sharing it for writing. Versions that open it exclusively see that it is in use.
func lockDir(path string) (*dirLock, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil,
		windows.OPEN_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	at := windows.Overlapped{OffsetHigh: 1 << 30}
	err = windows.LockFileEx(h, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if err != nil {
		windows.CloseHandle(h)
		if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			return nil, ErrLocked
		}
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return &dirLock{os.NewFile(uintptr(h), path)}, nil
}

// A fileID is empty: Windows does not let anybody rename or remove a file while it is open the way package os opens
// it, as the log does.
type fileID struct{}

// statLive returns the size of the live file f, whose name is path. It asks the handle, because the directory entry
// of an open file may be out of date.
func statLive(f *os.File, path string) (fileID, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return fileID{}, 0, err
	}
	return fileID{}, info.Size(), nil
}

// unlinked reports whether f has lost its last name.
func unlinked(*os.File) bool { return false }

// truncate cuts the live file f, whose name is path. A handle that may only append cannot do it.
func truncate(f *os.File, path string, size int64) error { return os.Truncate(path, size) }
