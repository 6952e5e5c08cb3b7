package audit

import (
	"bytes"
	"io"
	"iter"
	"strings"
	"unicode/utf8"
)

// lineBlocks reads a file as blocks of whole lines. Records decoded from a block share its text, so
// reading a record costs no memory of its own.
type lineBlocks struct {
	r      io.Reader
	buf    []byte
	n      int   // bytes in buf
	used   int   // of them, in the block that was returned
	long   int64 // bytes dropped of a line that does not fit, and has not ended
	read   int64 // bytes read
	closed error // what ended the file
}

// A block is a number of whole lines, or none.
type block struct {
	raw   []byte // without the last newline; valid until the next block
	some  bool   // raw is lines; an empty one is one line then
	valid bool   // raw is UTF-8
	long  bool   // there was a line that is longer than lineLimit, and nothing else
}

// lines yields the lines, which share a copy of the block.
func (b *block) lines() iter.Seq[string] {
	if !b.some {
		return func(func(string) bool) {}
	}
	return strings.SplitSeq(string(b.raw), "\n")
}

// rawLines yields the lines; each is valid until the next block.
func (b *block) rawLines() iter.Seq[[]byte] { return bytes.SplitSeq(b.raw, newline) }

var newline = []byte{'\n'}

// containsAny reports whether any of parts is in the block.
func (b *block) containsAny(parts [][]byte) bool {
	for _, p := range parts {
		if bytes.Contains(b.raw, p) {
			return true
		}
	}
	return false
}

// pieceBytes is how much is read at a time: it stays in the processor's cache until it is decoded. A longer line makes it more.
const pieceBytes = 64 << 10

// reset makes l read r.
func (l *lineBlocks) reset(r io.Reader) {
	if l.buf == nil {
		l.buf = make([]byte, pieceBytes)
	}
	*l = lineBlocks{r: r, buf: l.buf}
}

// tail is how many bytes follow the last newline, once next has returned an error.
func (l *lineBlocks) tail() int64 { return l.long + int64(l.n-l.used) }

// whole is how many bytes were read up to the end of the last whole line, once next has returned.
func (l *lineBlocks) whole() int64 { return l.read - l.tail() }

// next returns the next block; with the last one it returns io.EOF, or the error that ended the file.
func (l *lineBlocks) next() (block, error) {
	l.n = copy(l.buf, l.buf[l.used:l.n])
	l.used = 0
	for {
		for l.closed == nil && l.n < len(l.buf) {
			n, err := l.r.Read(l.buf[l.n:])
			l.n += n
			l.read += int64(n)
			l.closed = err
		}
		if l.long == 0 {
			if last := bytes.LastIndexByte(l.buf[:l.n], '\n'); last >= 0 {
				l.used = last + 1
				raw := l.buf[:last]
				return block{raw: raw, some: true, valid: utf8.Valid(raw)}, l.closed
			}
		} else if first := bytes.IndexByte(l.buf[:l.n], '\n'); first >= 0 {
			l.used = first + 1
			l.long = 0
			return block{long: true}, nil
		}
		if l.closed != nil {
			return block{}, l.closed
		}
		if l.long == 0 && len(l.buf) < lineLimit {
			l.buf = append(make([]byte, 0, min(4*len(l.buf), lineLimit)), l.buf[:l.n]...)
			l.buf = l.buf[:cap(l.buf)]
			continue
		}
		l.long += int64(l.n)
		l.n = 0
	}
}
