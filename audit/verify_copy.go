package audit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"webproxy/internal/wording"
)

// A CopyLine is a record of a copy of a log, as the copy has it.
type CopyLine struct {
	Seq  uint64 // by which the copy knows it
	Line string // what should be the line of the log
}

// CopyOptions say against what a copy of a log is verified.
type CopyOptions struct {
	// Keys are the public keys of the log, as ReadPublicKey returns them; at least one.
	Keys []string
	// Anchor is a file that the log's checkpoints were also sent to. Empty: none.
	Anchor string
	// From is the record that the copy should begin with; the checkpoint that ends before it should be the first. If
	// 0, it is whatever the copy begins with: then nothing shows whether there were records before.
	From uint64
}

// VerifyCopy checks, as Verify does for a log, the copy of another site's log against the log's checkpoints. It takes
// the copy's records in the order of their numbers, and the signed notes that the copy has of its checkpoints in
// their order; an error of either ends it, and is returned. A record may come more than once: it was delivered again.
// Different records under one number are reported as inserted. Which records were altered between two checkpoints is
// unknown, as only the site has the hashes of records. Records after the last checkpoint of the copy are only noted.
func VerifyCopy(ctx context.Context, records iter.Seq2[CopyLine, error], notes iter.Seq2[string, error], o CopyOptions) (*Verification, error) {
	keys, err := verifiers(o.Keys)
	if err != nil {
		return nil, err
	}
	v := &Verification{}
	signed, err := newSignedPoints("", o.Anchor, keys, v)
	if err != nil {
		return nil, fmt.Errorf("verify the copy of a log: %w", err)
	}
	var failed error // of notes
	signed.files = []noteFile{{path: "checkpoints", size: 1<<63 - 1, open: func() io.ReadCloser {
		return newNotesReader(notes, func(err error) { failed = err })
	}}}
	next, stop := signed.pull()
	defer stop()
	others := copyHashes{}
	j := &verifier{v: v, points: next, stored: others, copy: true, from: o.From, ends: map[string]uint64{}}
	c := copyReader{j: j, others: others}
	for r, err := range records {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c.record(&r)
	}
	c.flush()
	j.end()
	if failed != nil {
		return nil, failed
	}
	v.standOn(&VerifyOptions{Anchor: o.Anchor})
	if o.From == 0 && v.FirstSeq > 1 {
		v.Basis = append(v.Basis, fmt.Sprintf("the copy begins with seq %s; nothing in it tells what was before", wording.Comma(v.FirstSeq)))
	}
	return v, nil
}

// copyHashes are those of further records under the same number. They are trusted only where a checkpoint proves it.
type copyHashes map[uint64]tlog.Hash

func (h copyHashes) hash(seq uint64) (tlog.Hash, bool) {
	found, ok := h[seq]
	return found, ok
}

// copyConflicts bounds how many records with the number of another are kept.
const copyConflicts = 10_000

// A copyReader passes the records of a copy to a verifier, each number once.
type copyReader struct {
	j      *verifier
	others copyHashes
	h      hasher
	before string // the line before
	seq    uint64 // and its number
	some   leaves
	n      int
}

func (c *copyReader) record(r *CopyLine) {
	c.n++
	if strings.ContainsAny(r.Line, "\n") || lineSeq([]byte(r.Line)) != r.Seq || r.Seq == 0 {
		c.j.v.fail(Problem{Kind: Inserted, First: r.Seq, Last: r.Seq, Text: fmt.Sprintf("under seq %s stands what is not the line of that record", wording.Comma(r.Seq))})
		return
	}
	if r.Seq == c.seq {
		if r.Line == c.before {
			c.j.v.Again++
			return
		}
		if len(c.others) < copyConflicts {
			c.others[r.Seq] = c.h.leaf([]byte(r.Line))
		}
		c.j.v.fail(Problem{Kind: Inserted, First: r.Seq, Last: r.Seq, Text: fmt.Sprintf("under seq %s stand different records", wording.Comma(r.Seq))})
		return
	}
	if len(c.some.all) >= leavesBatch { // not before: another record under the last number may follow
		c.flush()
	}
	c.seq, c.before = r.Seq, r.Line
	l := leaf{seq: r.Seq, line: c.n, hash: c.h.leaf([]byte(r.Line))}
	copy(l.ts[:], lineField([]byte(r.Line), `"ts":"`))
	c.some.all = append(c.some.all, l)
}

func (c *copyReader) flush() {
	c.j.take(&c.some)
	c.some = leaves{}
}

// A notesReader reads notes in the format of a file of checkpoints.
type notesReader struct {
	next func() (string, error, bool)
	stop func()
	fail func(error)
	rest bytes.Buffer
}

func newNotesReader(notes iter.Seq2[string, error], fail func(error)) *notesReader {
	r := &notesReader{fail: fail}
	r.next, r.stop = iter.Pull2(notes)
	return r
}

func (r *notesReader) Read(b []byte) (int, error) {
	for r.rest.Len() == 0 {
		note, err, ok := r.next()
		if err != nil {
			r.fail(err)
		}
		if !ok || err != nil {
			return 0, io.EOF
		}
		note = strings.TrimRight(note, "\n") + "\n"
		r.rest.WriteString(note)
		if last := strings.LastIndex(note[:len(note)-1], "\n"); !strings.HasPrefix(note[last+1:], "— ") {
			r.rest.WriteString("— \n") // a text without a signature must not become part of the next
		}
		r.rest.WriteByte('\n')
	}
	return r.rest.Read(b)
}

func (r *notesReader) Close() error {
	r.stop()
	return nil
}
