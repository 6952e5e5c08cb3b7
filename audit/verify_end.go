package audit

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"webproxy/internal/wording"
)

// end checks the end of the log: what should follow there, and what no checkpoint covers yet.
func (j *verifier) end() {
	j.take(&leaves{}) // it may be the first
	if j.held.line > 0 {
		j.leaf(0)
	}
	// Lines without a number at the end are records, if a checkpoint has records there.
	j.check()
	if j.point != nil {
		j.settle(j.point.tree.size + 1)
	}
	j.rubbish(j.strange)
	j.flushAgain()
	j.truncated()
	j.name(&signedPoint{}, Suspected) // after the last checkpoint
	if j.v.FirstSeq > 1 {
		j.beginning()
	}
	j.uncovered()
	j.tornEnd()
}

// tornEnd checks bytes at the end of the live file that are not a whole line: a record that is being written, or one
// that a crash has torn, which the next start cuts off. If the proxy can have written nothing more, they are not its
// own.
func (j *verifier) tornEnd() {
	if j.torn == 0 {
		return
	}
	if limit, why := j.allowed(); limit <= j.v.LastSeq {
		j.v.fail(Problem{Kind: Inserted, File: j.tornAt, Text: fmt.Sprintf("%s at its end that are not a whole line; %s", wording.Amount(uint64(j.torn), "byte"), why)})
		return
	}
	j.v.note("%s: the last %s are not a whole record: it is being written, or was torn by a crash", j.tornAt, wording.Amount(uint64(j.torn), "byte"))
}

// truncated reports records that checkpoints cover and that are gone from the end.
func (j *verifier) truncated() {
	j.check()
	if j.point == nil {
		return
	}
	if j.copied() {
		return
	}
	first, last := j.next, j.point
	j.cut = first
	j.skip(j.point.tree.size) // the records between the checkpoint before it and the cut
	for ; j.point != nil; j.point = j.points() {
		last = j.point
	}
	j.v.Missing += last.tree.size - first + 1
	j.v.fail(Problem{Kind: Truncated, First: first, Last: last.tree.size, Checkpoint: last.number, Time: last.time})
}

// copied reports whether the missing end is what a copy lacks that was made while the proxy wrote: all remaining
// checkpoints are younger than the copy of the live file, and none closes the log. There are several if the log was
// rotated meanwhile. Those checkpoints are then ignored. Somebody who cuts off the end and sets the file's time gains
// no more than by removing the checkpoints too; an anchor shows both.
func (j *verifier) copied() bool {
	var left []*signedPoint
	younger := j.head == nil && !j.modified.IsZero()
	for p := j.point; p != nil; p = j.points() {
		left = append(left, p)
		younger = younger && !p.end && !p.anchored && !p.ofHead && j.modified.Before(p.time)
	}
	last := left[len(left)-1]
	if !younger {
		rest := left[1:]
		j.points = func() *signedPoint {
			if len(rest) == 0 {
				return nil
			}
			p := rest[0]
			rest = rest[1:]
			return p
		}
		return false
	}
	j.point = nil
	j.v.note("seq %s: covered by checkpoint %d (%s), and not there: a copy made while the proxy wrote, or the end was cut off; copy again, or give an anchor",
		span(j.next, last.tree.size), last.number, last.time.UTC().Format(minuteLayout))
	return true
}

// liveFile notes the properties of the live file by which a copy is recognised.
func (j *verifier) liveFile(files []leafFile) {
	for i := range files {
		if f := &files[i]; f.live != nil {
			j.modified = f.modified
			if f.first != math.MaxUint64 {
				j.first = f.first
			}
		}
	}
}

// standOn says what v relies on.
func (v *Verification) standOn(o *VerifyOptions) {
	say := func(format string, args ...any) { v.Basis = append(v.Basis, fmt.Sprintf(format, args...)) }
	v.Anchoring = "no anchor"
	switch {
	case o.Anchor == "":
		say("no anchor: whoever has the key can have rewritten the log, and whoever can write its files can have cut off its end, or put all of it back to what it was")
	case v.Anchored == 0:
		v.Anchoring = "nothing in the anchor"
		say("the anchor has no checkpoint of this log: it is as if there were none")
	default:
		defer v.sayAnchorBegins(say)
		v.Anchoring = fmt.Sprintf("anchored to seq %s (%s)", wording.Comma(v.Anchored), v.AnchoredAt.UTC().Format(TimeLayout))
		after := uint64(0)
		if v.LastSeq > v.Anchored {
			after = v.LastSeq - v.Anchored
		}
		v.Anchoring += ", " + wording.Amount(after, "record") + " after it"
		say("the anchor reaches to seq %s, %s; %s after it", wording.Comma(v.Anchored), v.AnchoredAt.UTC().Format(TimeLayout), wording.Amount(after, "record"))
	}
	if v.Headed > 0 {
		say("the tree head beside the proxy's key: nothing up to seq %s, %s, was removed or altered, unless by somebody who has that key", wording.Comma(v.Headed), v.HeadedAt.UTC().Format(TimeLayout))
	}
	switch {
	case v.Checkpoints == 0:
	case v.Ended:
		say("the log ends with seq %s, where the proxy closed it, %s", wording.Comma(v.Sealed), v.SealedAt.UTC().Format(TimeLayout))
	default:
		say("the log ends with its last checkpoint, seq %s, %s; what was written after that is not signed, and could have been removed", wording.Comma(v.Sealed), v.SealedAt.UTC().Format(TimeLayout))
	}
}

