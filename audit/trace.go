package audit

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Trace returns the records about one request of the log in dir: its decision, its close, and those that count more
// denials under its id. seq is the number of its first record, see SeqOf: of the log, only the file that has it is read
// from there on, and those after it until all that can follow has been read. There are no records if the one with that number has another id,
// as after a new key, or is not there any more; then Scan for the id is what is left.
//
// What follows is found as the log writes it: a request that was permitted has one close record, unless the process ended
// before, which the next system.start tells; the repeats of a denial are written before its file ends, or, if that fails, with the
// next.
func Trace(dir string, seq uint64, id string, progress *Progress) ([]Record, Stats, error) {
	q, err := ParseQuery(fmt.Sprintf("id = \"%s\" or type = %s", strings.ReplaceAll(id, `"`, ""), TypeStart))
	if err != nil {
		return nil, Stats{}, err
	}
	o := ScanOptions{Where: q, Progress: progress}
	p, err := newPass(dir, &o)
	if err != nil {
		return nil, Stats{}, err
	}
	defer p.close()
	t := trace{pass: p, seq: seq, id: id}
	first, err := p.fileOf(seq)
	if err != nil {
		return nil, Stats{}, err
	}
	for i := range p.files {
		switch {
		case t.done:
		case i < first:
			p.tell(i, p.fileSize(i), 0)
		default:
			t.read(i, i == first)
		}
	}
	return t.records, t.stats, nil
}

// A trace is the reading of what a log has of one request.
type trace struct {
	pass    *pass
	seq     uint64
	id      string
	records []Record
	stats   Stats
	done    bool   // nothing can follow
	skip    *Query // of summaries: the records of files that may have more
}

// read reads file i.
func (t *trace) read(i int, first bool) {
	if sum := t.unasked(i, first); sum != nil {
		t.stats.add(sum.stats())
		t.pass.tell(i, t.pass.fileSize(i), sum.records())
		return
	}
	s := t.pass.scanner(i)
	s.keep = true
	if first {
		s.from = t.seq
	}
	s.each(func(r *Record, _ string) bool {
		t.take(r)
		return !t.done
	})
	t.stats.add(&s.stats)
	// The repeats of a denial are in its file or the next.
	if len(t.records) == 0 || !first && !t.records[0].Decision.Permits() {
		t.done = true
	}
}

// take takes a record that is of the request, or of a start.
func (t *trace) take(r *Record) {
	switch {
	case r.Seq < t.seq:
	case len(t.records) == 0:
		if t.done = r.Seq != t.seq || r.ID != t.id; !t.done {
			t.records = append(t.records, *r)
		}
	case r.Type == TypeStart:
		t.done = true
	case r.ID == t.id:
		t.records = append(t.records, *r)
		t.done = r.Type == TypeClose
	}
}

// unasked returns the summary of file i if that says that nothing of the request is in it, else nil.
func (t *trace) unasked(i int, first bool) *summary {
	if first || t.skip == nil && !t.expect() {
		return nil
	}
	sum := t.pass.loadSummary(i)
	if sum == nil || sum.mayMatch(t.skip) {
		return nil
	}
	for _, line := range sum.Events {
		var r Record
		if r.decodeText(line, false) != nil || r.Type == TypeStart {
			return nil
		}
	}
	return sum
}

// expect makes t.skip: what follows has the client, the host and the port of the decision, which a summary knows.
func (t *trace) expect() bool {
	r := &t.records[0]
	if !r.Client.IsValid() || r.Host == "" || strings.ContainsAny(r.Host, `"\*`) {
		return false
	}
	q, err := ParseQuery(fmt.Sprintf("client = %s and host = \"%s\" and port = %d", r.Client, r.Host, r.Port))
	t.skip = q
	return err == nil
}

// fileOf is the file that has the record of a number, or would have it, by the numbers of the first records of all files.
func (p *pass) fileOf(seq uint64) (int, error) {
	for i := len(p.files) - 1; i > 0; i-- {
		first := p.files[i].first
		if p.isLive(i) {
			first = firstIn(io.NewSectionReader(p.live, 0, p.size))
		}
		if first != 0 && first <= seq {
			return i, nil
		}
	}
	return 0, nil
}

// firstIn is the number of the first record of the plain text of a file; 0 if it does not begin with one.
func firstIn(r io.ReaderAt) uint64 { return seqAt(r, 0) }

// seqAt is the number of the record whose line begins at an offset; 0 if its head does not tell.
func seqAt(r io.ReaderAt, begin int64) uint64 {
	var buf [200]byte // a head is shorter
	n, err := r.ReadAt(buf[:len(buf)-1], begin)
	if n == 0 || err != nil && err != io.EOF {
		return 0
	}
	buf[n] = '}' // parseHead looks at the end of a line too, which does not matter here
	h, _ := parseHead(buf[:n+1])
	return h.seq
}

// lineAfter is the offset of the first line that begins after an offset; io.EOF if there is none.
func lineAfter(r io.ReaderAt, at int64) (int64, error) {
	buf := make([]byte, 4<<10)
	for {
		n, err := r.ReadAt(buf, at)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return at + int64(i) + 1, nil
		}
		if err != nil {
			return 0, err
		}
		at += int64(n)
	}
}

// seek returns where in the plain text of a file, of which size bytes are there, to begin to read for the record of a number: at the beginning of a
// line that is not after it. Numbers that do not rise lead to some place, where the record is then not found.
func seek(r io.ReaderAt, size int64, seq uint64) int64 {
	low, high := int64(0), size
	for high-low > seekEnough {
		middle := low + (high-low)/2
		begin, err := lineAfter(r, middle)
		if err != nil || begin >= high {
			high = middle
			continue
		}
		switch n := seqAt(r, begin); {
		case n == 0:
			return low
		case n > seq:
			high = middle
		default:
			low = begin
		}
	}
	return low
}

// seekEnough is how many bytes are read rather than looked into further.
const seekEnough = 128 << 10
