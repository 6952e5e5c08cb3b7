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
	perClient map[netip.Addr]int
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

// add lists w, and reports whether it is within the limits. A connection beyond them is listed too:
// it has to be answered, and waited for.
func (c *wires) add(w *wire, limit, clientLimit int) (within bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = make(map[*wire]struct{})
		c.perClient = make(map[netip.Addr]int)
	}
	c.open[w] = struct{}{}
	c.perClient[w.client.Addr()]++
	if c.draining {
		w.drain()
	}
	return len(c.open) <= limit && c.perClient[w.client.Addr()] <= clientLimit
}

func (c *wires) remove(w *wire) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.open[w]; !ok {
		return
	}
	delete(c.open, w)
	c.forget(w.client.Addr())
	c.checkEmpty()
}

// forget counts one connection less of client. c.mu is held.
func (c *wires) forget(client netip.Addr) {
	if c.perClient[client]--; c.perClient[client] == 0 {
		delete(c.perClient, client)
	}
}

// rename notes whose connection w is, and reports whether that client has no more than clientLimit.
func (c *wires) rename(w *wire, client netip.AddrPort, clientLimit int) (within bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(w.client.Addr())
	w.client = client
	c.perClient[client.Addr()]++
	return c.perClient[client.Addr()] <= clientLimit
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
// surplusLimit are being turned away already.
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
		if g.srv.wires.add(w, g.srv.maxConns, clientLimit) {
			return w, nil
		}
		if g.srv.wires.len() > g.srv.maxConns+surplusLimit {
			g.srv.turnAway(w)
			continue
		}
		w.surplus = true
		w.limits.header, w.limits.idle = surplusWait, surplusWait
		return w, nil
	}
}
