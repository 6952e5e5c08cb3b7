package dashboard

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// A Crowd keeps the connections of an http.Server few, so that slow ones neither use up what the process may have open
// nor keep the operator out: a new one beyond the limit ends an old one, first one that waits for a request or is
// slow to send it.
//
//	s := &http.Server{ConnState: (&dashboard.Crowd{Limit: 32}).ConnState}
//
// Limit is set before the first use. It is safe for concurrent use.
type Crowd struct {
	Limit int

	mu   sync.Mutex // guards open
	open map[net.Conn]visit
}

// A visit is a connection of a Crowd.
type visit struct {
	since time.Time // it is in its state
	busy  bool      // being answered
}

// ConnState is for http.Server.
func (c *Crowd) ConnState(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = make(map[net.Conn]visit)
	}
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
		return
	case http.StateNew:
		if len(c.open) >= c.Limit {
			c.endOne()
		}
	default:
		if _, ok := c.open[conn]; !ok { // it was ended
			return
		}
	}
	c.open[conn] = visit{since: time.Now(), busy: state == http.StateActive}
}

// endOne closes the connection that may go first. c.mu is held.
func (c *Crowd) endOne() {
	var first net.Conn
	for conn := range c.open {
		if first == nil || c.open[conn].before(c.open[first]) {
			first = conn
		}
	}
	if first != nil {
		delete(c.open, first)
		first.Close()
	}
}

// before reports whether v goes before w.
func (v visit) before(w visit) bool {
	if v.busy != w.busy {
		return w.busy
	}
	return v.since.Before(w.since)
}