// sayAnchorBegins says where the anchor begins, if that is not where the log does: it is younger than the log, or was
// emptied.
func (v *Verification) sayAnchorBegins(say func(format string, args ...any)) {
	if v.AnchorBegins == 0 {
		return
	}
	v.Anchoring += ", anchor begins at seq " + wording.Comma(v.AnchorBegins)
	say("the anchor begins at seq %s: it is younger than the log, or was emptied; what whoever has the key had rewritten by then it does not tell", wording.Comma(v.AnchorBegins))
}

// beginning reports records that are missing before the first, unless a record says that they were deleted.
func (j *verifier) beginning() {
	before := j.v.FirstSeq - 1
	if j.copy {
		return // asked for, or said as what the result stands on
	}
	if j.deleted >= before {
		j.v.note("begins with seq %s: the records before it were deleted as the settings say", wording.Comma(j.v.FirstSeq))
		return
	}
	j.v.Missing += before - j.deleted
	j.v.fail(Problem{Kind: Missing, First: j.deleted + 1, Last: before, Text: "no record says that they were deleted"})
}

// uncovered checks the tail that no checkpoint covers. A minute's tail is normal, unless the proxy had stated that it
// would write nothing more, or less.
func (j *verifier) uncovered() {
	if j.since.seq == 0 {
		return
	}
	first := j.since.seq
	if limit, why := j.allowed(); limit < j.v.LastSeq {
		first = max(first, limit+1)
		j.foreign(Problem{Kind: Foreign, First: first, Last: j.v.LastSeq, Text: why})
		if first == j.since.seq {
			return
		}
		j.v.note("seq %s: not yet covered by a checkpoint", span(j.since.seq, first-1))
		return
	}
	took := j.last.time().Sub(j.since.time())
	switch tail := (Problem{Kind: Uncovered, First: first, Last: j.v.LastSeq}); {
	case j.v.Checkpoints == 0:
		tail.Text = "there is none"
		j.v.fail(tail)
	case took > sealSlack && j.head == nil && !j.copy:
		tail.Text = "they are of " + took.Round(time.Second).String() + ", and one is made every minute"
		j.v.fail(tail)
	default:
		j.v.note("seq %s: not yet covered by a checkpoint, %s", span(tail.First, tail.Last), took.Round(time.Millisecond))
	}
}

// allowed is the last record that the proxy can have written, and why.
func (j *verifier) allowed() (last uint64, why string) {
	switch {
	case j.copy: // the checkpoint that begins the log anew may not have arrived yet
	case j.limit > 0 && (j.head == nil || j.head.tree.size <= j.limit && j.head.end):
		return j.limit, "the log was closed before them, " + j.v.SealedAt.UTC().Format(minuteLayout)
	case j.head != nil && j.head.tree.size >= j.v.Sealed:
		return j.head.until, "the last that it can have written is " + wording.Comma(j.head.until) + ", by its tree head of " + j.head.time.UTC().Format(TimeLayout)
	}
	return 1<<64 - 1, ""
}

// names reports files whose names say that they were closed at another time than the checkpoints say.
func (j *verifier) names(files []leafFile) {
	for i := range files {
		f := &files[i]
		closed, ok := j.closings[j.ends[f.seg.file()]]
		if !ok || !f.seg.ours() || f.seg.closed.Equal(closed) {
			continue
		}
		j.v.fail(Problem{Kind: Misnamed, First: f.first, Last: j.ends[f.seg.file()], File: f.seg.file(),
			Text: "it was closed at " + closed.UTC().Format(closedForm)})
	}
}

// sidecars reports files of hashes of a wrong length. They prove nothing: a short one, which a crash or a full disk
// may leave, is only noted.
func (j *verifier) sidecars(dir string, files []leafFile) {
	for i := range files {
		f := &files[i]
		last, ok := j.ends[f.seg.file()]
		if !ok || f.live != nil || last > j.v.Sealed || f.first != f.seg.first {
			continue
		}
		want := int64(last-f.first+1) * hashSize
		size := int64(0)
		if info, err := os.Stat(filepath.Join(dir, hashesFile(f.first))); err == nil {
			size = info.Size()
		}
		switch {
		case size > want:
			j.v.fail(Problem{Kind: HashesDiffer, First: f.first, Last: last, File: hashesFile(f.first),
				Text: fmt.Sprintf("%d bytes longer than its records", size-want)})
		case size < want:
			j.v.note("%s: hashes of %s are not there: which of them was altered could not be told", hashesFile(f.first), wording.Amount(uint64(want-size)/hashSize, "record"))
		}
	}
}
