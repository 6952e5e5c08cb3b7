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
		s.checkpoint = checkpointAt{}
		s.readback.forget()
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
	if s.readback.skip(e.record.Seq, e.line) {
		return
	}
	s.position.Seq, s.position.Hash = e.record.Seq, lineHash(e.line)
	s.moved()
}

func (s *Shipper) add(i item) {
	if len(s.pending) == 0 && s.readback.oldest() == 0 {
		s.stats.oldest.Store(i.record.Time.UnixMilli())
	}
	if c := i.checkpoint; c != nil {
		s.checkpoint = checkpointAt{c.Size, c.Number}
	}
	s.pending = append(s.pending, i)
	s.size += i.cost()
}

// deliver sends pending items in batches, and removes those that the receiver has. With settle it waits until it has all.
func (s *Shipper) deliver(ctx context.Context, settle bool) error {
	for {
		if s.readback.full() {
			return nil
		}
		if n := s.readback.assume(s.pending[s.sent:]); n > 0 {
			s.sent += n
			s.settled(n)
			continue
		}
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

// batchOf returns how many of the first items make a batch; all of items if they are fewer.
func batchOf(items []item) int {
	size := 0
	for n := range items {
		if size += items[n].cost(); n > 0 && size > batchSize || n == batchItems {
			return n
		}
	}
	return len(items)
}

// settled removes the first n pending items: the receiver has acknowledged them.
func (s *Shipper) settled(n int) {
	if n == 0 {
		return
	}
	for i := range s.pending[:n] {
		s.size -= s.pending[i].cost()
	}
	if s.readback != nil {
		s.readback.add(s.pending[:n])
	} else {
		s.has(newHandover(s.pending[:n]))
	}
	s.sent -= n
	rest := copy(s.pending, s.pending[n:])
	clear(s.pending[rest:])
	s.pending = s.pending[:rest]
	s.moved()
}

// A handover is consecutive items that were given to the sink.
type handover struct {
	through    uint64 // a receiver that has them is done with all records up to this one
	hash       string // of the line of record through
	records    int
	checkpoint checkpointAt // the last checkpoint among them; zero without one
	oldest     int64        // time of the first item, in ms
}

func newHandover(items []item) handover {
	last := &items[len(items)-1]
	h := handover{through: last.through, hash: last.hash, oldest: items[0].record.Time.UnixMilli()}
	for i := range items {
		if c := items[i].checkpoint; c != nil {
			h.checkpoint = checkpointAt{c.Size, c.Number}
		} else {
			h.records++
		}
	}
	return h
}

// has advances the position: the receiver has h.
func (s *Shipper) has(h handover) {
	s.position.Seq, s.position.Hash = h.through, h.hash
	if h.checkpoint.number > 0 {
		s.position.CheckpointSize, s.position.CheckpointNumber = h.checkpoint.size, h.checkpoint.number
	}
	s.stats.shipped.Add(int64(h.records))
}

// moved updates the statistics after the position has changed.
func (s *Shipper) moved() {
	s.stats.seq.Store(s.position.Seq)
	s.stats.oldest.Store(0)
	if at := s.readback.oldest(); at != 0 {
		s.stats.oldest.Store(at)
	} else if len(s.pending) > 0 {
		s.stats.oldest.Store(s.pending[0].record.Time.UnixMilli())
	}
	s.unsaved = true
}
