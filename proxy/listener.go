package proxy

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"
)

// connTracker tracks listeners and open client connections, and enforces the limits on their number.
type connTracker struct {
	mu        sync.Mutex                // guards the fields below
	listeners map[net.Listener]struct{} // accepted from
	open      map[*clientConn]struct{}
	perClient map[netip.Addr]int // connections by payer, without those that are leaving
	leaving   int                // connections that were dismissed and are still open
	draining  bool
	empty     chan struct{} // closed when draining and no connection is left
}

// listen adds ln, which drain will close, until unlisten. It reports false if drain was called before.
func (t *connTracker) listen(ln net.Listener) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.draining {
		return false
	}
	if t.listeners == nil {
		t.listeners = make(map[net.Listener]struct{})
	}
	t.listeners[ln] = struct{}{}
	return true
}

// unlisten removes ln: no more connections are accepted from it.
func (t *connTracker) unlisten(ln net.Listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.listeners, ln)
	t.checkEmpty()
}

// checkEmpty closes t.empty if no connection is open and none can arrive: only the accept loop of a listed listener
// adds them. t.mu is held.
func (t *connTracker) checkEmpty() {
	if t.draining && len(t.open) == 0 && len(t.listeners) == 0 {
		close(t.empty)
	}
}

// add adds c, and reports whether it is within the limits. If it is not, a connection that waits for a request is
// closed to make room: one of the same client, if that client has too many. A connection beyond the limits is added
// too, since it is to get a response and to be waited for.
func (t *connTracker) add(c *clientConn, limit, clientLimit int) (within bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = make(map[*clientConn]struct{})
		t.perClient = make(map[netip.Addr]int)
	}
	t.open[c] = struct{}{}
	t.perClient[payer(c.addr.Addr())]++
	if t.draining {
		c.drain()
	}
	return t.clientWithin(c, clientLimit) && (len(t.open)-t.leaving <= limit || t.shedOne(func(other *clientConn) bool { return other != c }))
}

func (t *connTracker) remove(c *clientConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.open[c]; !ok {
		return
	}
	delete(t.open, c)
	if c.leaving {
		t.leaving--
	} else {
		t.forget(payer(c.addr.Addr()))
	}
	t.checkEmpty()
}

// forget subtracts one connection of p. t.mu is held.
func (t *connTracker) forget(p netip.Addr) {
	if t.perClient[p]--; t.perClient[p] == 0 {
		delete(t.perClient, p)
	}
}

// rename sets the client of c, and reports whether that client is within clientLimit, as add does.
func (t *connTracker) rename(c *clientConn, client netip.AddrPort, clientLimit int) (within bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.leaving {
		c.addr = client
		return true
	}
	t.forget(payer(c.addr.Addr()))
	c.addr = client
	t.perClient[payer(client.Addr())]++
	return t.clientWithin(c, clientLimit)
}

// clientWithin reports whether c's client has at most limit connections. If need be, it closes another one of them.
// t.mu is held.
func (t *connTracker) clientWithin(c *clientConn, limit int) bool {
	p := payer(c.addr.Addr())
	return t.perClient[p] <= limit || t.shedOne(func(other *clientConn) bool { return other != c && payer(other.addr.Addr()) == p })
}

// shedLooks bounds how many connections are examined to find one to close.
const shedLooks = 128

// shed closes a connection that waits for a request: of those examined, the one that has waited longest. It reports
// whether there was one. may, if it is not nil, says which may be closed.
func (t *connTracker) shed(may func(*clientConn) bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.shedOne(may)
}

// shedOne is shed with t.mu held.
func (t *connTracker) shedOne(may func(*clientConn) bool) bool {
	var victim *clientConn
	var since time.Time
	looks := 0
	for c := range t.open { // in random order
		if at, waits := c.waitingSince(); waits && (may == nil || may(c)) && (victim == nil || at.Before(since)) {
			victim, since = c, at
		}
		if looks++; looks == shedLooks {
			break
		}
	}
	if victim == nil || !victim.dismiss() {
		return false
	}
	victim.leaving = true
	t.leaving++
	t.forget(payer(victim.addr.Addr()))
	return true
}

func (t *connTracker) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.open)
}

// drain stops every connection, including those accepted and not yet added, from serving another request, and closes
// the listeners. The channel is closed when no connection is left and none can arrive.
func (t *connTracker) drain() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.draining {
		t.draining = true
		t.empty = make(chan struct{})
		for c := range t.open {
			c.drain()
		}
		for ln := range t.listeners {
			ln.Close()
		}
		t.checkEmpty()
	}
	return t.empty
}

// cut ends every connection at once.
func (t *connTracker) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.open {
		c.cut()
	}
}

// An acceptor accepts the connections of one listener.
type acceptor struct {
	net.Listener
	srv *Server
	tls *TLSListener // nil for plain TCP
}

// run accepts until the listener fails. Each connection has a goroutine of its own.
func (a *acceptor) run() error {
	for pause := time.Duration(0); ; {
		c, err := a.accept()
		switch {
		case err == nil:
			pause = 0
			go a.srv.serveConn(c)
		case !isTemporary(err):
			return err
		default: // out of descriptors, or a client that disconnected at once
			pause = min(max(2*pause, minAcceptPause), maxAcceptPause)
			a.srv.Log.Error("connection not accepted", zap.Error(err), zap.Duration("pause", pause))
			time.Sleep(pause)
		}
	}
}

// How long the acceptor waits after a failed accept.
const (
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = time.Second
)

func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// accept waits for a connection. It accepts beyond the limits too: such a client gets a response on its own goroutine. Only
// if more than descriptors.surplus clients are being turned away already, the connection is closed without a response.
func (a *acceptor) accept() (*clientConn, error) {
	for {
		accepted, err := a.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := accepted.(*net.TCPConn)
		if !ok { // a listener of another kind: the filter needs half-close and deadlines
			accepted.Close()
			continue
		}
		c := newClientConn(tcp, a.srv.limits, a.srv)
		clientLimit := a.srv.maxPerClient
		if balanced := a.srv.isBalancer(c.addr.Addr()); balanced || a.tls != nil {
			c.prelude = &prelude{balanced: balanced, tls: a.tls}
			if balanced {
				clientLimit = a.srv.maxConns // the balancer is not the client
			}
		}
		d := &a.srv.descriptors
		raw, _ := tcp.SyscallConn() // fails only for a closed connection
		if a.srv.conns.add(c, a.srv.maxConns, clientLimit) && d.admits(raw) {
			return c, nil
		}
		if a.srv.conns.len() > a.srv.maxConns+d.surplus || d.isFull(raw) {
			a.srv.turnAway(c)
			continue
		}
		c.overLimit = true
		c.limits.header, c.limits.idle = overLimitWait, overLimitWait
		return c, nil
	}
}
