package audit

import (
	"errors"
	"fmt"
	"os"

	"webproxy/internal/atomicfile"
)

// Sync syncs to disk what was appended before the call. It does not hold up Append.
func (l *Log) Sync() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	live, dirty, rotated := l.live, l.dirty, l.unsynced
	l.dirty, l.unsynced = false, nil
	l.mu.Unlock()

	var errs []error
	for _, path := range rotated {
		errs = append(errs, syncFile(path))
	}
	if len(rotated) > 0 {
		errs = append(errs, atomicfile.SyncDir(l.options.Dir))
	}
	if live != nil && dirty {
		// A file closed meanwhile was rotated, and is synced by the next call.
		if err := live.Sync(); !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	err := errors.Join(errs...)
	if err == nil {
		return nil
	}
	l.mu.Lock()
	l.dirty = true
	l.unsynced = append(rotated, l.unsynced...)
	l.mu.Unlock()
	return fmt.Errorf("sync audit log: %w", err)
}

// syncFile syncs a rotated file. One that is gone was compressed, and synced then.
func syncFile(path string) error {
	f, err := openOwn(path, os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
