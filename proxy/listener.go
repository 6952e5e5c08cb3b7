package proxy

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"
)

// wires holds the listeners and the open client connections, and counts them.
type wires struct {
	mu        sync.Mutex                // guards the fields below
	listeners map[net.Listener]struct{} // that are being accepted from
	open      map[*wire]struct{}
	perClient map[netip.Addr]int // by payer, without those that are leaving
	leaving   int                // connections that were dismissed and are open yet
	draining  bool
	empty     chan struct{} // closed when draining and the last one has gone
}

// listen lists ln, to be closed by drain, until unlisten; it reports false if it is too late for that.
func (c *wires) listen(ln net.Listener) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return false
	}
	if c.listeners == nil {
		c.listeners = make(map[net.Listener]struct{})
	}
	c.listeners[ln] = struct{}{}
	return true
}

// unlisten is called when nothing more will be accepted from ln.
func (c *wires) unlisten(ln net.Listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.listeners, ln)
	c.checkEmpty()
}

// checkEmpty closes c.empty if nothing is left and nothing can come: connections are added only by
// the accept loop of a listed listener. c.mu is held.
func (c *wires) checkEmpty() {
	if c.draining && len(c.open) == 0 && len(c.listeners) == 0 {
		close(c.empty)
	}
}

// add lists w, and reports whether it is within the limits, if need be because one that waits for a request is closed
// for it: of the same client, if that has too many. A connection beyond them is listed too: it has to
// be answered, and waited for.
func (c *wires) add(w *wire, limit, clientLimit int) (within bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = make(map[*wire]struct{})
		c.perClient = make(map[netip.Addr]int)
	}
	c.open[w] = struct{}{}
	c.perClient[payer(w.client.Addr())]++
	if c.draining {
		w.drain()
	}
	return c.clientWithin(w, clientLimit) && (len(c.open)-c.leaving <= limit || c.shedOne(func(other *wire) bool { return other != w }))
}

func (c *wires) remove(w *wire) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.open[w]; !ok {
		return
	}
	delete(c.open, w)
	if w.leaving {
		c.leaving--
	} else {
		c.forget(payer(w.client.Addr()))
	}
	c.checkEmpty()
}

// forget counts one connection less of p. c.mu is held.
func (c *wires) forget(p netip.Addr) {
	if c.perClient[p]--; c.perClient[p] == 0 {
		delete(c.perClient, p)
	}
}

// rename notes whose connection w is, and reports whether that client has no more than clientLimit, as add does.
func (c *wires) rename(w *wire, client netip.AddrPort, clientLimit int) (within bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.leaving {
		w.client = client
		return true
	}
	c.forget(payer(w.client.Addr()))
	w.client = client
	c.perClient[payer(client.Addr())]++
	return c.clientWithin(w, clientLimit)
}

// clientWithin reports whether w's client has no more than limit connections, or another one of them was closed.
// c.mu is held.
func (c *wires) clientWithin(w *wire, limit int) bool {
	p := payer(w.client.Addr())
	return c.perClient[p] <= limit || c.shedOne(func(other *wire) bool { return other != w && payer(other.client.Addr()) == p })
}

// shedLooks bounds how many connections are looked at for one that may be closed.
const shedLooks = 128

// shed closes a connection that waits for a request, the one that has longest of those looked at, and reports whether
// there was one. Only those count for which may, if it is not nil, says so.
func (c *wires) shed(may func(*wire) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shedOne(may)
}

// shedOne is shed with c.mu held.
func (c *wires) shedOne(may func(*wire) bool) bool {
	var victim *wire
	var since time.Time
	looks := 0
	for w := range c.open { // in random order
		if at, waits := w.waitingSince(); waits && (may == nil || may(w)) && (victim == nil || at.Before(since)) {
			victim, since = w, at
		}
		if looks++; looks == shedLooks {
			break
		}
	}
	if victim == nil || !victim.dismiss() {
		return false
	}
	victim.leaving = true
	c.leaving++
	c.forget(payer(victim.client.Addr()))
	return true
}

func (c *wires) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// drain tells every connection, also those accepted but not added yet, to serve no further request,
// and closes the listeners. The channel is closed when none is left and none can come.
func (c *wires) drain() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.draining {
		c.draining = true
		c.empty = make(chan struct{})
		for w := range c.open {
			w.drain()
		}
		for ln := range c.listeners {
			ln.Close()
		}
		c.checkEmpty()
	}
	return c.empty
}

// cut ends every connection at once.
func (c *wires) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.open {
		w.cut()
	}
}

// A gate takes the connections of one listener, and turns them into wires.
type gate struct {
	net.Listener
	srv *Server
	tls *TLSListener // nil if its connections begin without
}

// run accepts until the listener fails. Each wire has a goroutine of its own.
func (g *gate) run() error {
	for pause := time.Duration(0); ; {
		w, err := g.accept()
		switch {
		case err == nil:
			pause = 0
			go g.srv.serveWire(w)
		case !isTemporary(err):
			return err
		default: // out of descriptors, or one client that was gone at once
			pause = min(max(2*pause, minAcceptPause), maxAcceptPause)
			g.srv.Log.Error("connection not accepted", zap.Error(err), zap.Duration("pause", pause))
			time.Sleep(pause)
		}
	}
}

// How long nothing is accepted after a connection could not be.
const (
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = time.Second
)

func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// accept waits for a connection. Beyond the limits it still accepts: a client that is turned away
// is told so, in its own goroutine. It answers with a close, without a word, only if more than
// descriptors.surplus are being turned away already.
func (g *gate) accept() (*wire, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok { // a listener of another kind: the filter needs half-close and deadlines
			c.Close()
			continue
		}
		w := newWire(tcp, g.srv.limits, g.srv)
		clientLimit := g.srv.maxPerClient
		if balanced := g.srv.isBalancer(w.client.Addr()); balanced || g.tls != nil {
			w.prelude = &prelude{balanced: balanced, tls: g.tls}
			if balanced {
				clientLimit = g.srv.maxConns // it is not the client
			}
		}
		d := &g.srv.descriptors
		raw, _ := tcp.SyscallConn() // an error is for what is no connection
		if g.srv.wires.add(w, g.srv.maxConns, clientLimit) && d.admits(raw) {
			return w, nil
		}
		if g.srv.wires.len() > g.srv.maxConns+d.surplus || d.isFull(raw) {
			g.srv.turnAway(w)
			continue
		}
		w.surplus = true
		w.limits.header, w.limits.idle = surplusWait, surplusWait
		return w, nil
	}
}
