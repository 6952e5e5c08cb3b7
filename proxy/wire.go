package proxy

import (
	"io"
	"net"
	"net/http"
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
type wire struct {
	tcp    *net.TCPConn
	conn   streamConn     // tcp, or TLS over it; it changes in prelude only
	client netip.AddrPort // as tcp has it, or a balancer says
	// group and name are the client's, if its certificate gives them; else empty.
	group, name string
	// inside is the opened TLS that the wire is in; nil if it is none of a tunnel's.
	inside *inspection
	// prelude is what comes before the first head; nil if nothing does. See prelude.go.
	prelude *prelude
	limits  wireLimits
	owner   wireOwner
	// leaving is set if it was dismissed. It belongs to wires.
	leaving bool
	// surplus is set if there are too many connections: this one gets an answer and no service.
	surplus bool

	// The reading side. Only one goroutine reads at a time: net/http sees to it.
	state         wireState
	busy          bool                // a request was let through and is not answered yet
	refused       bool                // answered by ourselves: nothing more is let through
	seen          bool                // a request was let through before
	asked         http1.RequestTarget // of the request in progress
	get           *http.Request       // the plain GET to be served next
	body          int64               // bytes of the body still to come
	chunks        http1.Chunks        // where in a chunked body we are
	protocolError http1.ProtocolError // in the body of the request in progress
	held          *[]byte             // pooled; nil if nothing is held back
	lo, hi        int                 // (*held)[lo:hi] has been read from the client, and not by net/http
	judged        int                 // (*held)[lo:judged] may be read by net/http

	writeBy time.Time // the write deadline that is set

	// reason replaces the reason phrase of the next status line; see Write. Set by the handler.
	reason string

	// mu guards the fields below: net/http interrupts a Read from another goroutine.
	mu          sync.Mutex
	wake        sync.Cond // of mu
	interrupted bool      // the read deadline is one that has passed on purpose
	waiting     bool      // for the first byte of a head
	since       time.Time // it is waiting
	draining    bool      // no further request is served
	linger      bool      // let the client read our answer before the connection is torn down
	stuck       bool      // a write failed: the client takes no answer
	taken       bool      // a tunnel has the connection, and closes it
	closed      bool
}

// A wireOwner is told what happens to wires. Its methods are called in the goroutine that reads the
// wire, closed in the one that closes it.
type wireOwner interface {
	// onProtocolError records and answers what cannot be served. h is what could be read of the head, or
	// nil; it must not be kept.
	onProtocolError(w *wire, h *http1.RequestHead, f http1.ProtocolError, err error)
	// admits may answer a request itself, before net/http sees it; true lets it pass.
	admits(w *wire, h *http1.RequestHead) bool
	// connects serves a plain CONNECT, which net/http does not see; see front.go.
	connects(w *wire)
	// gets serves a plain GET or HEAD, which net/http does not see; see get.go. It reports whether another
	// request may follow.
	gets(w *wire, r *http.Request) (goesOn bool)
	// closed is called once, when the connection is closed.
	closed(w *wire)
	// identified is called when the client's address is another than that of the connection. It
	// reports whether that client may have one more.
	identified(w *wire, client netip.AddrPort) bool
}

// A streamConn is a connection with halves to close: TCP, or TLS.
type streamConn interface {
	net.Conn
	CloseWrite() error
}

// wireLimits are the limits on one connection; a zero duration is no limit.
type wireLimits struct {
	header time.Duration // from the first byte of a head to its last
	idle   time.Duration // to the first byte of a head
	stall  time.Duration // without progress inside a body, or of an answer
	heads  *bufferPool   // of the size of the largest head
	gets   bool          // plain GETs are for the owner
}

type wireState uint8

const (
	wireHead   wireState = iota // before or inside a head
	wireBody                    // inside a body of known length
	wireChunks                  // inside a chunked body
	wireTunnel                  // behind a CONNECT: the bytes are not ours to read
	wireFront                   // the same, and net/http does not know of the CONNECT
	wireGet                     // behind a plain GET, which net/http does not know of
)

// newWire returns a wire that owns tcp.
func newWire(tcp *net.TCPConn, limits wireLimits, owner wireOwner) *wire {
	w := &wire{tcp: tcp, conn: tcp, limits: limits, owner: owner}
	if addr, ok := tcp.RemoteAddr().(*net.TCPAddr); ok {
		ap := addr.AddrPort()
		w.client = netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	}
	w.wake.L = &w.mu
	return w
}

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	for {
		if w.lo < w.judged {
			return w.deliver(p), nil
		}
		if w.refused {
			return 0, io.EOF
		}
		var n int
		var err error
		switch w.state {
		case wireHead:
			n, err = w.readHead(p)
		case wireBody, wireChunks:
			n, err = w.readBody(p)
		case wireTunnel:
			if w.judged = w.hi; w.lo == w.hi {
				return w.conn.Read(p)
			}
		case wireFront:
			w.refused = true // as far as net/http is concerned
			w.owner.connects(w)
		case wireGet:
			w.serveGet()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// serveGet has the owner serve a plain GET.
func (w *wire) serveGet() {
	r := w.get
	w.state, w.get = wireHead, nil
	goesOn := w.owner.gets(w, r)
	w.answered()
	if !goesOn {
		w.refused = true
		w.lingers()
	}
}

// ownerServes reports whether the request that was admitted is none of net/http's.
func (w *wire) ownerServes() bool { return w.state == wireFront || w.state == wireGet }

// deliver hands over bytes that are held and judged.
func (w *wire) deliver(p []byte) int {
	n := copy(p, (*w.held)[w.lo:w.judged])
	if w.lo += n; w.lo == w.hi {
		w.release()
	}
	return n
}

// readBody reads a part of the body into p, or judges what is held of it, which is n = 0.
func (w *wire) readBody(p []byte) (n int, err error) {
	if w.protocolError != http1.NoError {
		return 0, w.protocolError
	}
	if w.lo < w.hi {
		w.judged += w.follow((*w.held)[w.lo:w.hi])
		return 0, nil
	}
	if w.state == wireBody {
		p = p[:min(int64(len(p)), w.body)]
	}
	w.arm(w.limits.stall)
	n, err = w.conn.Read(p)
	if k := w.follow(p[:n]); k < n { // the next request came with the end of this one
		w.hold(p[k:n])
		n = k
	}
	return n, err
}

// follow moves along the body of the request in progress and returns how many bytes of b are its.
// At the end of the body, or where it is malformed, it changes w.state or w.protocolError.
func (w *wire) follow(b []byte) int {
	switch w.state {
	case wireBody:
		n := int(min(w.body, int64(len(b))))
		if w.body -= int64(n); w.body == 0 {
			w.state = wireHead
		}
		return n
	case wireChunks:
		n, f := w.chunks.Scan(b)
		w.protocolError = f
		if w.chunks.Done() {
			w.state, w.chunks = wireHead, http1.Chunks{}
		}
		return n
	}
	return 0
}

// answered tells the wire that the answer to the request in progress is complete and that the
// connection goes on: the next head may be read.
func (w *wire) answered() {
	w.busy = false
	w.mu.Lock()
	defer w.mu.Unlock()
	w.linger = false
}

// takeEarly returns the bytes that the client sent behind the head and net/http has not read.
// It is called once, after the connection was hijacked.
func (w *wire) takeEarly() []byte {
	if w.lo == w.hi {
		return nil
	}
	early := append([]byte(nil), (*w.held)[w.lo:w.hi]...)
	w.release()
	return early
}

// hold keeps b, which may be larger than a head, for later.
func (w *wire) hold(b []byte) {
	if w.held == nil {
		w.held = w.limits.heads.take()
	}
	if w.lo > 0 {
		copy(*w.held, (*w.held)[w.lo:w.hi])
		w.judged, w.hi, w.lo = w.judged-w.lo, w.hi-w.lo, 0
	}
	if need := w.hi + len(b); need > len(*w.held) {
		bigger := make([]byte, need)
		copy(bigger, (*w.held)[:w.hi])
		w.held = &bigger
	}
	w.hi += copy((*w.held)[w.hi:], b)
}

func (w *wire) release() {
	w.limits.heads.give(w.held)
	w.held, w.lo, w.hi, w.judged = nil, 0, 0, 0
}

// LocalAddr implements net.Conn.
func (w *wire) LocalAddr() net.Addr { return w.tcp.LocalAddr() }

// RemoteAddr implements net.Conn.
func (w *wire) RemoteAddr() net.Addr { return w.tcp.RemoteAddr() }

// CloseWrite sends the end of the stream.
func (w *wire) CloseWrite() error { return w.conn.CloseWrite() }

// Close implements net.Conn, for net/http: it does nothing if a tunnel has the connection.
func (w *wire) Close() error {
	w.mu.Lock()
	taken := w.taken
	w.mu.Unlock()
	if taken {
		return nil
	}
	return w.close()
}

// take makes close the only way to close the connection, and the caller the one to call it.
func (w *wire) take() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken = true
}

// close ends the connection; calls after the first do nothing. If an answer of ours is on its way
// and the client may have sent more than was read, it waits for the client to take it: to close at
// once would reset the connection, and the reset would overtake the answer (RFC 9112, 9.6).
func (w *wire) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	linger := w.linger && !w.stuck
	w.wake.Broadcast()
	w.mu.Unlock()
	if linger && w.conn.CloseWrite() == nil {
		w.lingeringClose()
	}
	err := w.conn.Close()
	w.owner.closed(w)
	return err
}

// isClosed reports whether close was called.
func (w *wire) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// lingers makes Close wait for the client to take our answer.
func (w *wire) lingers() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.linger = true
}

// cut ends the connection at once. Whoever serves it notices and closes it.
func (w *wire) cut() { w.tcp.Close() }

// reset ends the connection at once and in a way that the client cannot take for its proper end.
func (w *wire) reset() {
	w.tcp.SetLinger(0)
	w.tcp.Close()
}

// onlyReader hides the WriteTo of a TCPConn, which would look for a pipe to splice with.
type onlyReader struct{ io.Reader }
