package proxy

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
	"webproxy/proxy/internal/http1"
)

// clientConn wraps a client connection beneath net/http. Its Read returns only bytes that parse unambiguously as HTTP/1.1
// requests, one request at a time: net/http never sees a head, a body length or a chunk that another parser might read
// differently, and never responds by itself.
//
// A protocol error is reported once, through connOwner.onProtocolError, on the connection's own goroutine. Later Reads
// return io.EOF, so net/http closes without writing a response of its own.
//
// It does not embed its *net.TCPConn: the promoted WriteTo would bypass the filter.
type clientConn struct {
	tcp  *net.TCPConn
	conn streamConn     // tcp, or TLS over it; it changes in prelude only
	addr netip.AddrPort // of the peer, or the client that a load balancer names
	// group and name are the client's, if its certificate gives them; else empty.
	group, name string
	// inside is the inspected tunnel that contains the connection; nil if there is none.
	inside *inspection
	// prelude is read before the first head; nil if there is none. See prelude.go.
	prelude *prelude
	limits  connLimits
	owner   connOwner
	// leaving is set after dismiss. It belongs to connTracker.
	leaving bool
	// overLimit means that the connection exceeds a limit: it is answered with 503 and closed.
	overLimit bool

	// Read side. net/http guarantees a single reader.
	state         connState
	busy          bool                // a request is in progress: its response is not complete
	inputDone     bool                // responded locally, or closing: further input is ignored
	seen          bool                // a request was passed on before
	target        http1.RequestTarget // of the request in progress
	fastGet       *plainGet           // to be served next
	body          int64               // bytes of the body still to come
	chunks        http1.Chunks        // the state of a chunked body
	protocolError http1.ProtocolError // in the body of the request in progress
	held          *[]byte             // from a pool; nil if no bytes are held
	lo, hi        int                 // (*held)[lo:hi] was read from the client, but not yet by net/http
	readable      int                 // (*held)[lo:readable] is verified: net/http may read it

	writeBy time.Time // the write deadline that is set

	// reasonPhrase replaces the one of the next status line; see writeStatusLine. Set by the handler.
	reasonPhrase string

	// mu guards the fields below: net/http interrupts a Read from another goroutine.
	mu          sync.Mutex
	wake        sync.Cond // of mu
	interrupted bool      // the read deadline was set into the past on purpose
	waiting     bool      // for the first byte of a head
	since       time.Time // it is waiting
	draining    bool      // no further request is served
	lingering   bool      // close in two steps, so that the client can read our response
	stuck       bool      // a write failed
	taken       bool      // a tunnel has the connection, and closes it
	closed      bool
}

// A connOwner is told what happens to client connections. Its methods are called on the goroutine that reads the
// connection; closed is called on the one that closes it.
type connOwner interface {
	// onProtocolError records and responds to input that is not a request. h holds what could be parsed of the head, or
	// is nil; it must not be kept.
	onProtocolError(c *clientConn, h *http1.RequestHead, f http1.ProtocolError, err error)
	// admit reports whether the request may be served. If not, it has been responded to.
	admit(c *clientConn, h *http1.RequestHead) bool
	// serveConnect serves a plain CONNECT without net/http; see fast_path.go.
	serveConnect(c *clientConn)
	// serveGet serves a plain GET or HEAD without net/http; see fast_get.go. It reports whether another request may
	// follow.
	serveGet(c *clientConn, r *plainGet) (goesOn bool)
	// closed is called once, when the connection is closed.
	closed(c *clientConn)
	// identified is called when a load balancer names another client than the connection's peer. It reports whether
	// that client may have one more connection.
	identified(c *clientConn, client netip.AddrPort) bool
}

// A streamConn is a connection with halves to close: TCP, or TLS.
type streamConn interface {
	net.Conn
	CloseWrite() error
}

// connLimits are the limits on one connection; a zero duration is no limit.
type connLimits struct {
	header   time.Duration // from the first byte of a head to its last
	idle     time.Duration // to the first byte of a head
	stall    time.Duration // without progress inside a body, or of a response
	heads    *bufferPool   // of the size of the largest head
	fastGets bool          // plain GETs are for the owner
	via      string        // what Via calls this proxy
}

type connState uint8

const (
	stateHead        connState = iota // before or inside a head
	stateBody                         // inside a body of known length
	stateChunks                       // inside a chunked body
	stateTunnel                       // after a CONNECT: the bytes are the tunnel's
	stateFastConnect                  // after a CONNECT of the fast path
	stateFastGet                      // after a GET of the fast path
)

// newClientConn returns a clientConn that owns tcp.
func newClientConn(tcp *net.TCPConn, limits connLimits, owner connOwner) *clientConn {
	c := &clientConn{tcp: tcp, conn: tcp, limits: limits, owner: owner}
	if addr, ok := tcp.RemoteAddr().(*net.TCPAddr); ok {
		ap := addr.AddrPort()
		c.addr = netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	}
	c.wake.L = &c.mu
	return c
}

