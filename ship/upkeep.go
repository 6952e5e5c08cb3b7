package ship

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
)

const (
	// checkpointBatch bounds how many checkpoints are read at a time.
	checkpointBatch = 256
	// repeatTrouble is how often a lasting failure is logged.
	repeatTrouble = 10 * time.Minute
)

// counters are the source of Stats. The Shipper's goroutine writes them.
type counters struct {
	shipped, missing, refused, errors atomic.Int64
	resent                            atomic.Int64
	seq, sent                         atomic.Uint64
	oldest                            atomic.Int64 // time of the first item that is not confirmed, in ms; 0 if all are
}

// Stats are numbers about a receiver, since its Shipper was made.
type Stats struct {
	Name       string
	Shipped    int64 // records that the receiver has
	Missing    int64 // records that it did not get because the log does not have them any more
	Refused    int64 // records that it refused
	Resent     int64 // records sent again because it had acknowledged and not kept them
	Errors     int64 // failed attempts
	LagRecords int64 // records in the log that are not confirmed
	// Unconfirmed is how many of LagRecords were sent, and not yet found at the receiver.
	Unconfirmed int64
	Lag         time.Duration // the age of the first of LagRecords
}

// Stats is safe for concurrent use.
func (s *Shipper) Stats() Stats {
	st := Stats{Name: s.name, Shipped: s.stats.shipped.Load(), Missing: s.stats.missing.Load(),
		Refused: s.stats.refused.Load(), Resent: s.stats.resent.Load(), Errors: s.stats.errors.Load()}
	st.LagRecords = max(int64(s.log.LastSeq()-s.stats.seq.Load()), 0)
	if s.readback != nil {
		st.Unconfirmed = max(int64(s.stats.sent.Load()-s.stats.seq.Load()), 0)
	}
	// Only checkpoints may be pending: they are not records.
	if at := s.stats.oldest.Load(); at != 0 && st.LagRecords > 0 {
		st.Lag = max(time.Since(time.UnixMilli(at)), 0)
	}
	return st
}

// upkeep does what is due; with now, everything.
func (s *Shipper) upkeep(now bool) {
	s.lookForCheckpoints(now)
	if now || time.Since(s.saved) >= s.pace.save {
		s.save()
	}
	if now || time.Since(s.losses.told) >= s.pace.tell {
		s.losses.tell(s)
	}
}

// save writes the position, if it has changed. A failure does not stop shipping: after a crash more records would be sent twice.
func (s *Shipper) save() {
	if !s.unsaved {
		return
	}
	s.saved = time.Now()
	if err := s.position.write(s.path); err != nil {
		s.stats.errors.Add(1)
		s.zap.Error("position not written; after a restart more records will be sent twice", zap.Error(err))
		return
	}
	s.unsaved = false
}

// lookForCheckpoints adds the new checkpoints of records that were read to the pending items.
func (s *Shipper) lookForCheckpoints(now bool) {
	if !s.checkpoints || !now && time.Since(s.looked) < s.pace.checkpoint || s.full() {
		return
	}
	s.looked = time.Now()
	seq, hash := s.position.Seq, s.position.Hash
	if n := len(s.pending); n > 0 {
		seq, hash = s.pending[n-1].through, s.pending[n-1].hash
	} else if h := s.readback.last(); h != nil {
		seq, hash = h.through, h.hash
	}
	found, err := audit.Checkpoints(s.dir, s.checkpoint.size, s.checkpoint.number, checkpointBatch)
	if err != nil {
		s.stats.errors.Add(1)
		s.zap.Error("checkpoints not shipped", zap.Error(err))
		return
	}
	for _, c := range found {
		if c.Size > s.feed.last {
			break // it is sent after the records that it covers
		}
		i, err := newCheckpointItem(c, seq, hash)
		if err != nil {
			s.zap.Error("checkpoint not shipped", zap.Error(err))
			return
		}
		s.add(i)
	}
}

// trouble is a series of failed attempts.
type trouble struct {
	since time.Time // of the first failure; zero if there was no failure
	count int
	told  time.Time
}

// fail counts a failed attempt. The first of a series is logged, then one every repeatTrouble.
func (s *Shipper) fail(err error) {
	s.stats.errors.Add(1)
	t := &s.trouble
	t.count++
	now := time.Now()
	if t.since.IsZero() {
		t.since = now
	}
	if now.Sub(t.told) < repeatTrouble && t.count > 1 {
		return
	}
	t.told = now
	s.zap.Warn("audit records not shipped, they wait in the log", zap.Error(err), zap.Int("attempt", t.count),
		zap.Int64("waiting", s.Stats().LagRecords))
}

// over ends the series: the receiver has taken records.
func (t *trouble) over(s *Shipper) {
	if t.since.IsZero() {
		return
	}
	s.zap.Info("audit records are shipped again", zap.Duration("after", time.Since(t.since).Round(time.Second)),
		zap.Int64("waiting", s.Stats().LagRecords))
	*t = trouble{}
}

// sayWaiting logs, at the end, what was not sent.
func (s *Shipper) sayWaiting() {
	st := s.Stats()
	if st.Unconfirmed > 0 {
		s.zap.Info("audit records were sent and are not confirmed yet; after the next start they are looked for", zap.Int64("unconfirmed", st.Unconfirmed))
	}
	if n := st.LagRecords - st.Unconfirmed; n > 0 {
		s.zap.Warn("audit records wait in the log for the next start", zap.Int64("waiting", n))
	}
}

// backoff is how long to wait after an error.
func (s *Shipper) backoff(err error) time.Duration {
	wait := min(s.pace.backoff<<min(max(s.trouble.count-1, 0), 10), s.pace.backoffMax)
	var response *responseError
	if errors.As(err, &response) {
		wait = max(wait, response.wait)
	}
	return wait
}

// losses are records that the receiver did not get and that are not yet recorded in the log.
type losses struct {
	first, last uint64
	n           int64
	why         string // of the first
	told        time.Time
}

// refuse is the refusal of the sink.
func (s *Shipper) refuse(first, last uint64, n int64, why string) {
	s.losses.add(s, &s.stats.refused, first, last, n, "it does not take them: "+why)
}

func (l *losses) add(s *Shipper, counter *atomic.Int64, first, last uint64, n int64, why string) {
	counter.Add(n)
	if l.n == 0 {
		l.first, l.last, l.why = first, last, why
	}
	l.first, l.last, l.n = min(l.first, first), max(l.last, last), l.n+n
}

// tell writes one record about all losses: a receiver that takes nothing would not take a record about each either.
func (l *losses) tell(s *Shipper) {
	if l.n == 0 {
		return
	}
	l.told = time.Now()
	what := fmt.Sprintf("%d records from %d to %d", l.n, l.first, l.last)
	if l.first == l.last {
		what = fmt.Sprintf("record %d", l.first)
	}
	detail := fmt.Sprintf("%s did not get %s: %s", s.name, what, l.why)
	s.zap.Error("audit records were not shipped", zap.String("detail", detail))
	err := s.log.Append(&audit.Record{Type: audit.TypeShip, FirstSeq: l.first, LastSeq: l.last, Detail: detail})
	if err != nil {
		s.zap.Error("audit record not written", zap.String("type", string(audit.TypeShip)), zap.Error(err))
	}
	l.n = 0
}
