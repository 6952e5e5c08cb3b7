package audit

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Sealing makes it evident if a log was altered or truncated. Append adds the hash of each line to a Merkle
// tree; the tree's state is signed as a checkpoint every minute, at each rotation and at Close. Every
// segment has two files for it, named for its first record as the segment is, and deleted with it:
//
//	checkpoints-000000000151   the signed notes, the one before this segment first
//	hashes-000000000151        the hash of each record, 32 bytes each; zeros where it is not known
//
// The checkpoints alone prove what the log was. The hashes show which record differs. They need no signature: only
// with the true ones does the tree have the root that was signed.
const (
	checkpointsPrefix = "checkpoints-"
	hashesPrefix      = "hashes-"

	// sealEvery bounds how long a record is in the log without a checkpoint that covers it.
	sealEvery = time.Minute
	// spillSize is how many bytes of hashes are kept until they are written.
	spillSize = 8192 * hashSize
	hashSize  = 32
	// hashesLimit bounds the records of one file of hashes: no real file is larger.
	hashesLimit = 1 << 32
	// unanchoredLimit bounds the notes kept for an anchor that cannot be reached: a day's.
	unanchoredLimit = 24 * 60
)

func checkpointsFile(first uint64) string { return fmt.Sprintf("%s%012d", checkpointsPrefix, first) }
func hashesFile(first uint64) string      { return fmt.Sprintf("%s%012d", hashesPrefix, first) }

// A sealer is the part of a Log that seals it.
type sealer struct {
	dir    string
	anchor string // may be empty
	key    note.Signer
	keys   note.Verifiers // that key alone
	head   headWriter

	// Guarded by Log.mu:
	hasher    hasher
	tree      compactRange // of all records
	base      bool         // the content of the tree's records is unknown; the next point says so
	foreign   uint64       // with base: first of the records that the proxy did not write; 0 if there is none
	marked    uint64       // size of the tree at the last point
	recovered uint64       // first record since then that was read back from disk; 0 if none
	proof     *checkpoint  // while records are read back: the head that they must agree with; nil if they do
	readUntil uint64       // the last of them
	first     uint64       // of the live segment's records; 0 if there is none
	points    []point
	pending   []byte   // hashes not yet in the segment's file
	hashes    *os.File // that file; nil if it is not open
	spillErr  error    // why hashes were not written; until Seal reports it

	signedAt atomic.Int64 // when the last checkpoint was made, in milliseconds since 1970; 0 if there is none

	signing     sync.Mutex // guards what follows
	unsigned    []point
	number      uint64 // of the last checkpoint
	size        uint64 // and the size of its tree
	last        []byte // and its note; nil if there is none
	unanchored  []byte // notes that the anchor does not have yet, in its format
	unanchoredN int    // how many
	anchoring   patientCall
	sending     int // how many bytes of unanchored, and notes, the call that may hang writes
	sendingN    int
}

// A point is a moment at which the tree is to be signed.
type point struct {
	tree      compactRange
	time      time.Time
	recovered uint64
	base      bool
	foreign   uint64
	first     uint64    // of the segment it belongs to
	closes    bool      // it is that segment's last
	closed    time.Time // and its name says that it was closed then; zero if this log did not name it
	begin     bool      // the log was opened
	end       bool      // the log was closed
	until     uint64    // as of the tree head
}

// states reports whether p is to be signed although its tree was.
func (p *point) states() bool { return p.base || p.begin || p.end || !p.closed.IsZero() }

// add makes line, without its newline, the next leaf.
func (s *sealer) add(seq uint64, line []byte, now time.Time) {
	if seq != s.tree.size+1 {
		s.rebase(seq-1, now)
	}
	if s.first == 0 {
		s.first = seq
	}
	leaf := s.hasher.leaf(line)
	s.tree.push(leaf)
	s.pending = append(s.pending, leaf[:]...)
	if len(s.pending) >= spillSize {
		s.spill()
	}
}

// rebase begins the tree anew after unknown records: a checkpoint says so at once.
func (s *sealer) rebase(size uint64, now time.Time) {
	s.spill()
	s.mark(now)
	s.tree, s.base = unknownRange(size), true
	s.mark(now)
}

// mark makes the tree's state a point, if it has changed.
func (s *sealer) mark(now time.Time) {
	if s.tree.size == s.marked && !s.base {
		return
	}
	s.points = append(s.points, s.point(now))
	s.told()
}

// told notes that a point states everything.
func (s *sealer) told() { s.marked, s.recovered, s.base, s.foreign = s.tree.size, 0, false, 0 }

func (s *sealer) point(now time.Time) point {
	return point{tree: s.tree.clone(), time: now, recovered: s.recovered, base: s.base, foreign: s.foreign,
		first: cmp.Or(s.first, s.tree.size+1), until: s.head.limit()}
}

// turn ends the segment: the next record belongs to another. closed is the time in its name, zero if another program
// named it.
func (s *sealer) turn(now, closed time.Time) {
	if s.first == 0 {
		return
	}
	s.spill()
	p := s.point(now)
	p.closes, p.closed = true, closed
	s.points = append(s.points, p)
	s.told()
	s.attach(0)
}

// attach makes the segment that begins with record first the live one.
func (s *sealer) attach(first uint64) {
	if s.first == first {
		return
	}
	s.spill()
	s.first = first
	if s.hashes != nil {
		s.hashes.Close()
		s.hashes = nil
	}
}