// Read implements net.Conn.
func (c *clientConn) Read(p []byte) (int, error) {
	for {
		if c.lo < c.readable {
			return c.deliver(p), nil
		}
		if c.inputDone {
			return 0, io.EOF
		}
		var n int
		var err error
		switch c.state {
		case stateHead:
			n, err = c.readHead(p)
		case stateBody, stateChunks:
			n, err = c.readBody(p)
		case stateTunnel:
			if c.readable = c.hi; c.lo == c.hi {
				return c.conn.Read(p)
			}
		case stateFastConnect:
			c.inputDone = true // for net/http, which does not see the tunnel
			c.owner.serveConnect(c)
		case stateFastGet:
			c.runGet()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// runGet has the owner serve a plain GET.
func (c *clientConn) runGet() {
	r := c.fastGet
	c.state, c.fastGet = stateHead, nil
	goesOn := c.owner.serveGet(c, r)
	r.release()
	c.responseDone()
	if !goesOn {
		c.inputDone = true
		c.lingerOnClose()
	}
}

// ownerServes reports whether the admitted request is served on the fast path.
func (c *clientConn) ownerServes() bool {
	return c.state == stateFastConnect || c.state == stateFastGet
}

// deliver hands over bytes that are held and verified.
func (c *clientConn) deliver(p []byte) int {
	n := copy(p, (*c.held)[c.lo:c.readable])
	if c.lo += n; c.lo == c.hi {
		c.release()
	}
	return n
}

// readBody reads a part of the body into p, or verifies what is held of it and returns n = 0.
func (c *clientConn) readBody(p []byte) (n int, err error) {
	if c.protocolError != http1.NoError {
		return 0, c.protocolError
	}
	if c.lo < c.hi {
		c.readable += c.follow((*c.held)[c.lo:c.hi])
		return 0, nil
	}
	if c.state == stateBody {
		p = p[:min(int64(len(p)), c.body)]
	}
	c.arm(c.limits.stall)
	n, err = c.conn.Read(p)
	if k := c.follow(p[:n]); k < n { // the next request came with the end of this one
		c.hold(p[k:n])
		n = k
	}
	return n, err
}

// follow moves along the body of the request in progress and returns how many bytes of b are its. At the end of the
// body, or where it is malformed, it changes c.state or c.protocolError.
func (c *clientConn) follow(b []byte) int {
	switch c.state {
	case stateBody:
		n := int(min(c.body, int64(len(b))))
		if c.body -= int64(n); c.body == 0 {
			c.state = stateHead
		}
		return n
	case stateChunks:
		n, f := c.chunks.Scan(b)
		c.protocolError = f
		if c.chunks.Done() {
			c.state, c.chunks = stateHead, http1.Chunks{}
		}
		return n
	}
	return 0
}

// responseDone is called when the response to the request in progress is complete and the connection goes on: the next
// head may be read.
func (c *clientConn) responseDone() {
	c.busy = false
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lingering = false
}

// takeBuffered returns the bytes that the client sent after the head and net/http has not read.
// It is called once, after the connection was hijacked.
func (c *clientConn) takeBuffered() []byte {
	if c.lo == c.hi {
		return nil
	}
	buffered := append([]byte(nil), (*c.held)[c.lo:c.hi]...)
	c.release()
	return buffered
}

// hold keeps b, which may be larger than a head, for later.
func (c *clientConn) hold(b []byte) {
	if c.held == nil {
		c.held = c.limits.heads.take()
	}
	if c.lo > 0 {
		copy(*c.held, (*c.held)[c.lo:c.hi])
		c.readable, c.hi, c.lo = c.readable-c.lo, c.hi-c.lo, 0
	}
	if need := c.hi + len(b); need > len(*c.held) {
		bigger := make([]byte, need)
		copy(bigger, (*c.held)[:c.hi])
		c.held = &bigger
	}
	c.hi += copy((*c.held)[c.hi:], b)
}

func (c *clientConn) release() {
	c.limits.heads.give(c.held)
	c.held, c.lo, c.hi, c.readable = nil, 0, 0, 0
}

// LocalAddr implements net.Conn.
func (c *clientConn) LocalAddr() net.Addr { return c.tcp.LocalAddr() }

// RemoteAddr implements net.Conn.
func (c *clientConn) RemoteAddr() net.Addr { return c.tcp.RemoteAddr() }

// CloseWrite sends the end of the stream.
func (c *clientConn) CloseWrite() error { return c.conn.CloseWrite() }

// Close implements net.Conn, for net/http: it does nothing if a tunnel has the connection.
func (c *clientConn) Close() error {
	c.mu.Lock()
	taken := c.taken
	c.mu.Unlock()
	if taken {
		return nil
	}
	return c.close()
}

// take hands the connection to a tunnel: Close does nothing from now on, and the caller calls close.
func (c *clientConn) take() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = true
}

// close ends the connection; calls after the first do nothing. If a response of ours is on its way and the client may
// have sent more than was read, it waits until the client has read it: closing at once would reset the connection,
// and the reset could overtake the response (RFC 9112, 9.6).
func (c *clientConn) close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	linger := c.lingering && !c.stuck
	c.wake.Broadcast()
	c.mu.Unlock()
	if linger && c.conn.CloseWrite() == nil {
		c.lingeringClose()
	}
	err := c.conn.Close()
	c.owner.closed(c)
	return err
}

// isClosed reports whether close was called.
func (c *clientConn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// lingerOnClose makes close wait until the client has read our response (lingering close).
func (c *clientConn) lingerOnClose() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lingering = true
}

// cut ends the connection at once. The goroutine that serves it notices, and calls close.
func (c *clientConn) cut() { c.tcp.Close() }

// reset ends the connection with a TCP reset, which the client cannot take for a regular end.
func (c *clientConn) reset() {
	c.tcp.SetLinger(0)
	c.tcp.Close()
}

// onlyReader hides the WriteTo of a TCPConn, which would look for a pipe to splice with.
type onlyReader struct{ io.Reader }
