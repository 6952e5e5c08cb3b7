package egress

import (
	"sync"
	"time"
)

// An upstream proxy that failed is not used for a while, longer each time; then one request tries it again.
const (
	minUpstreamPause = time.Second
	maxUpstreamPause = time.Minute
)

// A health says whether an upstream proxy works, by the results of the requests through it. With the zero health it
// does.
type health struct {
	mu    sync.Mutex // guards the fields below
	fails int        // in a row
	retry time.Time  // not to be used before, if fails is not 0
}

// usable reports whether the upstream proxy works, or should be tried by the caller now.
func (h *health) usable(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fails == 0 {
		return true
	}
	if now.Before(h.retry) {
		return false
	}
	h.pause(now) // the others wait for the result of that one
	return true
}

// pause is called with mu held.
func (h *health) pause(now time.Time) {
	h.fails++
	wait := maxUpstreamPause
	if n := h.fails - 1; n < 6 {
		wait = min(minUpstreamPause<<n, maxUpstreamPause)
	}
	h.retry = now.Add(wait)
}

// failed notes a failure, and reports whether the upstream proxy worked before. Concurrent requests that fail
// together count once.
func (h *health) failed(now time.Time) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fails > 0 {
		return false
	}
	h.pause(now)
	return true
}

// worked notes a success, and reports whether the upstream proxy did not work before.
func (h *health) worked() (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed = h.fails > 0
	h.fails = 0
	return changed
}

// down reports whether the upstream proxy failed last.
func (h *health) down() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fails > 0
}
