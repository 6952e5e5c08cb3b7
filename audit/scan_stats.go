package audit

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"webproxy/internal/wording"
)

// Stats is what a Scan has read. Records left out by ScanOptions count, unless their file was
// not read.
type Stats struct {
	Records    uint64
	FirstSeq   uint64 // 0 if there was no record
	LastSeq    uint64
	Missing    uint64    // sequence numbers without a record
	Gaps       []Gap     // where; the first 1000
	Repeated   uint64    // records whose sequence number is not above that of the one before
	Unreadable uint64    // lines that are not records
	Bad        []BadLine // the first 100 of them
	InProgress int64     // bytes at the end of the live file that are not yet, or never became, a record
}

// A Gap is a place where sequence numbers are missing.
type Gap struct {
	After uint64 // the last number before it
	Next  uint64 // the first number after it
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

// fileStats are the data of Stats for one file: they can be added up in the order of the files, whatever the order in
// which these were read.
type fileStats struct {
	// runs are the sequence numbers, in ascending runs. A whole file has one.
	runs       []seqRun
	records    int64 // in runs
	unreadable uint64
	bad        []BadLine
	inProgress int64
}

// A seqRun is the sequence numbers from First to Last.
type seqRun struct{ First, Last uint64 }

func (f *fileStats) seq(n uint64) {
	f.records++
	if last := len(f.runs) - 1; last >= 0 && f.runs[last].Last+1 == n {
		f.runs[last].Last = n
		return
	}
	f.runs = append(f.runs, seqRun{n, n})
}

func (f *fileStats) reject(file string, number int, err error) {
	f.unreadable++
	if len(f.bad) < badLineLimit {
		f.bad = append(f.bad, BadLine{file, number, err})
	}
}

// add counts a file after those that were added before.
func (s *Stats) add(f *fileStats) {
	for _, r := range f.runs {
		s.addRun(r)
	}
	s.Unreadable += f.unreadable
	s.Bad = append(s.Bad, f.bad[:min(len(f.bad), badLineLimit-len(s.Bad))]...)
	s.InProgress = f.inProgress
}

func (s *Stats) addRun(r seqRun) {
	s.Records += r.Last - r.First + 1
	switch {
	case s.FirstSeq == 0:
		s.FirstSeq = r.First
	case r.Last <= s.LastSeq:
		s.Repeated += r.Last - r.First + 1
		return
	case r.First <= s.LastSeq:
		s.Repeated += s.LastSeq - r.First + 1
	case r.First > s.LastSeq+1:
		s.Missing += r.First - s.LastSeq - 1
		if len(s.Gaps) < gapLimit {
			s.Gaps = append(s.Gaps, Gap{s.LastSeq, r.First})
		}
	}
	s.LastSeq = r.Last
}

// errLong is the error of a line that is longer than any record.
var errLong = fmt.Errorf("line longer than %d bytes", lineLimit)

// errNotWhole is the error of a line without an end, in a file that is no longer written to.
var errNotWhole = errors.New("not a whole line")

// A Progress says how far a reading is, in bytes as on disk. The zero Progress is ready for use; a nil one does
// nothing. It is safe for concurrent use.
type Progress struct {
	total, done atomic.Int64
	records     atomic.Int64
}

// Bytes returns how many bytes of the log have been read, and how many there are to read. Bytes that need not be
// read, because a summary has their counts, count as read.
func (p *Progress) Bytes() (done, total int64) { return p.done.Load(), p.total.Load() }

// Records returns how many records have been read or were found counted in a summary.
func (p *Progress) Records() int64 { return p.records.Load() }

// rewind forgets what was read: it is read again.
func (p *Progress) rewind() {
	if p == nil {
		return
	}
	p.total.Store(0)
	p.done.Store(0)
	p.records.Store(0)
}

func (p *Progress) begin(of *pass) {
	if p == nil {
		return
	}
	for i := range of.files {
		p.total.Add(of.fileSize(i))
	}
}

// A told is the progress that was reported for a file. What is read twice is reported once.
type told struct{ bytes, records int64 }

// tell reports to Progress that so much of file i is done. It may be called again, with more or with less.
func (p *pass) tell(i int, bytes, records int64) {
	if p.options.Progress == nil {
		return
	}
	before := p.told[i]
	now := told{max(bytes, before.bytes), max(records, before.records)}
	p.told[i] = now
	p.options.Progress.add(now.bytes-before.bytes, now.records-before.records)
}

func (p *Progress) add(bytes, records int64) {
	if p == nil {
		return
	}
	p.done.Add(bytes)
	p.records.Add(records)
}

// Incomplete says in one sentence what was not read or is missing of the log, so that counts are minimums; empty if
// nothing is known to be missing.
func (s *Stats) Incomplete() string {
	var parts []string
	if s.Unreadable > 0 {
		part := wording.Amount(s.Unreadable, "line") + " could not be read"
		if len(s.Bad) > 0 {
			part += ", the first is " + s.Bad[0].Error()
		}
		parts = append(parts, part)
	}
	if s.Missing > 0 {
		parts = append(parts, wording.Amount(s.Missing, "record")+" missing")
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "; ") + ": every number is the least there was"
}
