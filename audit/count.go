package audit

import "time"

// A SplitCount is what CountSplit has counted.
type SplitCount struct {
	Before, Within *Tally // before the split; from then on
	Stats          Stats
}

// CountSplit counts the records that o asks for, those before split apart from the rest.
func CountSplit(dir string, o ScanOptions, split time.Time) (SplitCount, error) {
	all := SplitCount{Before: newTally(tallyRows), Within: newTally(tallyRows)}
	p, err := newPass(dir, &o)
	if err != nil {
		return all, err
	}
	defer p.close()
	err = inOrder(len(p.files), o.workers(), func(i int, emit func(partCount) bool) {
		emit(p.count(i, split))
	}, func(_ int, part partCount) error {
		all.Before.merge(part.before)
		all.Within.merge(part.within)
		all.Stats.add(part.stats)
		return nil
	})
	return all, err
}

// A partCount is what one file adds to a count.
type partCount struct {
	before, within *Tally // nil for nothing
	stats          *fileStats
}

// count counts file i, by its summary if that is possible.
func (p *pass) count(i int, split time.Time) partCount {
	sum := p.summary(i)
	if sum == nil {
		return p.countRecords(i, split)
	}
	switch p.place(sum, split) {
	case placeUnasked:
		return partCount{stats: sum.stats()}
	case placeBefore:
		return partCount{before: sum.tally(), stats: sum.stats()}
	case placeWithin:
		return partCount{within: sum.tally(), stats: sum.stats()}
	}
	return p.countRecords(i, split)
}

// A place is where the records of a file lie in time.
type place uint8

const (
	placeMixed   place = iota // on both sides of a border: the records must be read
	placeUnasked              // not in the window
	placeBefore               // all before the split
	placeWithin               // all after it
)

// place returns where in p's window the records of sum are.
func (p *pass) place(sum *summary, split time.Time) place {
	since, until := p.options.Since, p.options.Until
	switch {
	case sum.Latest.Before(since), !until.IsZero() && !sum.Earliest.Before(until):
		return placeUnasked
	case sum.Earliest.Before(since), !until.IsZero() && !sum.Latest.Before(until):
		return placeMixed
	case sum.Latest.Before(split):
		return placeBefore
	case !sum.Earliest.Before(split):
		return placeWithin
	}
	return placeMixed
}

// summary returns the summary of file i. If there is none yet, it reads the file and writes one beside it; a failure
// to write it is ignored. It is nil if there can be none.
func (p *pass) summary(i int) *summary {
	if p.isLive(i) || !p.files[i].summarised() {
		return nil
	}
	if sum := p.loadSummary(i); sum != nil {
		return sum
	}
	sum, _ := p.makeSummary(i)
	return sum
}

// loadSummary reads the summary of file i; nil if there is no matching one.
func (p *pass) loadSummary(i int) *summary {
	if p.isLive(i) || !p.files[i].summarised() {
		return nil
	}
	sum, err := readSummary(p.dir, p.files[i])
	if err != nil {
		return nil
	}
	p.tell(i, p.fileSize(i), sum.records())
	return sum
}

// ruledOut returns the summary of file i if it says that no record of it is asked for, else nil.
func (p *pass) ruledOut(i int) *summary {
	if p.isLive(i) || !p.files[i].summarised() {
		return nil
	}
	if o := p.options; !o.Since.IsZero() || !o.Until.IsZero() {
		head, err := readSummaryHead(p.dir, p.files[i])
		if err == nil && head.Unreadable == 0 && p.place(head, o.Since) == placeUnasked {
			p.tell(i, p.fileSize(i), head.records())
			return head
		}
	}
	if p.options.Where == nil {
		return nil // reading the summary would be in vain more often than not
	}
	if sum := p.loadSummary(i); sum != nil && !sum.mayMatch(p.options.Where) {
		return sum
	}
	return nil
}

// makeSummary counts the whole of file i, and writes its summary. The summary is nil if there can be none; the error
// is only about writing it.
func (p *pass) makeSummary(i int) (*summary, error) {
	s := p.files[i]
	size, check, err := identity(p.dir, s)
	if err != nil {
		return nil, nil // problems with it are found when it is read
	}
	t, stats := p.countFile(i)
	if size2, check2, err := identity(p.dir, s); err != nil || size2 != size || check2 != check {
		return nil, nil
	}
	sum := summaryOf(s, size, check, t, stats)
	if sum == nil {
		return nil, nil
	}
	return sum, sum.write(p.dir, s)
}

// countFile counts all records of file i.
func (p *pass) countFile(i int) (*Tally, *fileStats) {
	whole := *p
	whole.options = &ScanOptions{Progress: p.options.Progress}
	s := whole.scanner(i)
	t := newTally(fileRows)
	s.each(func(r *Record, line string) bool {
		t.add(r, line)
		return true
	})
	return t, &s.stats
}

// countRecords counts the records of file i that are asked for.
func (p *pass) countRecords(i int, split time.Time) partCount {
	s := p.scanner(i)
	before, within := newTally(fileRows), newTally(fileRows)
	s.each(func(r *Record, line string) bool {
		if r.Time.Before(split) {
			before.add(r, line)
		} else {
			within.add(r, line)
		}
		return true
	})
	return partCount{before: before, within: within, stats: &s.stats}
}
