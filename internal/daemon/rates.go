package daemon

import (
	"sync"
	"sync/atomic"
	"time"

	"webproxy/policy"
)

// Outcomes counts decisions by their outcome.
type Outcomes struct {
	Allowed   uint64 `json:"allowed"`
	Denied    uint64 `json:"denied"`
	WouldDeny uint64 `json:"would_deny"` // let through in learn mode
}

func (o Outcomes) total() uint64 { return o.Allowed + o.Denied + o.WouldDeny }

func (o Outcomes) minus(p Outcomes) Outcomes {
	return Outcomes{o.Allowed - p.Allowed, o.Denied - p.Denied, o.WouldDeny - p.WouldDeny}
}

// outcomes counts all decisions since the start.
type outcomes struct{ allowed, denied, wouldDeny atomic.Uint64 }

func (o *outcomes) add(d *policy.Decision) {
	switch {
	case !d.Permit:
		o.denied.Add(1)
	case d.Verdict == policy.Allow:
		o.allowed.Add(1)
	default:
		o.wouldDeny.Add(1)
	}
}

func (o *outcomes) now() Outcomes {
	return Outcomes{o.allowed.Load(), o.denied.Load(), o.wouldDeny.Load()}
}

const (
	// sampleEvery is the interval between samples of the counts.
	sampleEvery = 10 * time.Second
	// samples is the number of samples in an hour.
	samples = int(time.Hour/sampleEvery) + 1
)

// rates keeps samples of the number of decisions for an hour. The zero rates is ready to use. It is safe for concurrent use.
type rates struct {
	mu    sync.Mutex // guards ring and noted
	ring  [samples]sample
	noted int
}

type sample struct {
	at    time.Time
	count Outcomes
}

// sample takes a sample and calls also every sampleEvery, until the returned function is called, which waits for the last call.
func (r *rates) sample(o *outcomes, also func(now time.Time)) (stop func()) {
	r.note(time.Now(), o.now())
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				r.note(now, o.now())
				also(now)
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

func (r *rates) note(at time.Time, count Outcomes) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring[r.noted%samples] = sample{at, count}
	r.noted++
}

// within returns how many decisions there were in the time d before now, where count is the number of all, and the actual length of
// that time: shorter soon after the start, or longer by up to sampleEvery.
func (r *rates) within(d time.Duration, now time.Time, count Outcomes) (Outcomes, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var from sample
	for i := r.noted - 1; i >= max(0, r.noted-samples); i-- { // the youngest first
		from = r.ring[i%samples]
		if now.Sub(from.at) >= d {
			break
		}
	}
	if from.at.IsZero() {
		return Outcomes{}, 0
	}
	return count.minus(from.count), now.Sub(from.at)
}
