package review

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"webproxy/internal/hint"
)

const (
	// lockName is a file beside the configuration, which is there while somebody changes its files.
	lockName = ".webproxy-change.lock"
	// lockWait is how long a change waits for another one, which takes some milliseconds.
	lockWait = 10 * time.Second
	// lockStale is the age of a lock file that a process left when it was killed.
	lockStale = time.Minute
)

// lock keeps other processes, and other goroutines of this one, from changing files of the configuration at path until unlock is called:
// of two who compare a file with what they have read and then write it, the second must see what the first wrote.
func lock(path string) (unlock func() error, err error) {
	name := filepath.Join(filepath.Dir(path), lockName)
	for until := time.Now().Add(lockWait); ; time.Sleep(10 * time.Millisecond) {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			return func() error { return errors.Join(f.Close(), os.Remove(name)) }, nil
		}
		info, there := os.Stat(name)
		switch {
		case there == nil && time.Since(info.ModTime()) > lockStale:
			os.Remove(name)
		case !errors.Is(err, fs.ErrExist) && (runtime.GOOS != "windows" || there != nil):
			return func() error { return nil }, nil // where no file can be made there, others make none either
		case time.Now().After(until):
			return nil, hint.With(fmt.Errorf("lock the configuration: %w", err), "remove "+name+" if no other change is being made")
		}
	}
}
