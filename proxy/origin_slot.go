package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
	"webproxy/proxy/egress"
)

// A slot is room for one connection to an origin or to a parent, for requests that net/http's Transport makes.
// It serves one request at a time: what its answer says is known before the connection serves anybody else.
// A Transport with a pool of its own would have given it away by then.
type originSlot struct {
	poolEntry
	transport *http.Transport // of this connection only
	open      dialFunc

	mu    sync.Mutex  // guards what follows
	first net.Conn    // to be used instead of a new one; nil if there is none
	conn  *originConn // the one in use or at rest; nil if there is none
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// newSlot returns an empty slot for key.
func (s *Server) newSlot(key originKey) *originSlot {
	key.slot = true
	sl := &originSlot{poolEntry: poolEntry{key: key, era: s.origins.now()}}
	if key.upstream != nil {
		sl.transport = s.newUpstreamTransport(key.upstream)
	} else {
		sl.transport = s.newTransport()
	}
	sl.open = sl.transport.DialContext
	sl.transport.DialContext = sl.dial
	return sl
}

// dial is the DialContext of sl.transport.
func (sl *originSlot) dial(ctx context.Context, network, address string) (net.Conn, error) {
	sl.mu.Lock()
	first := sl.first
	sl.first = nil
	sl.mu.Unlock()
	if first == nil {
		opened, err := sl.open(ctx, network, address)
		if err != nil {
			return nil, err
		}
		conn, ok := opened.(*originConn)
		if !ok {
			return opened, nil
		}
		return sl.has(conn), nil
	}
	route := sl.route
	route.DNS, route.Connect = 0, 0
	return sl.has(newHTTP1Conn(first, route)), nil
}

// has notes that conn is what sl has now.
func (sl *originSlot) has(conn *originConn) *originConn {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	sl.conn, sl.route = conn, conn.route
	conn.closed = func() {
		sl.mu.Lock()
		defer sl.mu.Unlock()
		if sl.conn == conn {
			sl.conn = nil
		}
	}
	return conn
}

// whole implements idleConn.
func (sl *originSlot) reusable() bool {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	return sl.first != nil || sl.conn != nil
}

// quiet implements idleConn. A connection that sl.transport has is watched by it.
func (sl *originSlot) alive() bool {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	if tcp, ok := sl.first.(*net.TCPConn); ok {
		return isIdleAlive(tcp)
	}
	return sl.conn != nil
}

// Close implements idleConn. A connection in use is closed when it is at rest.
func (sl *originSlot) Close() error {
	sl.mu.Lock()
	first := sl.first
	sl.first = nil
	sl.mu.Unlock()
	sl.transport.CloseIdleConnections()
	if first != nil {
		return first.Close()
	}
	return nil
}

// roundTripOn makes r, which d permits, with a connection of key or, if the client must have one, of its own.
func (s *Server) roundTripOn(key originKey, c *clientConn, d *policy.Decision, r *http.Request) (*http.Response, error) {
	for {
		kept := s.origins.take(key, d)
		sl, again := kept.(*originSlot)
		if !again {
			sl = s.newSlot(key)
		}
		handed := again && sl.first != nil
		resp, err := sl.transport.RoundTrip(r)
		if err == nil {
			if key.owner == nil && offersLogin(resp.Header) {
				sl.key = s.own(c, ownedBy(key, d))
			}
			s.giveBack(sl, resp)
			return resp, nil
		}
		sl.Close()
		// The origin may be closing a connection in the moment in which it is used again. The Transport
		// does not know that one is used again which it was handed.
		if !handed || !egress.Repeatable(r) || r.Context().Err() != nil || egress.BrokenConnWord(err) != proxystatus.Terminated {
			return nil, err
		}
	}
}

// own makes connections of key w's own, and returns the key that they have. w's requests are served from now on
// where such connections are used. It is called in the goroutine that serves w.
func (s *Server) own(c *clientConn, key originKey) originKey {
	c.limits.fastGets = false
	return s.origins.own(c, key)
}

// ownedBy is key as it is for a client's own connections. Those to a parent may be logged in at an origin
// behind it: they are for one target only, too.
func ownedBy(key originKey, d *policy.Decision) originKey {
	key.target = d.Target
	return key
}

// giveBack has sl kept when the body of resp has come to its end.
func (s *Server) giveBack(sl *originSlot, resp *http.Response) {
	b := &originSlotBody{ReadCloser: resp.Body, srv: s, sl: sl, ends: resp.Close}
	if resp.Body == http.NoBody {
		b.finish(true)
		return
	}
	resp.Body = b
}

// A originSlotBody is the body of an answer that came by a slot.
type originSlotBody struct {
	io.ReadCloser
	srv  *Server
	sl   *originSlot // nil if it was given back
	ends bool        // the connection ends with the answer
}

// Read implements io.Reader.
func (b *originSlotBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.finish(err == io.EOF)
	}
	return n, err
}

// Close implements io.Closer.
func (b *originSlotBody) Close() error {
	err := b.ReadCloser.Close()
	b.finish(false)
	return err
}

// settle gives the slot back; whole says that nothing of the answer is left in it.
func (b *originSlotBody) finish(whole bool) {
	sl := b.sl
	if sl == nil {
		return
	}
	b.sl = nil
	if !whole || b.ends || !b.srv.origins.give(sl) {
		sl.Close()
	}
}
