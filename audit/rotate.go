package audit

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// retryRotation is how long a log that could not be rotated grows on before the next attempt.
const retryRotation = time.Minute

// Rotated yields a value after the log was rotated: there is work for Tidy. One value may stand for
// several rotations. The channel is never closed.
func (l *Log) Rotated() <-chan struct{} { return l.rotated }

// due reports whether the live file is to be rotated. A file without records is not: its name
// would have no number.
func (l *Log) due(now time.Time) bool {
	if l.first == 0 || now.Before(l.retry) {
		return false
	}
	o := &l.options
	return o.Rotate != SizeOff && l.size >= int64(o.Rotate) ||
		o.RotateEvery != AgeOff && now.Sub(l.began) >= time.Duration(o.RotateEvery)
}

// rotate renames the live file and begins another. A log that cannot be renamed grows on: that
// is no reason to refuse requests. After a crash between the two steps, Open begins the other.
func (l *Log) rotate(now time.Time) error {
	l.flush(now, true) // what cannot be written now goes into the next file
	to := filepath.Join(l.options.Dir, segmentName(l.first, now))
	l.live.Close() // Windows renames no open file
	l.live = nil
	if err := renameNew(l.path, to); err != nil {
		l.rotateErr = fmt.Errorf("rotate audit log: %w", err)
		l.retry = now.Add(retryRotation)
		return l.openLive()
	}
	l.seal.turn(now)
	l.unsynced = append(l.unsynced, to)
	select {
	case l.rotated <- struct{}{}:
	default:
	}
	return l.openLive()
}

// renameNew renames a file to a name that nothing has.
func renameNew(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return &os.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	return os.Rename(from, to)
}
