package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"webproxy/internal/setting"
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
	return o.Rotate != setting.SizeOff && l.size >= int64(o.Rotate) ||
		o.RotateEvery != setting.Off && now.Sub(l.began) >= time.Duration(o.RotateEvery)
}

// nextName is the live file that is to be, while the log is rotated.
const nextName = liveName + tempSuffix

// rotate makes the next live file, renames the live file, and renames the next one. A log that cannot be
// rotated grows on: that is no reason to refuse requests. So the one step that may want for room, an inode for
// the new file, comes first. After a crash between the steps, Open makes the live file.
func (l *Log) rotate(now time.Time) error {
	l.flush(now, true) // what cannot be written now goes into the next file
	to := filepath.Join(l.options.Dir, segmentName(l.first, now))
	next := filepath.Join(l.options.Dir, nextName)
	if err := makeNext(next); err != nil {
		l.rotationFailed(now, err)
		return nil
	}
	l.live.Close() // Windows renames no open file
	l.live = nil
	if err := renameNew(l.path, to); err != nil {
		l.rotationFailed(now, errors.Join(err, os.Remove(next)))
		return l.openLive()
	}
	if err := renameNew(next, l.path); err != nil {
		l.rotateErr = fmt.Errorf("rotate audit log: %w", err) // openLive makes it
	}
	l.seal.turn(now, now)
	l.unsynced = append(l.unsynced, to)
	select {
	case l.rotated <- struct{}{}:
	default:
	}
	return l.openLive()
}

// rotationFailed leaves the live file as it is for a while.
func (l *Log) rotationFailed(now time.Time, err error) {
	l.rotateErr = fmt.Errorf("rotate audit log: %w", err)
	l.retry = now.Add(retryRotation)
}

// makeNext makes an empty file for rotate. What an earlier attempt left is removed.
func makeNext(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := openOwn(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	return f.Close()
}

// renameNew renames a file to a name that nothing has.
func renameNew(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return &os.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	return os.Rename(from, to)
}
