package ship

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
)

// A Shipper sends the records of a log to one receiver. Run does the work; Stats may be called meanwhile.
type Shipper struct {
	name  string
	log   *audit.Log
	dir   string
	zap   *zap.Logger
	where *audit.Query
	sink  sink
	pace  pace
	// readback confirms what the receiver has; nil if the sink's deliver confirms it.
	readback *readback

	position    position // what the receiver has
	path        string   // of its file
	saved       time.Time
	unsaved     bool
	checkpoints bool
	looked      time.Time    // when checkpoints were last looked for
	checkpoint  checkpointAt // the last that was read

	feed    feed
	pending []item // items that are not acknowledged, in order
	size    int    // their cost, in bytes
	sent    int    // how many of pending were given to the sink
	oldest  time.Time
	trouble trouble
	losses  losses
	stats   counters
}

// A checkpointAt names a checkpoint.
type checkpointAt struct{ size, number uint64 }

// A sink delivers items to a receiver.
type sink interface {
	// deliver sends items, which follow those of the call before. If settle is set it returns only when the receiver has
	// acknowledged all that was sent. It returns how many items, from the first unacknowledged one, are acknowledged now.
	// After an error the caller calls close, and sends the others again.
	deliver(ctx context.Context, items []item, settle bool) (int, error)
	// close closes the connection, if one is open. The sink can be used again.
	close()
}

// A refusal is called with records that a receiver refuses: n of those from first to last.
type refusal func(first, last uint64, n int64, why string)

const (
	// batchItems and batchSize (bytes) bound what is sent at a time, pendingItems and pendingSize what is kept until it is
	// acknowledged.
	batchItems   = 512
	batchSize    = 1 << 20
	pendingItems = 4096
	pendingSize  = 8 << 20
)

// A pace has the intervals and limits of a Shipper.
type pace struct {
	tick       time.Duration // between checks of what is due
	batchDelay time.Duration // how long a record may wait for others in its batch
	settle     time.Duration // after this long the sink must settle
	backoff    time.Duration // after the first failure; doubled each time, up to backoffMax
	backoffMax time.Duration
	flush      time.Duration // bounds the end of Run
	save       time.Duration // between writes of the position
	checkpoint time.Duration // between searches for checkpoints
	tell       time.Duration // between records of losses
}

func usualPace() pace {
	return pace{
		tick: time.Second, batchDelay: 200 * time.Millisecond, settle: 10 * time.Second,
		backoff: time.Second, backoffMax: time.Minute, flush: 5 * time.Second,
		save: time.Second, checkpoint: 10 * time.Second, tell: time.Minute,
	}
}

// Run sends records until ctx is done. Then it sends what is in the log at that moment, for five seconds at most, and not at
// all if the receiver failed last. Call it once.
func (s *Shipper) Run(ctx context.Context) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { limit(ctx, work, cancel, s.pace.flush) })
	wg.Go(func() { s.feed.run(work, s.zap) })
	defer s.sayWaiting()
	defer s.sink.close()
	defer s.save()
	defer s.losses.tell(s)
	ticker := time.NewTicker(s.pace.tick)
	defer ticker.Stop()
	for ctx.Err() == nil {
		s.gather(ctx, ticker.C)
		s.readback.look(ctx)
		if err := s.deliver(work, ctx.Err() != nil); err != nil {
			s.fail(err)
			if s.pause(ctx, err) {
				return // the receiver failed a moment ago: do not try again
			}
		}
		s.upkeep(false)
	}
	s.losses.tell(s) // so that this is shipped too
	s.finish(work)
}

// limit ends work some time after ctx is done.
func limit(ctx, work context.Context, cancel context.CancelFunc, flush time.Duration) {
	select {
	case <-ctx.Done():
	case <-work.Done():
		return
	}
	late := time.NewTimer(flush)
	defer late.Stop()
	select {
	case <-late.C:
		cancel()
	case <-work.Done():
	}
}

// finish sends what is in the log now, and its last checkpoint.
func (s *Shipper) finish(work context.Context) {
	last := s.log.LastSeq()
	ticker := time.NewTicker(s.pace.tick)
	defer ticker.Stop()
	for work.Err() == nil {
		if s.feed.last < last {
			s.gather(work, ticker.C)
		} else {
			s.lookForCheckpoints(true)
		}
		if s.feed.last >= last && len(s.pending) == 0 || s.readback.full() {
			return
		}
		if err := s.deliver(work, s.feed.last >= last); err != nil {
			s.fail(err)
			return
		}
	}
}

// gather waits for a record or a tick, and takes the records that arrive within batchDelay.
func (s *Shipper) gather(ctx context.Context, tick <-chan time.Time) {
	if s.full() {
		if s.readback.full() { // nothing can be sent
			select {
			case <-tick:
			case <-ctx.Done():
			}
		}
		return
	}
	select {
	case e := <-s.feed.out:
		s.take(e)
	case <-tick:
		return
	case <-ctx.Done():
		return
	}
	late := time.NewTimer(s.pace.batchDelay)
	defer late.Stop()
	for n := 1; n < batchItems && !s.full(); n++ {
		select {
		case e := <-s.feed.out:
			s.take(e)
		case <-late.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// pause waits before the next attempt, longer after each failure; true if ctx is done.
func (s *Shipper) pause(ctx context.Context, err error) bool {
	wait := s.backoff(err)
	wait = wait/2 + rand.N(wait/2+1) // many proxies must not retry at the same moment
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-ctx.Done():
		return true
	}
}
