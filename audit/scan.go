package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// ScanOptions limit a Scan. The zero value reads everything.
type ScanOptions struct {
	// Since leaves out records before it. Rotated files are not read if their summary says that all records are
	// before it. The time in a file's name is not used: clocks are set, and files renamed.
	Since time.Time
	// Until leaves out records at or after it.
	Until time.Time
	// Where leaves out records that it does not match. Nil matches all. A line that cannot match by the bytes in it
	// is not decoded; it counts as a record by its beginning and end.
	Where *Query
	// Progress, if not nil, is updated during the scan.
	Progress *Progress
	// Workers is how many files are read at a time. If zero, it is the number of processors.
	Workers int
}

func (o *ScanOptions) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Scan calls fn with the records of the log in dir, in the order of their sequence numbers: rotated files, compressed
// or not, and the live one, up to where it ended when Scan began. A Log may write to the directory at the same time;
// Scan changes nothing. Files are read by several goroutines, some way ahead of fn; fn is called on the caller's
// only.
//
// A directory without a log is an ErrNoLog. Lines and files that cannot be read are counted and skipped. Scan stops
// at the first error of fn and returns it; fs.SkipAll stops it without an error. The Stats are then of the files it
// had finished.
func Scan(dir string, o ScanOptions, fn func(Record) error) (Stats, error) {
	return ScanLines(dir, o, func(r *Record, _ string) error { return fn(*r) })
}

// ScanLines is Scan for callers that also want the line, as in the file, without newline. The record is theirs until
// fn returns, its strings and the line for good.
func ScanLines(dir string, o ScanOptions, fn func(r *Record, line string) error) (Stats, error) {
	return scan(dir, &o, nil, fn, nil)
}

// ScanRows is Scan for callers that need not see each record: of a file whose records are all within the time that o asks for, it calls row
// with the rows of its summary that o.Where may match, instead of reading the file, if all of them suffice. suffice is called from
// several goroutines.
func ScanRows(dir string, o ScanOptions, suffice func(*Row) bool, row func(*Row) error, fn func(*Record) error) (Stats, error) {
	return scan(dir, &o, suffice, func(r *Record, _ string) error { return fn(r) }, row)
}

func scan(dir string, o *ScanOptions, suffice func(*Row) bool, fn func(r *Record, line string) error, row func(*Row) error) (Stats, error) {
	p, err := newPass(dir, o)
	if err != nil {
		return Stats{}, err
	}
	defer p.close()
	var stats Stats
	var pool batchPool
	err = inOrder(len(p.files), o.workers(), func(i int, emit func(batch) bool) {
		if sum := p.ruledOut(i); sum != nil {
			emit(batch{stats: sum.stats()})
			return
		}
		if sum, rows := p.rowsThatSuffice(i, suffice); sum != nil {
			emit(batch{rows: rows, stats: sum.stats()})
			return
		}
		p.scanner(i).batches(&pool, emit)
	}, func(_ int, b batch) error {
		for i := range b.records {
			if err := fn(&b.records[i], b.lines[i]); err != nil {
				return err
			}
		}
		for _, one := range b.rows {
			if err := row(one); err != nil {
				return err
			}
		}
		b.rows = nil
		if b.stats != nil {
			stats.add(b.stats)
			b.stats = nil
		}
		pool.put(b)
		return nil
	})
	if errors.Is(err, fs.SkipAll) {
		err = nil
	}
	return stats, err
}

// rowsThatSuffice returns the summary of file i, and its rows that may be asked for; nil if there is none, or they do not suffice.
func (p *pass) rowsThatSuffice(i int, suffice func(*Row) bool) (*summary, []*Row) {
	if suffice == nil {
		return nil, nil
	}
	sum := p.summary(i)
	if sum == nil || sum.Overflow > 0 || p.place(sum, p.options.Since) != placeWithin {
		return nil, nil
	}
	var rows []*Row
	for _, row := range sum.Rows {
		r := row.record()
		if p.options.Where.match(&r, rowColumns()) == no {
			continue
		}
		if !suffice(row) {
			return nil, nil
		}
		rows = append(rows, row)
	}
	return sum, rows
}

// A pass is one reading of the files of a log, as they were when it began.
type pass struct {
	dir     string
	options *ScanOptions
	files   []segment // those that may have matching records, the live one last if there is one
	live    *os.File
	size    int64 // of the live file
	told    []told
}

func newPass(dir string, o *ScanOptions) (*pass, error) {
	rotated, live, err := snapshot(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && live == nil && len(rotated) == 0 {
		return nil, noLog(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("scan audit log: %w", err)
	}
	p := &pass{dir: dir, options: o, live: live}
	for _, seg := range rotated {
		// Only at the beginning: a file left out in the middle would look like missing records.
		if len(p.files) == 0 && p.endsBefore(seg, o.Since) {
			continue
		}
		p.files = append(p.files, seg)
	}
	if live != nil {
		info, err := live.Stat()
		if err != nil {
			live.Close()
			return nil, fmt.Errorf("scan audit log: %w", err)
		}
		p.size = info.Size()
		p.files = append(p.files, segment{name: filepath.Base(live.Name())})
	}
	p.told = make([]told, len(p.files))
	o.Progress.begin(p)
	return p, nil
}

// endsBefore reports whether all records of seg are before t, by their own times.
func (p *pass) endsBefore(seg segment, t time.Time) bool {
	if t.IsZero() || !seg.summarised() {
		return false
	}
	head, err := readSummaryHead(p.dir, seg)
	return err == nil && head.Unreadable == 0 && head.Latest.Before(t)
}

func (p *pass) close() {
	if p.live != nil {
		p.live.Close()
	}
}

// isLive reports whether file i is the live one.
func (p *pass) isLive(i int) bool { return p.live != nil && i == len(p.files)-1 }

// fileSize is how many bytes of file i there are to read, as they are on disk.
func (p *pass) fileSize(i int) int64 {
	if p.isLive(i) {
		return p.size
	}
	info, err := os.Stat(filepath.Join(p.dir, p.files[i].file()))
	if err != nil {
		return 0
	}
	return info.Size()
}

// snapshot lists the rotated files of dir and opens the live one, nil if there is none, such that no rotation came
// between.
func snapshot(dir string) ([]segment, *os.File, error) {
	before, name, err := segments(dir)
	for err == nil {
		live, openErr := openShared(filepath.Join(dir, name))
		if openErr != nil && !errors.Is(openErr, fs.ErrNotExist) {
			return nil, nil, openErr
		}
		var after []segment
		was := name
		after, name, err = segments(dir)
		if err == nil && name == was && slices.EqualFunc(before, after, func(a, b segment) bool { return a.name == b.name }) {
			return after, live, nil
		}
		if live != nil {
			live.Close()
		}
		before = after
	}
	return nil, nil, err
}
