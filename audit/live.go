package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"webproxy/internal/privatefile"
	"webproxy/internal/sharedfile"
)

// checkEvery is how often Append checks whether another program has touched the live file: a record costs one system
// call, not two. What was written meanwhile is not lost silently: a renamed file keeps it under its new name, and for
// a deleted or truncated one the next check records how much.
const checkEvery = 100 * time.Millisecond

// This file keeps the live file ready for the next record: at Open, and before each Append, because other programs
// rename, truncate and delete logs while they are written to.

// open takes the directory's lock, repairs the live file and finds the end of the sequence.
func (l *Log) open(now time.Time) (err error) {
	dir := l.options.Dir
	if err := privatefile.MkdirAll(dir, privatefile.Private); err != nil {
		return err
	}
	if l.lock, err = lockDir(filepath.Join(dir, lockName)); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			if l.live != nil {
				l.live.Close()
			}
			l.lock.Close()
		}
	}()
	if err := errors.Join(removeUnfinished(dir), removeIfThere(filepath.Join(dir, nextName))); err != nil {
		return err
	}
	rotated, live, err := segments(dir)
	if err != nil {
		return err
	}
	l.path = filepath.Join(dir, live)
	_, err = os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) && len(rotated) > 0 {
		l.missing.note("%s was not there: records after the rotated files may be lost", liveName)
	}
	if err := l.openLive(); err != nil {
		return err
	}
	if err := l.resume(rotated); err != nil {
		return err
	}
	if err := l.openSealer(); err != nil {
		return err
	}
	if err := l.resumeSeal(rotated, now); err != nil {
		return err
	}
	// An error is no reason not to start: Append tries again, and refuses until it works.
	if err := l.begin(); err == nil && !l.missing.none() {
		// If it cannot be written now, it is written before the first record that can.
		l.mu.Lock()
		l.writeMissing(now)
		l.mu.Unlock()
	}
	return nil
}

// resume continues the sequence after the last record. openLive has read those of the live file.
func (l *Log) resume(rotated []segment) error {
	if n := len(rotated); n > 0 && rotated[n-1].first >= l.next {
		last, err := lastSeq(l.options.Dir, rotated)
		if err != nil {
			return err
		}
		if l.first != 0 {
			l.missing.note("%s ends with record %d, but a rotated file has record %d", liveName, l.next-1, last)
		}
		l.next = last + 1
	}
	return nil
}

// lastSeq returns the last sequence number of rotated files, of which there is at least one. If it is unknown, that
// is an error: a number must not be used twice.
func lastSeq(dir string, rotated []segment) (uint64, error) {
	s := rotated[len(rotated)-1]
	f, err := openSegment(dir, s)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	last := s.first
	lines := newLineReader(f)
	for line := range lines.all() {
		var r Record
		if line.whole && r.decode(line.text) == nil {
			last = max(last, r.Seq)
		}
	}
	if lines.err != nil {
		return 0, fmt.Errorf("find the last record in %s: %w", s.file(), lines.err)
	}
	return last, nil
}

