package audit

import (
	"bufio"
	"errors"
	"io"
	"iter"
)

// A line is the text between two newlines of a file.
type line struct {
	text  []byte // without newline, valid until the next line; nil if longer than lineLimit
	whole bool   // a newline ended it
	end   int64  // offset after it and its newline
}

// A lineReader reads lines of bounded length.
type lineReader struct {
	r   *bufio.Reader
	pos int64
	err error // what ended all, unless it is the end of the file
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, lineLimit)}
}

// all yields the lines to the end of the file, or to an error, which is then in l.err.
func (l *lineReader) all() iter.Seq[line] {
	return func(yield func(line) bool) {
		for {
			next, err := l.next()
			if err != nil && !errors.Is(err, io.EOF) {
				l.err = err
			}
			if next.end > 0 && !yield(next) || err != nil {
				return
			}
		}
	}
}

// next returns the next line; its end is 0 if there is none. At an error it may return both: then the rest of the
// file is a line that is not whole.
func (l *lineReader) next() (line, error) {
	text, err := l.r.ReadSlice('\n')
	start := l.pos
	l.pos += int64(len(text))
	for long := false; ; long = true {
		if err == nil {
			if long {
				text = nil
			} else {
				text = text[:len(text)-1]
			}
			return line{text, true, l.pos}, nil
		}
		if long {
			text = nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if l.pos == start {
				return line{}, err
			}
			return line{text, false, l.pos}, err
		}
		var more []byte
		more, err = l.r.ReadSlice('\n')
		l.pos += int64(len(more))
	}
}
