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

// An originSlot holds one connection to an origin or an upstream proxy, with an http.Transport of its own: the standard
// path's counterpart of pooledConn. It serves one request at a time, so that what a response says of the connection
// (a login, its end) is known before the connection serves another request. A Transport that pools connections itself
// would have given it away by then.
type originSlot struct {
	poolEntry
	transport *http.Transport // of this connection only
	open      dialFunc

	mu    sync.Mutex  // guards what follows
	first net.Conn    // used instead of dialling; may be nil
	conn  *originConn // in use or idle; may be nil
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

// has sets sl's connection.
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

// reusable implements idleConn.
func (sl *originSlot) reusable() bool {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	return sl.first != nil || sl.conn != nil
}

// alive implements idleConn. A connection that sl.transport holds is watched by the Transport.
func (sl *originSlot) alive() bool {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	if tcp, ok := sl.first.(*net.TCPConn); ok {
		return isIdleAlive(tcp)
	}
	return sl.conn != nil
}

// Close implements idleConn. A connection in use is closed once it is idle.
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

// roundTripOn makes r, which d permits, on a connection of key; if the response begins a login, the connection is then
// reserved for c.
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
		// The origin may be closing the connection at the moment in which it is reused. The Transport repeats a
		// request only on a connection that it knows to be reused; one that it was handed does not count.
		if !handed || !egress.Repeatable(r) || r.Context().Err() != nil || egress.BrokenConnWord(err) != proxystatus.Terminated {
			return nil, err
		}
	}
}

// own reserves connections of key for c, and returns their key. From now on c's requests take the standard path, where
// reserved connections are used. It is called on the goroutine that serves c.
func (s *Server) own(c *clientConn, key originKey) originKey {
	c.limits.fastGets = false
	return s.origins.own(c, key)
}

// ownedBy is key as reserved for a client connection. Connections to an upstream proxy may be logged in at an origin
// beyond it, so they are for one target only.
func ownedBy(key originKey, d *policy.Decision) originKey {
	key.target = d.Target
	return key
}

// giveBack returns sl to the pool when the body of resp has been read.
func (s *Server) giveBack(sl *originSlot, resp *http.Response) {
	b := &originSlotBody{ReadCloser: resp.Body, srv: s, sl: sl, ends: resp.Close}
	if resp.Body == http.NoBody {
		b.finish(true)
		return
	}
	resp.Body = b
}

// An originSlotBody is the body of a response that came on a slot's connection.
type originSlotBody struct {
	io.ReadCloser
	srv  *Server
	sl   *originSlot // nil once it was given back
	ends bool        // the connection ends with the response
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

// finish gives the slot back. whole says that the response was read to its end.
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
