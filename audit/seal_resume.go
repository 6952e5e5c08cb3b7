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
	l.seal.head.path = HeadFile(o.Key)
	l.idSalt = idSalt(public)
	return nil
}

// resumeSeal restores the tree: that of the last checkpoint, which is trusted only with our signature, and the
// records after it, which are read again: normally none, and after a crash those of a minute, as far as the tree head
// allows. The caller knows the end of the sequence.
func (l *Log) resumeSeal(rotated []segment, now time.Time) error {
	s := &l.seal
	last, msg, err := s.lastCheckpoint(&l.missing)
	if err != nil {
		return err
	}
	head := readHead(s.head.path, s.keys)
	end := l.next - 1
	if msg != nil {
		s.signedAt.Store(last.time.UnixMilli())
		s.tree = last.tree
		s.number, s.size, s.marked, s.last = last.number, last.tree.size, last.tree.size, msg
	}
	l.noteCrash(&last, head, now)
	newer := head.follows(&last) && head.tree.size > last.tree.size
	if newer {
		s.number = max(s.number, head.number) // the numbers of deleted checkpoints are not used again
	}
	s.head.number.Store(s.number)
	switch {
	case newer && head.tree.size > end:
		l.missing.note("the records %d to %d are gone, which were written by %s", end+1, head.tree.size, head.time.UTC().Format(TimeLayout))
		l.next = head.tree.size + 1
		s.attach(l.first)
		s.tree = head.tree
		s.mark(now)
		return nil
	case s.tree.size > end:
		l.missing.note("the records %d to %d are gone, which checkpoint %d covers", end+1, s.tree.size, s.number)
		l.next = s.tree.size + 1
		s.attach(l.first)
		return nil
	case msg == nil && end == 0: // begin signs it
	case msg == nil:
		l.missing.note("no checkpoint was found: the records 1 to %d are not sealed", end)
	case s.tree.size < end:
		l.resumeTail(rotated, &last, head, now)
	default:
		s.resumeClosing(rotated, l.first, &last, now)
	}
	s.attach(l.first)
	if s.tree.size != end {
		s.rebase(end, now)
	}
	return nil
}

// resumeTail seals the records after the last checkpoint, as far as this proxy can have written them. The others are
// left to the caller, who states in a checkpoint that the proxy did not write them.
func (l *Log) resumeTail(rotated []segment, last, head *checkpoint, now time.Time) {
	s := &l.seal
	end := l.next - 1
	allowed := lastAllowed(last, head)
	if head.follows(last) && head.tree.size > last.tree.size {
		s.proof = head
	}
	s.readUntil = min(end, allowed)
	if s.readUntil > s.tree.size {
		l.reread(rotated, now)
	}
	if s.proof != nil { // the records' tree is not that of the head
		l.missing.note("the records %d to %d are not what was written by %s: they are not signed", last.tree.size+1, end, head.time.UTC().Format(TimeLayout))
		s.pending, s.points, s.proof = s.pending[:0], nil, nil
		s.tree, s.recovered, s.marked = last.tree.clone(), 0, last.tree.size
		s.foreign = last.tree.size + 1
		return
	}
	s.mark(now) // a checkpoint of their own: records that were read back prove less than records that were written
	if allowed < end {
		s.foreign = s.tree.size + 1
		l.missing.note("the records %d to %d were not written by this proxy, whose last can have been %d: they are not signed", allowed+1, end, allowed)
	}
}

// resumeClosing states when the last rotated file was closed, if a crash came between its rename and that.
func (s *sealer) resumeClosing(rotated []segment, live uint64, last *checkpoint, now time.Time) {
	if len(rotated) == 0 || live != 0 || !last.closed.IsZero() {
		return
	}
	if seg := rotated[len(rotated)-1]; seg.ours() && seg.first <= s.tree.size {
		s.attach(seg.first)
		s.turn(now, seg.closed)
	}
}

// noteCrash notes that a log was not closed, that counts were lost with it, and that the clock is slow.
func (l *Log) noteCrash(last, head *checkpoint, now time.Time) {
	at := last.time
	if head != nil && head.time.After(at) {
		at = head.time
	}
	if behind := at.Sub(now); behind > clockSlack {
		l.missing.note("the clock is %s behind what it was at the end of the log, %s", behind.Round(time.Second), at.UTC().Format(TimeLayout))
	}
	crashed := !last.end && last.until > 0
	if head.follows(last) {
		crashed = !head.end
	}
	if !crashed {
		return
	}
	l.missing.note("the log was not closed: the proxy was killed, or the machine went down, after %s", at.UTC().Format(TimeLayout))
	if head != nil && !head.end && head.aggregated > 0 {
		l.missing.note("lost with that: %d denials that had been counted by %s, and those counted after", head.aggregated, head.time.UTC().Format(TimeLayout))
	}
}

// begin writes the first tree head of this run, and states in a checkpoint that records may follow. Until that is on
// disk nothing is appended: after a closed log it would not count as the proxy's.
func (l *Log) begin() error {
	l.beginning.Lock()
	defer l.beginning.Unlock()
	if l.begun.Load() {
		return nil
	}
	if !l.headTried {
		l.headTried = true
		l.headErr = l.openHead()
	}
	s := &l.seal
	l.mu.Lock()
	if !l.beginMarked {
		p := s.point(time.Now())
		p.begin = true
		s.points = append(s.points, p)
		l.beginMarked = true
	}
	l.mu.Unlock()
	err := l.Seal()
	s.signing.Lock()
	defer s.signing.Unlock()
	if len(s.unsigned) > 0 {
		return err
	}
	l.begun.Store(true) // it need not be in the anchor yet
	return nil
}

// reread adds the records after the tree's, up to s.readUntil.
func (l *Log) reread(rotated []segment, now time.Time) {
	s := &l.seal
	for i, seg := range rotated {
		next := l.first // of the segment after this one; 0 if there is none
		if i+1 < len(rotated) {
			next = rotated[i+1].first
		}
		if next != 0 && next <= s.tree.size+1 {
			continue
		}
		if seg.first > s.readUntil {
			return
		}
		f, err := openSegment(l.options.Dir, seg)
		if err == nil {
			s.attach(seg.first)
			err = s.readAgain(f, now)
			f.Close()
		}
		if err != nil { // records that are not read are not sealed, and the next checkpoint says so
			l.missing.note("%s could not be read again: %v", seg.file(), err)
		}
		s.turn(now, seg.closed)
	}
	s.attach(l.first)
	if l.live == nil {
		return
	}
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
		if seq > s.readUntil {
			return nil
		}
		s.recovered = cmp.Or(s.recovered, seq)
		s.add(seq, line.text, now)
		if s.proof == nil || s.tree.size != s.proof.tree.size {
			continue
		}
		if s.tree.root() != s.proof.tree.root() {
			return nil
		}
		// The head has signed them already: they count as sealed.
		for i := range s.points {
			s.points[i].recovered = 0
		}
		s.recovered, s.proof = 0, nil
		s.mark(now)
	}
	return lines.err
}

// lineSeq is the sequence number in a line, or 0. It checks nothing else: whether the line is what Append wrote
// follows from its hash.
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

// lastCheckpoint finds the last checkpoint that our key has signed; its note is nil if there is none. A note torn by
// a crash is cut off.
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

// readCheckpoints returns the last checkpoint of a file, and the number of notes that are not checkpoints.
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
