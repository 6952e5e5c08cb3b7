package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// ScanOptions limit a Scan. The zero value reads everything.
type ScanOptions struct {
	// Since leaves out records before it. Rotated files that were closed before it are not read.
	Since time.Time
	// Until leaves out records at or after it.
	Until time.Time
}

// Stats is what a Scan has read. Records left out by ScanOptions count, unless their file was
// not read.
type Stats struct {
	Records    uint64
	FirstSeq   uint64 // 0 if there was no record
	LastSeq    uint64
	Missing    uint64    // sequence numbers that are not there
	Gaps       []Gap     // where; the first 1000
	Repeated   uint64    // records whose sequence number is not above that of the one before
	Unreadable uint64    // lines that are not records
	Bad        []BadLine // which; the first 100
	InProgress int64     // bytes at the end of the live file that are not yet, or never became, a record
}

// A Gap is a place where sequence numbers are missing.
type Gap struct {
	After uint64 // the last number before it
	Next  uint64 // the first number behind it
}

// A BadLine is a line that is not a record.
type BadLine struct {
	File string // name in the log's directory
	Line int    // from 1; 0 if it is the file that cannot be read
	Err  error
}

func (b BadLine) Error() string { return fmt.Sprintf("%s:%d: %v", b.File, b.Line, b.Err) }

func (b BadLine) Unwrap() error { return b.Err }

const (
	gapLimit     = 1000
	badLineLimit = 100
)

// Scan calls fn with the records of the log in dir, in the order of their sequence numbers: rotated
// files, compressed or not, and the live one, up to where it ended when Scan began. It works while a
// Log writes to the directory as well as when none does, and changes nothing.
//
// Lines and files that cannot be read are counted and passed over. Scan stops at the first error of fn and
// returns it, but for fs.SkipAll, which stops it without one. The Stats are of what was read until then.
func Scan(dir string, o ScanOptions, fn func(Record) error) (Stats, error) {
	s := scan{options: o, fn: fn, lines: newLineReader(nil)}
	if err := s.dir(dir); err != nil && !errors.Is(err, fs.SkipAll) {
		return s.stats, err
	}
	return s.stats, nil
}

type scan struct {
	options ScanOptions
	fn      func(Record) error
	stats   Stats
	lines   *lineReader // its buffer and the record serve all files
	record  Record
}

func (s *scan) dir(dir string) error {
	rotated, live, err := snapshot(dir)
	if err != nil {
		return fmt.Errorf("scan audit log: %w", err)
	}
	if live != nil {
		defer live.Close()
	}
	for _, seg := range rotated {
		if seg.ours() && seg.closed.Before(s.options.Since) {
			continue
		}
		if err := s.segment(dir, seg); err != nil {
			return err
		}
	}
	if live == nil {
		return nil
	}
	info, err := live.Stat()
	if err != nil {
		return fmt.Errorf("scan audit log: %w", err)
	}
	return s.file(liveName, io.LimitReader(live, info.Size()))
}

// snapshot lists the rotated files of dir and opens the live one, nil if there is none, such that
// no rotation came between.
func snapshot(dir string) ([]segment, *os.File, error) {
	before, err := segments(dir)
	for err == nil {
		live, openErr := os.Open(filepath.Join(dir, liveName))
		if openErr != nil && !errors.Is(openErr, fs.ErrNotExist) {
			return nil, nil, openErr
		}
		var after []segment
		after, err = segments(dir)
		if err == nil && slices.EqualFunc(before, after, func(a, b segment) bool { return a.name == b.name }) {
			return after, live, nil
		}
		if live != nil {
			live.Close()
		}
		before = after
	}
	return nil, nil, err
}

func (s *scan) segment(dir string, seg segment) error {
	f, err := openSegment(dir, seg)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // past its retention since it was listed
	}
	if err != nil {
		s.bad(seg.file(), 0, err)
		return nil
	}
	defer f.Close()
	return s.file(seg.file(), f)
}

// file reads the records of one file.
func (s *scan) file(file string, r io.Reader) error {
	s.lines.reset(r)
	number, from := 0, int64(0)
	for line := range s.lines.all() {
		number++
		if !line.whole && file == liveName {
			s.stats.InProgress = line.end - from
			break
		}
		from = line.end
		if err := s.line(file, number, line); err != nil {
			return err
		}
	}
	if s.lines.err != nil {
		s.bad(file, 0, s.lines.err)
	}
	return nil
}

func (s *scan) line(file string, number int, line line) error {
	if line.text == nil || !line.whole {
		s.bad(file, number, errors.New("not a whole line"))
		return nil
	}
	r := &s.record
	*r = Record{}
	if err := r.decode(line.text); err != nil {
		s.bad(file, number, err)
		return nil
	}
	s.count(r.Seq)
	o := &s.options
	if r.Time.Before(o.Since) || !o.Until.IsZero() && !r.Time.Before(o.Until) {
		return nil
	}
	return s.fn(*r)
}

func (s *scan) count(seq uint64) {
	st := &s.stats
	st.Records++
	switch {
	case st.FirstSeq == 0:
		st.FirstSeq = seq
	case seq <= st.LastSeq:
		st.Repeated++
		return
	case seq != st.LastSeq+1:
		st.Missing += seq - st.LastSeq - 1
		if len(st.Gaps) < gapLimit {
			st.Gaps = append(st.Gaps, Gap{st.LastSeq, seq})
		}
	}
	st.LastSeq = seq
}

func (s *scan) bad(file string, number int, err error) {
	s.stats.Unreadable++
	if len(s.stats.Bad) < badLineLimit {
		s.stats.Bad = append(s.stats.Bad, BadLine{file, number, err})
	}
}
