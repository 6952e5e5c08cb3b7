package config

import (
	"sync/atomic"
	"time"
)

// A pacer lets others have the processor while a configuration is loaded: there may be one processor only, and requests wait
// for it. It is safe for concurrent use.
type pacer struct {
	began time.Time
	woke  atomic.Int64 // when it last did, in nanoseconds since it began
}

const (
	// workFor is how long a load works without a pause.
	workFor = time.Millisecond
	// restFor is how long it then sleeps at least. To give way by runtime.Gosched would not do: with nothing else ready to
	// run, the scheduler comes back before it asks the network, for which it then asks every 10 ms only.
	restFor = 50 * time.Microsecond
)

// pause sleeps a moment if the last pause was long enough ago.
func (p *pacer) pause() {
	if int64(time.Since(p.began))-p.woke.Load() < int64(workFor) {
		return
	}
	time.Sleep(restFor)
	p.woke.Store(int64(time.Since(p.began)))
}
