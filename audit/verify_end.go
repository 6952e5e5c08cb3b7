package audit

import "time"

// end judges the end of the log: what should follow there, and what no checkpoint covers yet.
func (j *judge) end() {
	j.take(&leaves{}) // it may be the first
	if j.held.line > 0 {
		j.leaf(0)
	}
	// Lines without a number at the end are records, if a checkpoint has records there.
	j.check()
	if j.point != nil {
		j.settle(j.point.edge.size + 1)
	}
	j.rubbish(j.strange)
	j.flushAgain()
	j.truncated()
	j.name(&signedPoint{}, Suspected) // behind the last checkpoint
	if j.v.FirstSeq > 1 {
		j.beginning()
	}
	j.uncovered()
}

// truncated reports records that checkpoints cover and that are gone from the end.
func (j *judge) truncated() {
	j.check()
	if j.point == nil {
		return
	}
	first, last := j.next, j.point
	j.cut = first
	j.skip(j.point.edge.size) // the records between the checkpoint before it and the cut
	for ; j.point != nil; j.point = j.points() {
		last = j.point
	}
	j.v.Missing += last.edge.size - first + 1
	j.v.fail(Problem{Kind: Truncated, First: first, Last: last.edge.size, Checkpoint: last.number, Time: last.time})
}

// beginning reports records that are missing before the first, unless a record says that they were
// deleted.
func (j *judge) beginning() {
	before := j.v.FirstSeq - 1
	if j.deleted >= before {
		j.v.note("begins with seq %s: the records before it were deleted as the settings say", comma(j.v.FirstSeq))
		return
	}
	j.v.Missing += before - j.deleted
	j.v.fail(Problem{Kind: Missing, First: j.deleted + 1, Last: before, Text: "no record says that they were deleted"})
}

// uncovered judges the tail that no checkpoint covers. A minute's is no sign of anything.
func (j *judge) uncovered() {
	if j.since.seq == 0 {
		return
	}
	took := j.last.time().Sub(j.since.time())
	switch tail := (Problem{Kind: Uncovered, First: j.since.seq, Last: j.v.LastSeq}); {
	case j.v.Checkpoints == 0:
		tail.Text = "there is none"
		j.v.fail(tail)
	case took > sealSlack:
		tail.Text = "they are of " + took.Round(time.Second).String() + ", and one is made every minute"
		j.v.fail(tail)
	default:
		j.v.note("seq %s: not yet covered by a checkpoint, %s", span(tail.First, tail.Last), took.Round(time.Millisecond))
	}
}
