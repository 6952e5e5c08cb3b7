package dashboard

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// A Crowd limits the connections of an http.Server, so that slow ones neither use up the process's descriptors
// nor keep the operator out. A new connection beyond the limit closes an old one: first one that is idle or
// slow to send its request.
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
	since time.Time // when it entered its state
	busy  bool      // a request is being served
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
		if _, ok := c.open[conn]; !ok { // it was closed
			return
		}
	}
	c.open[conn] = visit{since: time.Now(), busy: state == http.StateActive}
}

// endOne closes the connection that comes first by before. c.mu is held.
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

// before reports whether v is closed before w.
func (v visit) before(w visit) bool {
	if v.busy != w.busy {
		return w.busy
	}
	return v.since.Before(w.since)
}
