package audit

import (
	"errors"
	"os"
	"syscall"
)

// errSharingViolation is ERROR_SHARING_VIOLATION, which package syscall does not name.
const errSharingViolation = syscall.Errno(32)

// A dirLock is the lock of a log's directory: a file open for nobody else, which nobody can delete. It ends with the
// process or with Close.
type dirLock struct{ *os.File }

// lockDir takes the lock of a log's directory, whose lock file is path. It returns errLocked if somebody else has it.
func lockDir(path string) (*dirLock, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharingViolation) {
		return nil, errLocked
	}
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return &dirLock{os.NewFile(uintptr(h), path)}, nil
}

// A fileID has nothing to tell: Windows lets nobody rename or remove a file while it is open
// the way package os opens it, as the log does.
type fileID struct{}

// statLive returns the size of the live file f, whose name is path. It asks the handle, because
// what a directory says of a file that is open may be old.
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
