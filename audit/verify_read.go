package audit

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A leaf is the part of a line that verifying needs.
type leaf struct {
	seq  uint64 // 0 if the line has none
	line int    // from 1
	hash tlog.Hash
	ts   [len(TimeLayout)]byte // as in the line; zeros if there is none
}

func (l *leaf) time() time.Time {
	t, _ := time.Parse(TimeLayout, string(l.ts[:]))
	return t
}

// leaves are some lines of a file, in its order.
type leaves struct {
	file     string
	all      []leaf
	retained []Record // records of deletions among them
	torn     int64    // bytes at the end of the live file that are no whole line
	err      error    // the rest of the file cannot be read
	summary  string   // name of the file's summary, if it does not match the records
}

const leavesBatch = 1024

// A leafFile is a file of a log to be verified.
type leafFile struct {
	dir   string
	seg   segment
	live  *os.File // if it is the live one
	size  int64    // on disk
	first uint64   // number of its first record

	modified time.Time // when the live one was last written to, as the system says
}

func (f *leafFile) open() (io.ReadCloser, error) {
	if f.live != nil {
		return io.NopCloser(io.NewSectionReader(f.live, 0, f.size)), nil
	}
	return openSegment(f.dir, f.seg)
}

// peek returns the sequence number in the first line, 0 if there is none.
func (f *leafFile) peek() uint64 {
	r, err := f.open()
	if err != nil {
		return 0 // reported when it is read
	}
	defer r.Close()
	start := make([]byte, 4096) // v, type and ts, which stand before seq, are short
	n, _ := io.ReadFull(r, start)
	first, _, _ := bytes.Cut(start[:n], []byte("\n"))
	return lineSeq(first)
}

// read emits the leaves of all lines.
func (f *leafFile) read(progress *Progress, emit func(leaves) bool) {
	defer progress.add(f.size, 0)
	name := f.seg.file()
	r, err := f.open()
	if err != nil {
		emit(leaves{file: name, err: err})
		return
	}
	defer r.Close()
	var h hasher
	some := leaves{file: name}
	sum := f.recount()
	lines := newLineReader(r)
	number := 0
	end := int64(0) // of the line before
	for line := range lines.all() {
		if !line.whole && f.live != nil {
			some.torn = line.end - end
			break
		}
		number++
		end = line.end
		sum.line(number, &line)
		l := leaf{seq: lineSeq(line.text), line: number, hash: h.leaf(line.text)}
		copy(l.ts[:], lineField(line.text, `"ts":"`))
		some.all = append(some.all, l)
		if bytes.HasPrefix(line.text, retainStart) {
			if r, err := Decode(line.text); err == nil {
				some.retained = append(some.retained, r)
			}
		}
		if len(some.all) == leavesBatch {
			progress.add(0, leavesBatch)
			if !emit(some) {
				return
			}
			some = leaves{file: name, all: make([]leaf, 0, leavesBatch)}
		}
	}
	progress.add(0, int64(len(some.all)))
	some.err = lines.err
	if !sum.agrees(lines.err) {
		some.summary = filepath.Base(summaryPath(f.dir, f.seg))
	}
	emit(some)
}

// retainStart is how the line of a record of type system.retain begins.
var retainStart = []byte(`{"v":1,"type":"` + TypeRetain + `"`)

// lineField returns what follows name in a line; nil if it does not occur.
func lineField(line []byte, name string) []byte {
	at := bytes.Index(line, []byte(name))
	if at < 0 {
		return nil
	}
	return line[at+len(name):]
}
