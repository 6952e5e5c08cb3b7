package audit

import (
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A verifier checks records, in order, against the signed checkpoints. It reads no files; names are used in messages only.
type verifier struct {
	v      *Verification
	points func() *signedPoint // nil at their end
	stored interface {
		hash(seq uint64) (h tlog.Hash, ok bool)
	}
	copy bool   // a copy of another site's log: see VerifyCopy
	from uint64 // it should begin with this record; 0 if unknown

	point         *signedPoint // the next to check; nil after the last
	begun         bool
	unknownPrefix bool         // records before the first one are missing, so the tree hash cannot be computed
	next          uint64       // the number that the next record should have
	tree          compactRange // of the records before it, as read
	whole         bool         // no record was missing since the last checkpoint; otherwise the tree proves nothing
	// other is the tree with the stored hashes in place of records that differ from them, or are missing. It counts
	// only if it turns out to be the tree that was signed. Nil if nothing differs.
	other    *compactRange
	guessed  bool      // other lacks a hash that was not stored
	suspects []suspect // records that differ, or are missing, since the last checkpoint
	strange  []suspect // lines without a number, since the last record
	again    *Problem  // repeated records, one after the other
	cut      uint64    // the log ended before this record, which was signed; 0 if it did not
	torn     int64     // bytes at the end of the live file that are not a whole line
	tornAt   string    // its name

	held    leaf   // read, but not verified: the next record may decide what it is
	heldAt  string // its file
	last    leaf   // the last record
	since   leaf   // the first that no checkpoint covers yet
	old     leaf   // the first of a stretch that checkpoints call recovered
	oldEnd  uint64 // and the last so far
	deleted uint64 // the last record that was deleted by a record of the log

	first    uint64               // of the live file's records; 0 if it has none
	modified time.Time            // when the live file was last written to; zero if there is none
	head     *checkpoint          // the proxy's tree head when the records had been read; nil: unknown
	limit    uint64               // the last record that the proxy can have written, by the last checkpoint; 0: unknown
	closings map[uint64]time.Time // when the files that end with these records were closed
	ends     map[string]uint64    // the last record of each file
}

// A suspect is a record that differs from its stored hash, or missing records.
type suspect struct {
	first, last uint64
	file        string
	line        int // 0: they are missing
}

// take verifies some lines of a file.
func (j *verifier) take(some *leaves) {
	if !j.begun {
		j.begun, j.next, j.whole = true, 1, true
		j.point = j.points()
	}
	for i := range some.all {
		l := &some.all[i]
		if j.held.line > 0 {
			j.leaf(l.seq)
		}
		j.held, j.heldAt = *l, some.file
	}
	for _, r := range some.retained {
		j.deleted = max(j.deleted, r.LastSeq)
	}
	if some.torn > 0 {
		j.torn, j.tornAt = some.torn, some.file
	}
	if some.summary != "" {
		j.v.fail(Problem{Kind: SummaryDiffers, File: some.summary})
	}
	if some.err != nil {
		j.v.fail(Problem{Kind: Unreadable, File: some.file, Text: some.err.Error()})
	}
}

// leaf verifies the held line; following is the number in the next line.
func (j *verifier) leaf(following uint64) {
	l := &j.held
	if l.seq != j.next && following == j.next+1 {
		l.seq = 0 // it is in that record's place: its number was altered
	}
	if l.seq == 0 {
		j.strange = append(j.strange, suspect{file: j.heldAt, line: l.line})
		if len(j.strange) > leavesBatch { // a file of garbage
			j.rubbish(j.strange)
			j.strange = j.strange[:0]
		}
		return
	}
	if j.v.FirstSeq == 0 {
		first := l.seq - uint64(len(j.strange))
		if j.from > 0 {
			first = min(first, j.from)
		}
		j.start(first)
	}
	j.settle(l.seq)
	if l.seq < j.next {
		j.repeated(l)
		return
	}
	j.skip(l.seq - 1)
	j.push(l)
}

// start begins at the first record. What was before it is known from the checkpoint that ends there: each segment's
// checkpoints begin with the last one of the segment before.
func (j *verifier) start(first uint64) {
	j.v.FirstSeq, j.next = first, first
	for j.point != nil && j.point.tree.size < first-1 {
		j.point = j.points()
	}
	if first == 1 {
		return
	}
	j.unknownPrefix = j.point == nil || j.point.tree.size != first-1
	if !j.unknownPrefix {
		j.covered(j.point)
		j.point = j.points()
	}
}

// settle classifies the lines without a number, now that the next record's is known.
func (j *verifier) settle(seq uint64) {
	strange := j.strange
	j.strange = nil
	for i, s := range strange {
		if j.next >= seq {
			j.rubbish(strange[i:])
			return
		}
		j.check()
		s.first, s.last = j.next, j.next // it is in this record's place
		j.suspect(s)
		j.whole = false
		j.v.Records++
		j.next++
	}
}

func (j *verifier) rubbish(lines []suspect) {
	for _, s := range lines {
		j.v.fail(Problem{Kind: Inserted, File: s.file, Line: s.line})
	}
}

// repeated notes a record whose number occurred before.
func (j *verifier) repeated(l *leaf) {
	if a := j.again; a != nil && a.File == j.heldAt && a.Last+1 == l.seq {
		a.Last = l.seq
		return
	}
	j.flushAgain()
	j.again = &Problem{Kind: Repeated, First: l.seq, Last: l.seq, File: j.heldAt, Line: l.line}
}

func (j *verifier) flushAgain() {
	if j.again != nil {
		j.v.fail(*j.again)
		j.again = nil
	}
}

// skip continues after the record last; the records up to it that did not come are missing.
func (j *verifier) skip(last uint64) {
	for j.check(); j.next <= last; j.check() {
		to := last
		if j.point != nil {
			to = min(to, j.point.tree.size)
		}
		j.suspect(suspect{first: j.next, last: to})
		j.whole = false
		j.next = to + 1
	}
}

// push adds the record that is due.
func (j *verifier) push(l *leaf) {
	if stored, ok := j.stored.hash(l.seq); ok && stored != l.hash {
		j.suspect(suspect{first: l.seq, last: l.seq, file: j.heldAt, line: l.line})
	} else if j.other != nil {
		j.other.push(l.hash)
	}
	if j.whole {
		j.tree.push(l.hash)
	}
	if j.since.seq == 0 {
		j.since = *l
	}
	if j.point != nil && j.point.recovered == l.seq && (j.oldEnd == 0 || j.oldEnd+1 != l.seq) {
		j.old = *l
	}
	j.last = *l
	j.v.Records++
	j.v.LastSeq = l.seq
	j.ends[j.heldAt] = l.seq
	j.next = l.seq + 1
	j.check()
}

// suspect notes a difference, and puts the stored hashes into the other tree.
func (j *verifier) suspect(s suspect) {
	if j.other == nil {
		other := j.tree.clone()
		j.other, j.guessed = &other, !j.whole || j.unknownPrefix
	}
	if len(j.suspects) < problemLimit {
		j.suspects = append(j.suspects, s)
	} else {
		j.guessed = true // not all are known
	}
	for seq := s.first; seq <= s.last && !j.guessed; seq++ {
		h, ok := j.stored.hash(seq)
		j.guessed = !ok
		j.other.push(h)
	}
}

// check verifies against the checkpoints that end before the next record.
func (j *verifier) check() {
	for j.point != nil && j.point.tree.size < j.next {
		p := j.point
		if p.tree.size == j.next-1 {
			j.verify(p)
			j.covered(p)
		}
		j.point = j.points()
	}
}

// verify checks the records since the last checkpoint against p.
func (j *verifier) verify(p *signedPoint) {
	first, last := max(j.v.Sealed+1, j.v.FirstSeq), p.tree.size
	if j.cut > 0 {
		last = min(last, j.cut-1)
	}
	switch root := p.tree.root(); {
	case p.foreign > 0:
		j.foreign(Problem{Kind: Foreign, First: max(first, p.foreign), Last: last, Checkpoint: p.number, Time: p.time,
			Text: "found at the start of " + p.time.UTC().Format(minuteLayout) + ", and not signed"})
		j.name(p, Suspected)
	case j.copy && j.unknownPrefix:
		j.v.note("seq %s: before the first checkpoint that the copy has, by which they cannot be verified", span(first, last))
		j.v.ProvenFrom = p.tree.size + 1
		j.name(p, Suspected)
	case p.base || j.unknownPrefix:
		if first <= last {
			j.v.fail(Problem{Kind: Uncovered, First: first, Last: last, Checkpoint: p.number, Time: p.time,
				Text: "sealing began after them"})
		}
		j.name(p, Suspected)
	case j.whole && j.tree.root() == root:
		j.name(p, HashAltered)
	case j.other != nil && !j.guessed && j.other.root() == root:
		j.name(p, Altered)
	case j.copy && !j.whole && j.onlyMissing():
		j.name(p, Suspected)
		j.v.fail(Problem{Kind: Unproven, First: first, Last: last, Checkpoint: p.number, Time: p.time})
	default:
		if first <= last {
			j.v.fail(Problem{Kind: Differs, First: first, Last: last, Checkpoint: p.number, Time: p.time})
		}
		j.name(p, Suspected)
	}
	j.late(p)
}

// name reports the suspects: existing records as problems of the given kind.
func (j *verifier) name(p *signedPoint, kind ProblemKind) {
	for _, s := range j.suspects {
		found := Problem{Kind: kind, First: s.first, Last: s.last, File: s.file, Line: s.line, Checkpoint: p.number, Time: p.time}
		switch {
		case s.line == 0 && j.cut > 0 && s.first >= j.cut:
			continue // truncated reports them
		case s.line == 0:
			found.Kind = Missing
			if s.last+1 == j.first && j.head == nil {
				found.Text = "right before " + liveName + ": a copy that was made while the log was rotated lacks them; copy again"
			}
			j.v.Missing += s.last - s.first + 1
			if j.v.extend(&found) {
				continue
			}
		case kind == Altered:
			j.v.Altered++
		case kind == HashAltered:
			found.File, found.Line = "", 0
		}
		j.v.fail(found)
	}
}

// onlyMissing reports whether the only known problem is that records are missing.
func (j *verifier) onlyMissing() bool {
	for _, s := range j.suspects {
		if s.line > 0 {
			return false
		}
	}
	return true
}

// covered continues from p, which is signed, whatever was found before it.
func (j *verifier) covered(p *signedPoint) {
	j.tree = p.tree.clone()
	j.whole, j.unknownPrefix, j.other, j.guessed = true, false, nil, false
	j.suspects = j.suspects[:0]
	j.since = leaf{}
	j.v.Sealed, j.v.SealedAt = p.tree.size, p.time
	j.v.Ended = p.end
	j.limit = 0
	if p.end {
		j.limit = p.tree.size
	}
	if !p.closed.IsZero() {
		j.closings[p.tree.size] = p.closed
	}
	if p.ofHead {
		return
	}
	j.v.Checkpoints++
	if p.anchored {
		j.v.Anchored, j.v.AnchoredAt = p.tree.size, p.time
	}
}

func (j *verifier) foreign(p Problem) {
	if p.First <= p.Last {
		j.v.fail(p)
	}
}

// sealSlack is how long records may be without a checkpoint before that is a sign that one was removed: twice the
// interval, for a busy disk.
const sealSlack = 2 * sealEvery

// late reports records that were read back from disk at a start, if they are more than a crash can leave unsealed:
// they may have been altered before they were signed.
func (j *verifier) late(p *signedPoint) {
	if p.recovered == 0 {
		return
	}
	j.oldEnd = p.tree.size
	took := j.last.time().Sub(j.old.time())
	if 0 < j.old.seq && j.old.seq <= p.recovered && took <= sealSlack {
		j.v.note("seq %s: signed only at the start after a crash, %s", span(p.recovered, p.tree.size), p.time.UTC().Format(minuteLayout))
		return
	}
	j.v.fail(Problem{Kind: Late, First: p.recovered, Last: p.tree.size, Checkpoint: p.number, Time: p.time})
}
