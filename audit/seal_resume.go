package audit

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// openSealer loads the key, or makes it.
func (l *Log) openSealer() error {
	o := &l.options
	key, public, _, err := loadKey(o.Key, o.Site)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return err
	}
	l.seal.dir, l.seal.anchor = o.Dir, o.Anchor
	l.seal.key, l.seal.keys = key, note.VerifierList(verifier)
	return nil
}

// resumeSeal makes the tree what it was: that of the last checkpoint, which is believed only with
// our signature, and the records behind it, read again: normally none, and after a crash those of a
// minute. The caller knows the end of the sequence.
func (l *Log) resumeSeal(rotated []segment, now time.Time) error {
	s := &l.seal
	last, msg, err := s.lastCheckpoint(&l.missing)
	if err != nil {
		return err
	}
	end := l.next - 1
	if msg != nil {
		s.tree = last.edge
		s.number, s.size, s.marked, s.last = last.number, last.edge.size, last.edge.size, msg
	}
	switch {
	case s.tree.size > end:
		l.missing.note("the records %d to %d are gone, which checkpoint %d covers", end+1, s.tree.size, s.number)
		l.next = s.tree.size + 1
		s.attach(l.first)
		return nil
	case msg == nil && end == 0:
		// Signed at once: after a crash in the first minute it is a tree to go on from.
		s.points = append(s.points, s.point(now))
	case msg == nil:
		l.missing.note("no checkpoint was found: the records 1 to %d are not sealed", end)
	case s.tree.size < end:
		l.reread(rotated, now)
		s.mark(now) // a checkpoint of their own: what was read back is not as good as what was written
	}
	s.attach(l.first)
	if s.tree.size != end {
		s.rebase(end, now)
	}
	return nil
}

// reread adds the records behind the tree's.
func (l *Log) reread(rotated []segment, now time.Time) {
	s := &l.seal
	for i, seg := range rotated {
		next := l.first // of the segment behind this one; 0 if there is none
		if i+1 < len(rotated) {
			next = rotated[i+1].first
		}
		if next != 0 && next <= s.tree.size+1 {
			continue
		}
		f, err := openSegment(l.options.Dir, seg)
		if err == nil {
			s.attach(seg.first)
			err = s.readAgain(f, now)
			f.Close()
		}
		if err != nil { // what is not read is not sealed, and the next checkpoint says so
			l.missing.note("%s could not be read again: %v", seg.file(), err)
		}
		s.turn(now)
	}
	s.attach(l.first)
	if err := s.readAgain(io.NewSectionReader(l.live, 0, l.size), now); err != nil {
		l.missing.note("%s could not be read again: %v", liveName, err)
	}
}

func (s *sealer) readAgain(r io.Reader, now time.Time) error {
	lines := newLineReader(r)
	for line := range lines.all() {
		seq := lineSeq(line.text)
		if !line.whole || seq <= s.tree.size {
			continue
		}
		s.recovered = cmp.Or(s.recovered, seq)
		s.add(seq, line.text, now)
	}
	return lines.err
}

// lineSeq is the sequence number in a line, or 0. It looks no further: whether the line is what Append
// wrote is told by its hash.
func lineSeq(line []byte) uint64 {
	const name = `"seq":`
	at := bytes.Index(line, []byte(name))
	if at < 0 {
		return 0
	}
	var n uint64
	for i, c := range line[at+len(name):] {
		if c < '0' || c > '9' || i == 20 {
			break
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

// lastCheckpoint finds the last checkpoint that our key has signed; its note is nil if there is none.
// A note torn by a crash is cut off.
func (s *sealer) lastCheckpoint(missing *missing) (c checkpoint, msg []byte, err error) {
	firsts, err := sidecars(s.dir, checkpointsPrefix)
	if err != nil {
		return c, nil, err
	}
	for _, first := range slices.Backward(firsts) {
		path := filepath.Join(s.dir, checkpointsFile(first))
		found, foundMsg, bad, err := s.readCheckpoints(path)
		if err != nil {
			return c, nil, err
		}
		if bad > 0 {
			missing.note("%s has %s of this log's key", checkpointsFile(first), plural(bad, "note that is no checkpoint", "notes that are no checkpoints"))
		}
		if foundMsg != nil {
			return found, foundMsg, nil
		}
	}
	return c, nil, nil
}

// readCheckpoints returns the last checkpoint of a file, and the number of notes that are none.
func (s *sealer) readCheckpoints(path string) (c checkpoint, msg []byte, bad int, err error) {
	f, err := openOwn(path, os.O_RDWR, 0)
	if err != nil {
		return c, nil, 0, err
	}
	defer f.Close()
	notes := newNoteReader(f)
	torn := false
	for text, err := range notes.all() {
		if err != nil && !errors.Is(err, errNotNote) {
			return c, nil, 0, fmt.Errorf("read %s: %w", path, err)
		}
		torn = err != nil
		if torn {
			bad++
			continue
		}
		next, _, err := openCheckpoint(text, s.keys)
		if err != nil {
			bad++
			continue
		}
		c, msg = next, bytes.Clone(text)
	}
	if torn && notes.pos-notes.end < noteLimit {
		bad--
		err = truncate(f, path, notes.end)
	}
	return c, msg, bad, err
}

// sidecars lists the files of dir that have a prefix, by the first records of their segments, in order.
func sidecars(dir, prefix string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var firsts []uint64
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), prefix)
		if first, err := strconv.ParseUint(digits, 10, 64); ok && err == nil && e.Type().IsRegular() {
			firsts = append(firsts, first)
		}
	}
	slices.Sort(firsts)
	return firsts, nil
}
