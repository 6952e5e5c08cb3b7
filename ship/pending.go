package ship

import (
	"context"
	"time"
)

func (s *Shipper) full() bool { return len(s.pending) >= pendingItems || s.size >= pendingSize }

// take takes a record from the feed.
func (s *Shipper) take(e entry) {
	if e.missing > 0 {
		s.losses.add(s, &s.stats.missing, e.record.Seq-e.missing, e.record.Seq-1, int64(e.missing), "they are no longer in the log")
	}
	if e.restart {
		s.position.CheckpointSize, s.position.CheckpointNumber = 0, 0
	}
	s.feed.last = e.record.Seq
	if s.where.Match(&e.record) {
		s.add(item{record: e.record, line: e.line, through: e.record.Seq, hash: lineHash(e.line)})
		return
	}
	if n := len(s.pending); n > 0 {
		s.pending[n-1].through, s.pending[n-1].hash = e.record.Seq, lineHash(e.line)
		return
	}
	s.position.Seq, s.position.Hash = e.record.Seq, lineHash(e.line)
	s.moved()
}

func (s *Shipper) add(i item) {
	if len(s.pending) == 0 {
		s.stats.oldest.Store(i.record.Time.UnixMilli())
	}
	s.pending = append(s.pending, i)
	s.size += i.cost()
}

// deliver hands pending items over, in batches, and lets go of what the receiver has.
func (s *Shipper) deliver(ctx context.Context, settle bool) error {
	for {
		n := batchOf(s.pending[s.sent:])
		all := s.sent+n == len(s.pending)
		due := all && (settle || s.full() || s.sent > 0 && time.Since(s.oldest) >= s.pace.settle)
		if n == 0 && !due || len(s.pending) == 0 {
			return nil
		}
		if s.sent == 0 {
			s.oldest = time.Now()
		}
		settled, err := s.sink.deliver(ctx, s.pending[s.sent:s.sent+n], due)
		s.sent += n
		s.settled(settled)
		if err != nil {
			s.sink.close()
			s.sent = 0
			return err
		}
		if settled > 0 {
			s.trouble.over(s)
		}
		if all {
			return nil
		}
	}
}

// batchOf is how many of the first items make a batch.
func batchOf(items []item) int {
	size := 0
	for n := range items {
		if size += items[n].cost(); n > 0 && size > batchSize || n == batchItems {
			return n
		}
	}
	return len(items)
}

// settled lets go of the first n pending items: the receiver has them.
func (s *Shipper) settled(n int) {
	if n == 0 {
		return
	}
	for i := range s.pending[:n] {
		s.size -= s.pending[i].cost()
		if c := s.pending[i].checkpoint; c != nil {
			s.position.CheckpointSize, s.position.CheckpointNumber = c.Size, c.Number
		} else {
			s.stats.shipped.Add(1)
		}
	}
	last := &s.pending[n-1]
	s.position.Seq, s.position.Hash = last.through, last.hash
	s.sent -= n
	rest := copy(s.pending, s.pending[n:])
	clear(s.pending[rest:])
	s.pending = s.pending[:rest]
	s.moved()
}

// moved notes that the position is another.
func (s *Shipper) moved() {
	s.stats.seq.Store(s.position.Seq)
	s.stats.oldest.Store(0)
	if len(s.pending) > 0 {
		s.stats.oldest.Store(s.pending[0].record.Time.UnixMilli())
	}
	s.unsaved = true
}