// ready ensures that l.live is the file that has the live name, ends with a whole line, and is not due for rotation.
// The caller holds l.mu.
func (l *Log) ready(now time.Time) error {
	if l.live != nil && now.Sub(l.checked) >= checkEvery {
		id, size, err := statLive(l.live, l.path)
		switch {
		case errors.Is(err, fs.ErrNotExist) || err == nil && id != l.id:
			l.abandon(now)
		case err != nil:
			return err
		case size != l.size:
			if size < l.size {
				l.missing.note("%s was cut from %d to %d bytes by another program", liveName, l.size, size)
			}
			if err := l.inspect(); err != nil {
				return err
			}
			l.seal.attach(l.first)
		}
		l.checked = now
	}
	if l.live == nil {
		if err := l.openLive(); sharedfile.Held(err) {
			if err := l.beginBeside(now, err); err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
		l.seal.attach(l.first)
	}
	if l.path != filepath.Join(l.options.Dir, liveName) && !now.Before(l.reclaimAt) {
		if err := l.reclaim(now); err != nil {
			return err
		}
	}
	if l.due(now) {
		return l.rotate(now)
	}
	return nil
}

// abandon closes the live file, which another program has renamed or deleted.
func (l *Log) abandon(now time.Time) {
	if unlinked(l.live) && l.first != 0 {
		l.missing.note("%s was deleted with the records %d to %d in it", liveName, l.first, l.next-1)
	}
	l.live.Sync()
	l.live.Close()
	l.live = nil
	l.seal.turn(now, time.Time{})
}

// openLive opens the live file, or makes it.
func (l *Log) openLive() (err error) {
	// Readable too, for inspect.
	l.live, err = openOwn(l.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o640)
	if err != nil {
		l.live = nil
		return err
	}
	if err := l.inspect(); err != nil {
		l.live.Close()
		l.live = nil
		return err
	}
	return nil
}

// inspect reads the live file and cuts off a last line that has no end: Append has confirmed it to nobody. It raises
// l.next above the existing records. A file without records is not a log: it is neither cut nor appended to.
func (l *Log) inspect() error {
	id, size, err := statLive(l.live, l.path)
	if err != nil {
		return err
	}
	t, err := readTail(l.live, size)
	if err != nil {
		return fmt.Errorf("read %s: %w", l.path, err)
	}
	if t.last == 0 && size > 0 {
		if err := onlyTorn(l.live, size, t.end); err != nil {
			return fmt.Errorf("%s %w", l.path, err)
		}
	}
	if t.end < size {
		if err := truncate(l.live, l.path, t.end); err != nil {
			return err
		}
		l.missing.note("the last %d bytes of %s were not a whole record and were cut off, after record %d",
			size-t.end, liveName, t.last)
	}
	if t.strange > 0 {
		l.missing.note("the last %d lines of %s are not records, after record %d", t.strange, liveName, t.last)
	}
	l.id, l.size, l.first, l.began = id, t.end, t.first, t.began
	l.next = max(l.next, t.last+1)
	return nil
}

var errNoRecord = errors.New("contains no record: move it away")

// onlyTorn returns errNoRecord unless a file without records can be what a crash left of a log: the beginning of its
// first line, or the zeros that some file systems show for bytes that were never written.
func onlyTorn(f io.ReaderAt, size, end int64) error {
	const begin = `{"v":`
	var b [len(begin)]byte
	n, err := f.ReadAt(b[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	head := string(b[:n])
	if end > 0 || size > lineLimit || !strings.HasPrefix(begin, head) && head != begin && strings.Trim(head, "\x00") != "" {
		return errNoRecord
	}
	return nil
}

// A tail is how a live file ends, and begins.
type tail struct {
	first   uint64    // sequence number of the first record; 0 if there is none
	began   time.Time // its time
	last    uint64    // sequence number of the last record
	end     int64     // where the last whole line ends
	strange int       // whole lines after the last record
}

// readTail reads the beginning of a file of the given size, and its end; it reads all of it only if there is no
// record near the end.
func readTail(f io.ReaderAt, size int64) (t tail, err error) {
	if size == 0 {
		return tail{}, nil
	}
	const window = 2 * lineLimit // contains at least one whole line, if the file has any of permitted length
	for _, from := range []int64{max(size-window, 0), 0} {
		t = tail{}
		lines := newLineReader(io.NewSectionReader(f, from, size-from))
		for line := range lines.all() {
			if !line.whole {
				break
			}
			t.end = from + line.end
			var r Record
			switch err := r.decode(line.text); {
			case err == nil:
				if t.last == 0 && from == 0 {
					t.first, t.began = r.Seq, r.Time
				}
				t.last, t.strange = max(t.last, r.Seq), 0
			case errors.Is(err, errVersion):
				return tail{}, err
			default:
				t.strange++
			}
		}
		if lines.err != nil {
			return tail{}, lines.err
		}
		if t.last != 0 || from == 0 {
			break
		}
	}
	if t.last == 0 || t.first != 0 {
		return t, nil
	}
	lines := newLineReader(io.NewSectionReader(f, 0, size))
	for line := range lines.all() {
		var r Record
		if line.whole && r.decode(line.text) == nil {
			t.first, t.began = r.Seq, r.Time
			break
		}
	}
	return t, lines.err
}
