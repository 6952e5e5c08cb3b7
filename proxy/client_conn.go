package proxy

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
	"webproxy/proxy/internal/http1"
)

// A wire is a client connection below net/http's Server. Its Read lets through only what is, without
// doubt, a stream of HTTP/1.1 requests, one request at a time: net/http never sees a head, a body
// length or a chunk that another parser might read differently, and never answers by itself.
//
// What is wrong goes to the owner, once, in net/http's goroutine for the connection; after that,
// Read returns io.EOF and net/http closes the connection silently.
//
// A wire does not embed its *net.TCPConn: the promoted WriteTo would bypass the filter.
type clientConn struct {
	tcp  *net.TCPConn
	conn streamConn     // tcp, or TLS over it; it changes in prelude only
	addr netip.AddrPort // as tcp has it, or a balancer says
	// group and name are the client's, if its certificate gives them; else empty.
	group, name string
	// inside is the opened TLS that the wire is in; nil if it is none of a tunnel's.
	inside *inspection
	// prelude is what comes before the first head; nil if nothing does. See prelude.go.
	prelude *prelude
	limits  connLimits
	owner   connOwner
	// leaving is set if it was dismissed. It belongs to wires.
	leaving bool
	// surplus is set if there are too many connections: this one gets an answer and no service.
	overLimit bool

	// The reading side. Only one goroutine reads at a time: net/http sees to it.
	state         connState
	busy          bool                // a request was let through and is not answered yet
	inputDone     bool                // answered by ourselves: nothing more is let through
	seen          bool                // a request was let through before
	target        http1.RequestTarget // of the request in progress
	fastGet       *plainGet           // to be served next
	body          int64               // bytes of the body still to come
	chunks        http1.Chunks        // where in a chunked body we are
	protocolError http1.ProtocolError // in the body of the request in progress
	held          *[]byte             // pooled; nil if nothing is held back
	lo, hi        int                 // (*held)[lo:hi] has been read from the client, and not by net/http
	readable      int                 // (*held)[lo:judged] may be read by net/http

	writeBy time.Time // the write deadline that is set

	// reason replaces the reason phrase of the next status line; see Write. Set by the handler.
	reasonPhrase string

	// mu guards the fields below: net/http interrupts a Read from another goroutine.
	mu          sync.Mutex
	wake        sync.Cond // of mu
	interrupted bool      // the read deadline is one that has passed on purpose
	waiting     bool      // for the first byte of a head
	since       time.Time // it is waiting
	draining    bool      // no further request is served
	lingering   bool      // let the client read our answer before the connection is torn down
	stuck       bool      // a write failed: the client takes no answer
	taken       bool      // a tunnel has the connection, and closes it
	closed      bool
}

// A connOwner is told what happens to wires. Its methods are called in the goroutine that reads the
// wire, closed in the one that closes it.
type connOwner interface {
	// onProtocolError records and answers what cannot be served. h is what could be read of the head, or
	// nil; it must not be kept.
	onProtocolError(c *clientConn, h *http1.RequestHead, f http1.ProtocolError, err error)
	// admit may answer a request itself, before net/http sees it; true lets it pass.
	admit(c *clientConn, h *http1.RequestHead) bool
	// serveConnect serves a plain CONNECT, which net/http does not see; see fast_path.go.
	serveConnect(c *clientConn)
	// serveGet serves a plain GET or HEAD, which net/http does not see; see fast_get.go. It reports whether another
	// request may follow.
	serveGet(c *clientConn, r *plainGet) (goesOn bool)
	// closed is called once, when the connection is closed.
	closed(c *clientConn)
	// identified is called when the client's address is another than that of the connection. It
	// reports whether that client may have one more.
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
	stall    time.Duration // without progress inside a body, or of an answer
	heads    *bufferPool   // of the size of the largest head
	fastGets bool          // plain GETs are for the owner
	via      string        // what Via calls this proxy
}

type connState uint8

const (
	stateHead        connState = iota // before or inside a head
	stateBody                         // inside a body of known length
	stateChunks                       // inside a chunked body
	stateTunnel                       // behind a CONNECT: the bytes are not ours to read
	stateFastConnect                  // the same, and net/http does not know of the CONNECT
	stateFastGet                      // behind a plain GET, which net/http does not know of
)

// newClientConn returns a wire that owns tcp.
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
			c.inputDone = true // as far as net/http is concerned
			c.owner.serveConnect(c)
		case stateFastGet:
			c.runGet()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// serveGet has the owner serve a plain GET.
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

// ownerServes reports whether the request that was admitted is none of net/http's.
func (c *clientConn) ownerServes() bool {
	return c.state == stateFastConnect || c.state == stateFastGet
}

// deliver hands over bytes that are held and judged.
func (c *clientConn) deliver(p []byte) int {
	n := copy(p, (*c.held)[c.lo:c.readable])
	if c.lo += n; c.lo == c.hi {
		c.release()
	}
	return n
}

// readBody reads a part of the body into p, or judges what is held of it, which is n = 0.
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

// follow moves along the body of the request in progress and returns how many bytes of b are its.
// At the end of the body, or where it is malformed, it changes w.state or w.protocolError.
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

// answered tells the wire that the answer to the request in progress is complete and that the
// connection goes on: the next head may be read.
func (c *clientConn) responseDone() {
	c.busy = false
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lingering = false
}

// takeBuffered returns the bytes that the client sent behind the head and net/http has not read.
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

// take makes close the only way to close the connection, and the caller the one to call it.
func (c *clientConn) take() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = true
}

// close ends the connection; calls after the first do nothing. If an answer of ours is on its way
// and the client may have sent more than was read, it waits for the client to take it: to close at
// once would reset the connection, and the reset would overtake the answer (RFC 9112, 9.6).
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

// lingers makes Close wait for the client to take our answer.
func (c *clientConn) lingerOnClose() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lingering = true
}

// cut ends the connection at once. Whoever serves it notices and closes it.
func (c *clientConn) cut() { c.tcp.Close() }

// reset ends the connection at once and in a way that the client cannot take for its proper end.
func (c *clientConn) reset() {
	c.tcp.SetLinger(0)
	c.tcp.Close()
}

// onlyReader hides the WriteTo of a TCPConn, which would look for a pipe to splice with.
type onlyReader struct{ io.Reader }
