package review

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"

	"webproxy/internal/hint"
)

const (
	// lockName is a file beside the configuration. Whoever changes files of the configuration has it locked, and removes it afterwards.
	lockName = ".webproxy-change.lock"
	// lockWait is how long a change waits for another one, which takes some milliseconds.
	lockWait = 10 * time.Second
	// lockStale is the age of a file that another user's process left when it was killed, if this user may not open it.
	lockStale = time.Minute
)

// lock keeps other processes, and other goroutines of this one, from changing files of the configuration at path until unlock is called:
// of two who compare a file with what they have read and then write it, the second must see what the first wrote. It waits at most wait.
//
// The system releases the lock of a process that ends, so a file left behind blocks nobody. Where there can be no lock, because the
// directory cannot be written to or the file system has no locks, there is none.
func lock(path string, wait time.Duration) (unlock func() error, err error) {
	name := filepath.Join(filepath.Dir(path), lockName)
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	for {
		l := flock.New(name, flock.SetFlag(lockFlags))
		locked, err := l.TryLockContext(ctx, 10*time.Millisecond)
		info, there := os.Lstat(name)
		var closed *fs.PathError // the file cannot be opened; otherwise it cannot be locked, as where AppArmor has no rule for that
		switch {
		case there == nil && !info.Mode().IsRegular():
			return nil, errors.Join(fmt.Errorf("lock the configuration: %s is not a regular file: remove it", name), l.Unlock())
		case locked:
			if own, err := l.Stat(); err == nil && there == nil && os.SameFile(own, info) {
				return func() error { return release(l) }, nil
			}
			l.Unlock() // the one before removed the file, so others lock a new one
		case ctx.Err() != nil:
			return nil, hint.With(fmt.Errorf("lock the configuration: another change has held %s for %s", name, wait), "try again when the other change is done")
		case errors.As(err, &closed) && errors.Is(err, fs.ErrPermission) && !errors.Is(there, fs.ErrNotExist): // another user's; or, on Windows, one that is being removed
			if there == nil && time.Since(info.ModTime()) > lockStale {
				os.Remove(name)
			}
			time.Sleep(10 * time.Millisecond)
		default:
			return func() error { return nil }, nil
		}
	}
}

// release unlocks the file and removes it. While others have it open, Windows does not remove it; then one of them will.
func release(l *flock.Flock) error {
	if runtime.GOOS == "windows" {
		err := l.Unlock()
		os.Remove(l.Path())
		return err
	}
	os.Remove(l.Path()) // first, so that whoever locks it next sees that it is gone
	return l.Unlock()
}
