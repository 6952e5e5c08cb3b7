package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
)

// A signedPoint is a checkpoint against which records are verified.
type signedPoint struct {
	checkpoint
	anchored bool // it is in the anchor too, or only there
	ofHead   bool // it is the tree head
}

// signedPoints reads the checkpoints of a log and of its anchor.
type signedPoints struct {
	v      *Verification
	keys   note.Verifiers
	files  []noteFile // of the log, in order
	anchor *noteFile  // nil: none
	head   *checkpoint
	signer map[string]bool
}

// A noteFile is a file of notes, as long as it was when verifying began.
type noteFile struct {
	path string
	size int64
	open func() io.ReadCloser // if it is not a file
}

func newSignedPoints(dir, anchor string, keys note.Verifiers, v *Verification) (*signedPoints, error) {
	s := &signedPoints{v: v, keys: keys, signer: map[string]bool{}}
	var firsts []uint64
	if dir != "" {
		var err error
		if firsts, err = sidecars(dir, checkpointsPrefix); err != nil {
			return nil, err
		}
	}
	for _, first := range firsts {
		path := filepath.Join(dir, checkpointsFile(first))
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // past its retention
		}
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, noteFile{path: path, size: info.Size()})
	}
	if anchor != "" {
		info, err := os.Stat(anchor)
		if err != nil {
			return nil, fmt.Errorf("anchor: %w", err)
		}
		s.anchor = &noteFile{path: anchor, size: info.Size()}
	}
	return s, nil
}

// pull returns a function that returns the checkpoints one by one, by size, nil at the end, and one that releases
// their resources.
func (s *signedPoints) pull() (next func() *signedPoint, stop func()) {
	pull, stop := iter.Pull(s.merged())
	return func() *signedPoint {
		p, ok := pull()
		if !ok {
			return nil
		}
		return p
	}, stop
}

// merged yields the log's checkpoints and, where the log has none of that size, those of the anchor, and the tree
// head. Where both have one, they must agree. Once they do not, the anchor is of another history, and is ignored from
// then on.
func (s *signedPoints) merged() iter.Seq[*signedPoint] {
	return func(yield func(*signedPoint) bool) {
		anchored, stop := iter.Pull(s.anchorPoints())
		defer stop()
		a, more := anchored()
		head := s.head
		headBefore := func(to uint64) bool { // yields the head, if it is below a size
			h := head
			if h == nil || h.tree.size >= to {
				return true
			}
			head = nil
			return yield(&signedPoint{checkpoint: *h, ofHead: true})
		}
		advance := func(to uint64) bool { // yields the anchor's points below a size
			for more && a.tree.size < to {
				if !headBefore(a.tree.size) || !yield(a) {
					return false
				}
				a, more = anchored()
			}
			return headBefore(to)
		}
		for p := range s.logPoints() {
			if !advance(p.tree.size) {
				return
			}
			for more && a.tree.size == p.tree.size {
				if a.tree.root() != p.tree.root() {
					s.v.fail(Problem{Kind: Rewritten, Last: p.tree.size, Checkpoint: a.number, Time: a.time})
					more = false
					break
				}
				a, more = anchored()
				p.anchored = true
			}
			if h := head; h != nil && h.tree.size == p.tree.size {
				head = nil
				if h.tree.root() != p.tree.root() {
					s.v.fail(Problem{Kind: Rewritten, Last: p.tree.size, Checkpoint: h.number, Time: h.time, Text: "tree head"})
				}
			}
			if !yield(p) {
				return
			}
		}
		advance(1<<64 - 1)
	}
}

// logPoints yields the checkpoints in the log's own files, each once, and reports those that are missing or out of
// order.
func (s *signedPoints) logPoints() iter.Seq[*signedPoint] {
	return func(yield func(*signedPoint) bool) {
		last := map[string]*signedPoint{} // of each key
		var size uint64
		for i, f := range s.files {
			lastFile := i == len(s.files)-1
			for p, key := range s.points(f, lastFile, false) {
				before := last[key]
				switch {
				case before != nil && p.number == before.number && p.tree.root() == before.tree.root():
					continue // the first of a file is the last of the one before
				case before != nil && p.number <= before.number || p.tree.size < size:
					s.v.fail(Problem{Kind: BadCheckpoint, File: filepath.Base(f.path), Checkpoint: p.number,
						Text: fmt.Sprintf("checkpoint %d follows a younger one: an old file was put back", p.number)})
					continue
				case before != nil && p.number > before.number+1:
					s.v.fail(Problem{Kind: BadCheckpoint, File: filepath.Base(f.path), Checkpoint: p.number,
						Text: fmt.Sprintf("checkpoints %d to %d are not there", before.number+1, p.number-1)})
				}
				last[key], size = p, p.tree.size
				if !yield(p) {
					return
				}
			}
		}
	}
}

func (s *signedPoints) anchorPoints() iter.Seq[*signedPoint] {
	return func(yield func(*signedPoint) bool) {
		if s.anchor == nil {
			return
		}
		var size uint64
		first := true
		for p := range s.points(*s.anchor, true, true) {
			if first && p.number > 1 {
				s.v.AnchorBegins = p.tree.size
			}
			first = false
			if p.tree.size < size {
				continue // several logs may append to one file, or one log its own again
			}
			size = p.tree.size
			if !yield(p) {
				return
			}
		}
	}
}

// points yields the checkpoints of one file with the names of their keys, and reports notes that are not checkpoints.
// The end of the last file may be torn by a crash.
func (s *signedPoints) points(f noteFile, mayBeTorn, anchored bool) iter.Seq2[*signedPoint, string] {
	return func(yield func(*signedPoint, string) bool) {
		name := filepath.Base(f.path)
		file, err := f.reader()
		if errors.Is(err, fs.ErrNotExist) {
			return // deleted after its retention, or reported as missing by its records
		}
		if err != nil {
			s.v.fail(Problem{Kind: BadCheckpoint, File: name, Text: err.Error()})
			return
		}
		defer file.Close()
		notes := newNoteReader(io.LimitReader(file, f.size))
		number := 0
		for msg, err := range notes.all() {
			number++
			var c checkpoint
			var key string
			if err == nil {
				c, key, err = openCheckpoint(msg, s.keys)
			} else if mayBeTorn && notes.pos == f.size {
				continue
			}
			if err != nil {
				s.v.fail(Problem{Kind: BadCheckpoint, File: name, Text: fmt.Sprintf("note %d: %s", number, noteError(err))})
				continue
			}
			if short := key[:len(key)-4]; !s.signer[short] { // name and four of eight digits: for people
				s.signer[short] = true
				s.v.Keys = append(s.v.Keys, short)
			}
			if !yield(&signedPoint{checkpoint: c, anchored: anchored}, key) {
				return
			}
		}
	}
}

func (f *noteFile) reader() (io.ReadCloser, error) {
	if f.open != nil {
		return f.open(), nil
	}
	return openShared(f.path)
}

// noteError says what is wrong with a note, for people.
func noteError(err error) string {
	var other *note.UnverifiedNoteError
	var forged *note.InvalidSignatureError
	switch {
	case errors.As(err, &other) && len(other.Note.UnverifiedSigs) > 0:
		sig := other.Note.UnverifiedSigs[0]
		return fmt.Sprintf("signed by another key, %s+%04x", sig.Name, sig.Hash>>16)
	case errors.As(err, &forged):
		return fmt.Sprintf("altered: its signature by %s+%04x does not fit", forged.Name, forged.Hash>>16)
	}
	return err.Error()
}
