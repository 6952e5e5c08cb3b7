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

// retainAge deletes the rotated files whose youngest record is older than Options.Retain, and returns
// the others.
func (l *Log) retainAge(rotated []segment, now time.Time) ([]segment, error) {
	retain := l.options.Retain
	if retain == setting.Off {
		return rotated, nil
	}
	return l.retain(rotated, "older than "+retain.String(), func(s segment) bool {
		old := now.Add(-time.Duration(retain))
		return s.closed.Before(old) && l.lastTime(s).Before(old)
	})
}

// lastTime is the time of the last record in a rotated file; zero if it has none. The name of a file to be deleted is
// not enough: somebody may have renamed it.
func (l *Log) lastTime(s segment) (last time.Time) {
	f, err := openSegment(l.options.Dir, s)
	if err != nil {
		return last
	}
	defer f.Close()
	for line := range newLineReader(f).all() {
		if h, ok := parseHead(line.text); ok {
			if t, err := time.Parse(TimeLayout, string(h.ts)); err == nil {
				last = t
			}
		}
	}
	return last
}

// retainSize deletes the oldest rotated files while the log takes more than Options.RetainSize.
func (l *Log) retainSize(rotated []segment) error {
	used, err := l.measure()
	limit := int64(l.options.RetainSize)
	if err != nil || l.options.RetainSize == setting.SizeOff {
		return err
	}
	if used > limit {
		_, err = l.retain(rotated, fmt.Sprintf("the log took %s, with retain_size %s", setting.Size(used), l.options.RetainSize), func(s segment) bool {
			if used <= limit {
				return false
			}
			used -= l.sizeOf(s)
			return true
		})
		if _, measured := l.measure(); measured != nil {
			err = errors.Join(err, measured)
		}
	}
	return err
}

// sizeOf is the size of a segment with the files beside it.
func (l *Log) sizeOf(s segment) (size int64) {
	dir := l.options.Dir
	seal := []string{filepath.Join(dir, checkpointsFile(s.first)), filepath.Join(dir, hashesFile(s.first))}
	for _, path := range append(l.filesOf(s), seal...) {
		if info, err := os.Stat(path); err == nil {
			size += info.Size()
		}
	}
	return size
}

// filesOf lists the files that a segment may have, except those that seal it.
func (l *Log) filesOf(s segment) []string {
	dir := l.options.Dir
	return []string{
		filepath.Join(dir, s.name),
		filepath.Join(dir, s.name+gzSuffix),
		summaryPath(dir, s),
	}
}

// retain deletes the oldest files of rotated, up to the first that is not old, and returns the others. A record of
// the deletion is written first, so that they do not go missing silently.
func (l *Log) retain(rotated []segment, why string, old func(segment) bool) ([]segment, error) {
	n := 0
	for n < len(rotated) && rotated[n].ours() && old(rotated[n]) {
		n++
	}
	if n == 0 {
		return rotated, nil
	}
	gone, kept := rotated[:n], rotated[n:]
	r := &Record{Type: TypeRetain, FirstSeq: gone[0].first, LastSeq: l.before(kept),
		Detail: fmt.Sprintf("%s deleted: %s", plural(n, "file is", "files are"), why)}
	for _, s := range gone {
		r.Removed = append(r.Removed, s.file())
	}
	said := l.Append(r)
	var errs []error
	for _, s := range gone {
		for _, path := range l.filesOf(s) {
			errs = append(errs, removeIfThere(path))
		}
	}
	errs = append(errs, removeSidecars(l.options.Dir, r.LastSeq))
	if said != nil { // there may be room for it now
		said = l.Append(r)
	}
	return kept, errors.Join(append(errs, said)...)
}

// removeSidecars removes checkpoints and hashes of segments that ended with the record last, or before: those of
// deleted segments that were signed only later. The last checkpoints stay, whatever they cover.
func removeSidecars(dir string, last uint64) error {
	var errs []error
	for _, kind := range []string{checkpointsPrefix, hashesPrefix} {
		firsts, err := sidecars(dir, kind)
		errs = append(errs, err)
		for i, first := range firsts {
			if first <= last && i < len(firsts)-1 {
				errs = append(errs, removeIfThere(filepath.Join(dir, fmt.Sprintf("%s%012d", kind, first))))
			}
		}
	}
	return errors.Join(errs...)
}

// before is the number of the last record before those of kept and the live file.
func (l *Log) before(kept []segment) uint64 {
	if len(kept) > 0 {
		return kept[0].first - 1
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first > 0 {
		return l.first - 1
	}
	return l.next - 1
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