// spill writes the pending hashes to the segment's file. They only help to name an altered record, so a failure costs
// nothing else, and is not tried again.
func (s *sealer) spill() {
	if len(s.pending) == 0 {
		return
	}
	err := s.writeHashes()
	s.pending = s.pending[:0]
	s.spillErr = cmp.Or(s.spillErr, err)
}

func (s *sealer) writeHashes() (err error) {
	index := s.tree.size - uint64(len(s.pending)/hashSize) - (s.first - 1)
	if index > hashesLimit {
		return fmt.Errorf("records %d and more in one segment", index)
	}
	if s.hashes == nil {
		if s.hashes, err = openOwn(filepath.Join(s.dir, hashesFile(s.first)), os.O_CREATE|os.O_WRONLY, 0o640); err != nil {
			s.hashes = nil
			return err
		}
	}
	_, err = s.hashes.WriteAt(s.pending, int64(index)*hashSize)
	return err
}

// Seal signs a checkpoint of everything appended so far, once that is on disk; it does nothing if there is nothing
// new. Maintain calls it every minute and Close at the end. The next call retries what could not be signed.
func (l *Log) Seal() error {
	s := &l.seal
	s.signing.Lock()
	defer s.signing.Unlock()
	l.mu.Lock()
	s.spill()
	now := time.Now()
	s.mark(now)
	if l.ending {
		p := s.point(now)
		p.end = true
		s.points = append(s.points, p)
		l.ending = false
	}
	s.unsigned = append(s.unsigned, s.points...)
	s.points = nil
	errs := []error{s.spillErr}
	s.spillErr = nil
	l.mu.Unlock()
	if len(s.unsigned) > 0 || s.unanchoredN > 0 {
		errs = append(errs, l.sign())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("seal audit log: %w", err)
	}
	return nil
}

// SealedAt returns when the last checkpoint was made; zero if there is none. It never waits for a disk.
func (l *Log) SealedAt() time.Time {
	if at := l.seal.signedAt.Load(); at != 0 {
		return time.UnixMilli(at)
	}
	return time.Time{}
}

// sign writes the checkpoints that are due. A checkpoint must not cover what a power failure could still destroy: the
// loss would then look like tampering. The caller holds signing.
func (l *Log) sign() error {
	if err := l.Sync(); err != nil {
		return err
	}
	s := &l.seal
	for len(s.unsigned) > 0 {
		if err := s.write(&s.unsigned[0]); err != nil {
			return err
		}
		s.unsigned = s.unsigned[1:]
	}
	s.unsigned = nil
	return s.sendToAnchor()
}

// write writes the checkpoint of one point.
func (s *sealer) write(p *point) error {
	if p.tree.size != s.size || p.states() || s.last == nil {
		c := checkpoint{number: s.number + 1, tree: p.tree, time: p.time, recovered: p.recovered, base: p.base,
			foreign: p.foreign, closed: p.closed, begin: p.begin, end: p.end, until: p.until}
		msg, err := c.sign(s.key, originPrefix)
		if err != nil {
			return err
		}
		if err := s.store(p.first, msg); err != nil {
			return err
		}
		s.number, s.size, s.last = c.number, p.tree.size, msg
		s.head.number.Store(c.number)
		s.signedAt.Store(c.time.UnixMilli())
		s.keepForAnchor(msg)
	}
	if p.closes {
		return s.store(p.tree.size+1, nil)
	}
	return nil
}

// store appends a note, if any, to the checkpoints of a segment. They begin with the checkpoint before it, so that
// they can be verified when the segments before are gone.
func (s *sealer) store(first uint64, msg []byte) error {
	path := filepath.Join(s.dir, checkpointsFile(first))
	var data []byte
	if info, err := os.Stat(path); (err != nil || info.Size() == 0) && s.last != nil {
		data = appendNote(data, s.last)
	}
	if msg != nil {
		data = appendNote(data, msg)
	}
	if len(data) == 0 {
		return nil
	}
	return appendFile(path, data)
}

func (s *sealer) keepForAnchor(msg []byte) {
	if s.anchor == "" || s.unanchoredN >= unanchoredLimit {
		return // the notes kept prove as much about an altered log as all would
	}
	s.unanchored = appendNote(s.unanchored, msg)
	s.unanchoredN++
}

func (s *sealer) sendToAnchor() error {
	if s.unanchoredN == 0 {
		return nil
	}
	if s.anchoring.running == nil {
		s.sending, s.sendingN = len(s.unanchored), s.unanchoredN
	}
	notes := s.unanchored[:s.sending:s.sending]
	finished, err := s.anchoring.do(func() error { return appendFile(s.anchor, notes) })
	if err != nil {
		return fmt.Errorf("%d checkpoints not in the anchor %s: %w", s.unanchoredN, s.anchor, err)
	}
	if finished {
		s.unanchored, s.unanchoredN = bytes.Clone(s.unanchored[s.sending:]), s.unanchoredN-s.sendingN
	}
	return nil
}

// appendFile appends data to a file of the log, all or nothing, and syncs it.
func appendFile(path string, data []byte) (err error) {
	f, err := openOwn(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		truncate(f, path, info.Size())
		return err
	}
	return f.Sync()
}
