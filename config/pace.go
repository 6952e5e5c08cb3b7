package config

import (
	"sync/atomic"
	"time"
)

// A pacer yields the processor to others while a configuration is loaded: there may be one processor only, and
// requests wait for it. It is safe for concurrent use.
type pacer struct {
	began time.Time
	way   way
	woke  atomic.Int64 // when the last pause ended, in nanoseconds since it began
	work  atomic.Int64 // how long to work until the next, in nanoseconds; 0 means minWork
}

const (
	// A load works for minWork until it pauses. After a long pause it works for a quarter of that pause, so that on a
	// busy processor it still gets a fifth of the time. A request waits for the network some six times, and may find
	// the load at work each time.
	minWork = 200 * time.Microsecond
	maxWork = 2 * time.Millisecond
)

// pause yields if the last pause was long enough ago.
func (p *pacer) pause() {
	at := int64(time.Since(p.began))
	if at-p.woke.Load() < max(p.work.Load(), int64(minWork)) {
		return
	}
	p.way.give()
	woke := int64(time.Since(p.began))
	p.work.Store(min((woke-at)/4, int64(maxWork)))
	p.woke.Store(woke)
}

// close frees the pacer's resources. It may be used after that, but then each pause is longer.
func (p *pacer) close() { p.way.close() }

// sleep yields where there is no better way. The system rounds it up, to a millisecond and more.
func sleep() { time.Sleep(50 * time.Microsecond) }
