package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A checkpoint states what the first records of the log are. On disk it is a signed note
// (golang.org/x/mod/sumdb/note), whose text begins as those of transparency logs do:
//
//	webproxy audit site-01         whose log
//	1240377                        size of the tree: the number of the last record in it
//	CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//	number 377                     of the checkpoint, from 1
//	time 2026-11-24T07:01:49.123Z
//	edge 5Y7a... 0aBc...           hashes of the complete subtrees, from which the root above follows
//	recovered 1240301              records from this one on were read back from disk, after a crash
//	base                           the records up to here are not known
//	foreign 1240301                with base: the records from this one on were not written by the proxy
//	closed 20261124T070149Z        the file that ends with this record was closed then, as its name says
//	begin                          the log was opened: records may follow without a checkpoint yet
//	end                            the log was closed: nothing follows before the next begin
//	until 1240633                  the proxy kept a tree head, which allowed it to write up to this record
//	folded 23450                   in a tree head only: denials that were counted, and are in no record yet
//
// The lines from recovered on are written only when they apply.
type checkpoint struct {
	number     uint64
	tree       compactRange
	time       time.Time
	recovered  uint64 // 0: none
	base       bool
	foreign    uint64    // 0: none
	closed     time.Time // zero: it ends no file
	begin      bool
	end        bool
	until      uint64 // 0: the proxy keeps no tree head
	aggregated uint64 // of a tree head only
}

const originPrefix = "webproxy audit "

// noteLimit bounds a note; the largest possible one has some 4 KiB.
const noteLimit = 16 << 10

// sign returns c as a signed note, by the name of the key. origin distinguishes a checkpoint from a tree head.
func (c *checkpoint) sign(key note.Signer, origin string) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n%d\n%v\n", origin, key.Name(), c.tree.size, c.tree.root())
	fmt.Fprintf(&b, "number %d\ntime %s\n", c.number, c.time.UTC().Format(TimeLayout))
	if len(c.tree.hashes) > 0 {
		b.WriteString("edge")
		for _, h := range c.tree.hashes {
			b.WriteByte(' ')
			b.WriteString(h.String())
		}
		b.WriteByte('\n')
	}
	if c.recovered > 0 {
		fmt.Fprintf(&b, "recovered %d\n", c.recovered)
	}
	if c.base {
		b.WriteString("base\n")
	}
	if c.foreign > 0 {
		fmt.Fprintf(&b, "foreign %d\n", c.foreign)
	}
	if !c.closed.IsZero() {
		fmt.Fprintf(&b, "closed %s\n", c.closed.UTC().Format(closedForm))
	}
	if c.begin {
		b.WriteString("begin\n")
	}
	if c.end {
		b.WriteString("end\n")
	}
	if c.until > 0 {
		fmt.Fprintf(&b, "until %d\n", c.until)
	}
	if c.aggregated > 0 {
		fmt.Fprintf(&b, "folded %d\n", c.aggregated)
	}
	return note.Sign(&note.Note{Text: b.String()}, key)
}

// openCheckpoint reads a note, which must be signed by one of the keys; it returns the name of that key.
func openCheckpoint(msg []byte, keys note.Verifiers) (c checkpoint, key string, err error) {
	n, err := note.Open(msg, keys)
	if err != nil {
		return c, "", err
	}
	if err := c.parse(n.Text, originPrefix, n.Sigs[0].Name); err != nil {
		return c, "", err
	}
	return c, fmt.Sprintf("%s+%08x", n.Sigs[0].Name, n.Sigs[0].Hash), nil
}

func (c *checkpoint) parse(text, origin, name string) error {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 5 || lines[0] != origin+name {
		return fmt.Errorf("note is no checkpoint of %s", name)
	}
	var err error
	if c.tree.size, err = strconv.ParseUint(lines[1], 10, 64); err != nil {
		return errors.New("checkpoint without a size")
	}
	for _, line := range lines[3:] {
		word, value, _ := strings.Cut(line, " ")
		switch word {
		case "number":
			c.number, err = strconv.ParseUint(value, 10, 64)
		case "time":
			c.time, err = time.Parse(TimeLayout, value)
		case "edge":
			err = c.tree.parse(value)
		case "recovered":
			c.recovered, err = strconv.ParseUint(value, 10, 64)
		case "base":
			c.base = true
		case "foreign":
			c.foreign, err = strconv.ParseUint(value, 10, 64)
		case "closed":
			c.closed, err = time.Parse(closedForm, value)
		case "begin":
			c.begin = true
		case "end":
			c.end = true
		case "until":
			c.until, err = strconv.ParseUint(value, 10, 64)
		case "folded":
			c.aggregated, err = strconv.ParseUint(value, 10, 64)
		} // a later version may write more
		if err != nil {
			return fmt.Errorf("checkpoint: %s: %w", word, err)
		}
	}
	if len(c.tree.hashes) != bits.OnesCount64(c.tree.size) || c.tree.root().String() != lines[2] {
		return errors.New("checkpoint: its edge does not give its root")
	}
	if c.number == 0 && origin == originPrefix || c.time.IsZero() {
		return errors.New("checkpoint without a number or a time")
	}
	return nil
}

func (e *compactRange) parse(text string) error {
	for word := range strings.SplitSeq(text, " ") {
		h, err := tlog.ParseHash(word)
		if err != nil {
			return err
		}
		e.hashes = append(e.hashes, h)
	}
	return nil
}

// appendNote appends a note to those of a file: the empty line after it says that it is whole.
func appendNote(b, msg []byte) []byte { return append(append(b, msg...), '\n') }

// A noteReader reads the notes of a file, one after another.
type noteReader struct {
	lines *bufio.Reader
	end   int64 // offset after the last whole note
	pos   int64
}

func newNoteReader(r io.Reader) *noteReader {
	return &noteReader{lines: bufio.NewReaderSize(r, noteLimit)}
}

var errNotNote = errors.New("not a whole note")

// all yields the notes, valid until the next. Anything else yields errNotNote, once until the next note; an error of
// the file ends it.
func (n *noteReader) all() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var msg []byte
		signed := false // the lines of signatures have begun
		for {
			line, err := n.line()
			if err != nil {
				if (len(msg) > 0 || len(line) > 0) && !yield(nil, errNotNote) {
					return
				}
				if !errors.Is(err, io.EOF) {
					yield(nil, err)
				}
				return
			}
			signature := bytes.HasPrefix(line, []byte("— "))
			switch {
			case len(line) == 1 && signed:
				n.end = n.pos
				if !yield(msg, nil) {
					return
				}
				msg, signed = msg[:0], false
				continue
			case signed && !signature, len(msg)+len(line) > noteLimit:
				if !yield(nil, errNotNote) {
					return
				}
				msg, signed = msg[:0], false
			}
			signed = signed || signature
			msg = append(msg, line...)
		}
	}
}

// line returns the next line with its newline; of one that is too long for a note, the end.
func (n *noteReader) line() ([]byte, error) {
	for {
		line, err := n.lines.ReadSlice('\n')
		n.pos += int64(len(line))
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
