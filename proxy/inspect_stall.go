package proxy

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"webproxy/internal/proxystatus"
)

// stall_timeout for HTTP/2 within inspected tunnels: many requests share one connection, and a client may keep the
// window of each closed, so a deadline of the connection does not help. Instead each read and write of a body is
// timed.

// A stallWatch calls expire if end does not follow begin within limit.
type stallWatch struct {
	limit time.Duration // if not positive, there is none
	// expire is called at most once, never after close. It returns false if there is no reason to end anything: the
	// watch then goes on.
	expire func() bool

	mu      sync.Mutex // guards the fields below; held while expire is called
	begins  int64      // calls of begin
	timer   *time.Timer
	running bool
	over    bool
}

// begin starts the timer.
func (s *stallWatch) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.running = true
	s.begins++
	if s.limit <= 0 {
		return
	}
	if s.timer == nil {
		s.timer = time.AfterFunc(s.limit, s.ring)
		return
	}
	s.timer.Reset(s.limit)
}

// end stops the timer.
func (s *stallWatch) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	if s.timer != nil {
		s.timer.Stop()
	}
}

// close ends the watch for good, and waits for a running call of expire.
func (s *stallWatch) close() {
	s.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// current is the number of the operation that was begun and has not ended, from 1; 0 if there is none.
func (s *stallWatch) current() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running || s.over {
		return 0
	}
	return s.begins
}

// expireNow calls expire at once, if the operation with that number has not ended.
func (s *stallWatch) expireNow(number int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running && !s.over && s.begins == number && s.expire() {
		s.running, s.over = false, true
	}
}

func (s *stallWatch) ring() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running || s.over {
		return
	}
	if !s.expire() {
		s.timer.Reset(s.limit)
		return
	}
	s.running, s.over = false, true
}

// watchStalls ends x's request, which came by HTTP/2, if for the stall limit the client reads nothing of the
// response, or sends nothing of the request before there is a response. done must be called before the handler
// returns.
func (x *exchange) watchStalls(rw http.ResponseWriter, r *http.Request) (_ http.ResponseWriter, done func()) {
	limit := x.srv.limits.stall
	c := http.NewResponseController(rw)
	past := time.Unix(1, 0)
	w := &stallWriter{ResponseWriter: rw, watch: stallWatch{limit: limit}}
	w.watch.expire = func() bool {
		x.cutReason.CompareAndSwap(nil, ptr(proxystatus.WriteTimeout))
		c.SetWriteDeadline(past)
		return true
	}
	remove := x.inside.addResponse(w)
	// What net/http holds back of the response is sent when the handler has returned.
	last := func() {
		remove()
		w.watch.close()
		c.SetWriteDeadline(deadlineIn(limit))
	}
	if limit <= 0 || r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return w, last
	}
	b := &stallBody{ReadCloser: r.Body, watch: stallWatch{limit: limit}}
	b.watch.expire = func() bool {
		if w.responded.Load() { // both sides are sending; either may pause
			return false
		}
		c.SetReadDeadline(past)
		return true
	}
	r.Body = b
	return w, func() {
		last()
		b.watch.close()
	}
}

// A stallWriter watches the writes of a response.
type stallWriter struct {
	http.ResponseWriter
	watch     stallWatch
	responded atomic.Bool // the final response head was written
}

// Unwrap is for http.ResponseController.
func (w *stallWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *stallWriter) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.responded.Store(true)
	}
	w.watch.begin()
	defer w.watch.end()
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *stallWriter) Write(p []byte) (int, error) {
	w.watch.begin()
	defer w.watch.end()
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher.
func (w *stallWriter) Flush() {
	w.watch.begin()
	defer w.watch.end()
	http.NewResponseController(w.ResponseWriter).Flush() // the next write returns the error again
}

// A stallBody watches the reads of a request's body.
type stallBody struct {
	io.ReadCloser
	watch stallWatch
}

func (b *stallBody) Read(p []byte) (int, error) {
	b.watch.begin()
	defer b.watch.end()
	return b.ReadCloser.Read(p)
}
