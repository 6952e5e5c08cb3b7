package audit

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// A recount counts the records of a file again, for comparison with the summary beside it. A nil one does nothing:
// there is no summary, or it would not be used.
type recount struct {
	sum     *summary
	segment segment
	scanner scanner
	tally   *Tally
	record  Record
}

func (f *leafFile) recount() *recount {
	if f.live != nil || !f.seg.summarised() {
		return nil
	}
	sum, err := readSummary(f.dir, f.seg)
	if err != nil {
		return nil
	}
	return &recount{
		sum: sum, segment: f.seg, tally: newTally(fileRows),
		scanner: scanner{pass: &pass{options: &ScanOptions{}}, index: -1, file: f.seg.file()},
	}
}

// line counts a line as scanner.each does.
func (c *recount) line(number int, l *line) {
	switch {
	case c == nil:
	case l.text == nil:
		c.scanner.stats.reject(c.scanner.file, number, errLong)
	case !l.whole:
		c.scanner.stats.reject(c.scanner.file, number, errNotWhole)
	default:
		c.scanner.line(number, string(l.text), utf8.Valid(l.text), &c.record, func(r *Record, line string) bool {
			c.tally.add(r, line)
			return true
		})
	}
}

// agrees reports whether the summary matches the lines. end is what ended the file, if not its end: then the file is
// wrong.
func (c *recount) agrees(end error) bool {
	if c == nil || end != nil {
		return true
	}
	want := summaryOf(c.segment, c.sum.Size, c.sum.Check, c.tally, &c.scanner.stats)
	if want == nil {
		return false
	}
	a, err1 := json.Marshal(want)
	b, err2 := json.Marshal(c.sum)
	return err1 == nil && err2 == nil && bytes.Equal(a, b)
}
