package proxy

import (
	"sync"
	"time"
)

// stuckEvery is how often a connection of HTTP/2 whose client has ended its sending side is checked. It is longer
// than the second that net/http takes to close one on which all responses have ended.
const stuckEvery = 1500 * time.Millisecond

// A stuckWatch ends what can no longer progress on a connection of HTTP/2 whose client has ended its sending side.
// Such a client opens no window any more, so a response that waits for a closed window stays where it is: for the
// stall limit, during which a stop would wait for it. The windows are closed if nothing has been written to the
// connection for a while, nor waits for its socket, although responses remain to be written. Those are reset. When no
// request is in progress any more, but net/http still holds something back, the connection is closed.
type stuckWatch struct {
	filter *h2Filter
	gone   chan struct{} // closed when the connection is given up

	mu      sync.Mutex // guards the fields below; held during a check
	timer   *time.Timer
	over    bool
	written int64                  // to the connection, at the last check
	waiting map[*stallWriter]int64 // what waited at the last check, if nothing was written before it; else nil
	idle    int                    // successive checks with nothing in progress
}

// watchStuck begins a watch of f, which ends when it is stopped.
func watchStuck(f *h2Filter) *stuckWatch {
	s := &stuckWatch{filter: f, gone: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(stuckEvery, s.look)
	return s
}

// stop ends the watch, and waits for a running check.
func (s *stuckWatch) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.timer.Stop()
}

func (s *stuckWatch) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	waiting, inProgress := s.filter.inside.waitingResponses()
	written := s.filter.written.Load()
	switch quiet := written == s.written && s.filter.writing.Load() == 0; {
	case !quiet:
		waiting, s.idle = nil, 0
	case inProgress == 0:
		if s.idle++; s.idle == 2 {
			s.over = true
			close(s.gone)
			s.filter.inside.tunnel.client.tcp.Close()
			return
		}
	default:
		s.idle = 0
		for w, n := range waiting {
			if s.waiting[w] == n {
				w.watch.expireNow(n)
			}
		}
	}
	s.written, s.waiting = written, waiting
	s.timer.Reset(stuckEvery)
}

// Write implements net.Conn.
func (f *h2Filter) Write(p []byte) (int, error) {
	f.writing.Add(1)
	defer f.writing.Add(-1)
	n, err := f.Conn.Write(p)
	f.written.Add(int64(n))
	return n, err
}

// addResponse adds w to the responses in progress, until the returned function is called.
func (n *inspection) addResponse(w *stallWriter) (remove func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.responses == nil {
		n.responses = map[*stallWriter]bool{}
	}
	n.responses[w] = true
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.responses, w)
	}
}

// waitingResponses returns the responses of which a write waits, with its number, and how many requests are in
// progress.
func (n *inspection) waitingResponses() (waiting map[*stallWriter]int64, inProgress int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	waiting = map[*stallWriter]int64{}
	for w := range n.responses {
		if number := w.watch.current(); number > 0 {
			waiting[w] = number
		}
	}
	return waiting, len(n.responses)
}
