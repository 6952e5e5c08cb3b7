package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"webproxy/internal/setting"
	"webproxy/internal/sharedfile"
)

// retryRotation is how long a log that could not be rotated grows before the next attempt.
const retryRotation = time.Minute

// retryReclaim is the interval between attempts to rename a file that another program holds open.
const retryReclaim = 5 * time.Second

// due reports whether the live file is to be rotated. A file without records is not: its name would have no number.
func (l *Log) due(now time.Time) bool {
	if l.first == 0 || now.Before(l.retry) {
		return false
	}
	o := &l.options
	return o.Rotate != setting.SizeOff && l.size >= int64(o.Rotate) ||
		o.RotateEvery != setting.Off && now.Sub(l.began) >= time.Duration(o.RotateEvery)
}

// nextName is the name of the next live file, during rotation.
const nextName = liveName + tempSuffix

// rotate makes the next live file, renames the live file, and renames the next one. If a log cannot be rotated, it
// grows: that is no reason to refuse requests. So the one step that may fail for lack of room, an inode for the new
// file, comes first. After a crash between the steps, Open makes the live file.
func (l *Log) rotate(now time.Time) error {
	l.flush(now, true) // what cannot be written now goes into the next file
	to := filepath.Join(l.options.Dir, segmentName(l.first, now))
	next := filepath.Join(l.options.Dir, nextName)
	if err := makeNext(next); err != nil {
		l.rotationFailed(now, err)
		return nil
	}
	l.live.Close() // Windows does not rename open files
	l.live = nil
	err := l.renameNew(l.path, to)
	if sharedfile.Held(err) {
		return l.beginBeside(now, err)
	}
	if err != nil {
		l.rotationFailed(now, errors.Join(err, os.Remove(next)))
		return l.openLive()
	}
	if filepath.Base(l.path) != liveName { // there may be a file with that name
		l.path = filepath.Join(l.options.Dir, besideName(l.next))
	}
	if err := l.renameNew(next, l.path); err != nil {
		l.rotateErr = fmt.Errorf("rotate audit log: %w", err) // openLive makes it
	}
	l.seal.turn(now, now)
	l.unsynced = append(l.unsynced, to)
	l.tellTidy()
	return l.openLive()
}

// tellTidy makes Maintain call Tidy at once.
func (l *Log) tellTidy() {
	select {
	case l.rotated <- struct{}{}:
	default:
	}
}

// beginBeside begins a live file with another name, because another program holds the one before so that it cannot be
// renamed: on Windows, whoever opens a file decides that for others. The one before is a rotated file from then on,
// whatever its name.
func (l *Log) beginBeside(now time.Time, held error) error {
	before, next := l.path, filepath.Join(l.options.Dir, nextName)
	beside := filepath.Join(l.options.Dir, besideName(l.next))
	err := makeNext(next)
	if err == nil {
		err = l.renameNew(next, beside)
	}
	if err != nil {
		l.rotationFailed(now, errors.Join(held, err, removeIfThere(next)))
		return l.openLive()
	}
	l.path = beside
	l.rotationFailed(now, fmt.Errorf("another program has %s open and does not let it be renamed: records go to %s, and the other is not deleted, until that program closes it: %w",
		before, filepath.Base(l.path), held))
	l.retry = time.Time{} // this file can be rotated
	l.reclaimAt = now.Add(retryReclaim)
	l.seal.turn(now, time.Time{})
	l.unsynced = append(l.unsynced, before)
	return l.openLive()
}

// reclaim gives files the names that they should have and that another program prevented; see beginBeside. Those that
// cannot be renamed yet are tried again later. The caller holds l.mu.
func (l *Log) reclaim(now time.Time) error {
	l.reclaimAt = now.Add(retryReclaim)
	dir := l.options.Dir
	rotated, _, err := segments(dir)
	if err != nil {
		return nil // no reason not to write; Tidy reports it
	}
	for _, s := range rotated {
		if s.name != liveName && !isBeside(s.name) {
			continue
		}
		from := filepath.Join(dir, s.name)
		if s.first == 0 { // nothing was written to it
			if removeIfThere(from) != nil {
				return nil
			}
			continue
		}
		info, err := os.Stat(from)
		if err != nil {
			return nil
		}
		to := filepath.Join(dir, segmentName(s.first, info.ModTime()))
		if l.renameNew(from, to) != nil {
			return nil
		}
		l.unsynced = append(l.unsynced, to) // if it is in the list by its old name, that one is not found
		l.tellTidy()
	}
	l.live.Close()
	l.live = nil
	if path := filepath.Join(dir, liveName); l.renameNew(l.path, path) == nil {
		l.path = path
	}
	return l.openLive()
}

// rotationFailed leaves the live file as it is for a while.
func (l *Log) rotationFailed(now time.Time, err error) {
	l.rotateErr = fmt.Errorf("rotate audit log: %w", err)
	l.retry = now.Add(retryRotation)
	l.unrotated.Add(1)
	l.tellTidy()
}

// makeNext makes an empty file for rotate. The file of an earlier attempt is removed.
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

// renameNew renames a file to an unused name.
func (l *Log) renameNew(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return &os.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	return l.rename(from, to)
}
