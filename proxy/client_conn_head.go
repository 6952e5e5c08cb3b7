package proxy

import (
	"bytes"
	"io"
	"os"
	"time"
	"webproxy/proxy/internal/http1"
)

// readHead reads a request head. If it fits into p, which is net/http's own buffer, it is verified there: nothing is
// copied, and an idle connection holds no buffer of ours.
func (c *clientConn) readHead(p []byte) (int, error) {
	if c.busy {
		return c.awaitResponse(p)
	}
	if c.prelude != nil && !c.begin() {
		return 0, io.EOF
	}
	if c.lo == c.hi {
		n, err := c.readFirst(p)
		if n == 0 {
			return 0, err
		}
		if n, ok := c.headInPlace(p[:n]); ok {
			return n, nil
		}
	}
	c.collectHead()
	return 0, nil
}

// readFirst waits for the first bytes of a head. A connection that ends before it has sent any leaves no record.
func (c *clientConn) readFirst(p []byte) (int, error) {
	c.await(true)
	n, _ := c.conn.Read(p) // an error that came with bytes is returned again by the next read
	c.await(false)
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// lastMoment is how long a connection is still read after the proxy has begun to stop: what the client has sent by
// then gets a response instead of a reset.
const lastMoment = 20 * time.Millisecond

// await marks that the connection waits for the first byte of a head, or that it no longer does.
func (c *clientConn) await(waiting bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = waiting
	if !waiting {
		return
	}
	c.since = time.Now()
	switch {
	case c.interrupted:
	case c.draining:
		c.tcp.SetReadDeadline(c.since.Add(lastMoment))
	case c.limits.idle <= 0:
		c.tcp.SetReadDeadline(noDeadline)
	default:
		c.tcp.SetReadDeadline(c.since.Add(c.limits.idle))
	}
}

// waitingSince is when the connection began to wait for a head, if it does.
func (c *clientConn) waitingSince() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.since, c.waiting
}

// dismiss ends a connection that waits for a head, as its idle timeout would, and reports whether it was still waiting.
// What the client has sent by now is served.
func (c *clientConn) dismiss() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.waiting || c.interrupted {
		return false
	}
	c.waiting = false // not twice
	c.tcp.SetReadDeadline(time.Unix(1, 0))
	return true
}

// headInPlace verifies a head that is complete in b. It returns how many bytes of b net/http may read: the head, and
// the part of the body that has arrived. The rest is held. It reports false if the head is incomplete; then all of b
// is held.
func (c *clientConn) headInPlace(b []byte) (int, bool) {
	end, f := http1.ScanHead(b, 0)
	if end == 0 || end > c.limits.heads.size || f != http1.NoError || bytes.HasPrefix(b, crlf) {
		c.hold(b)
		return 0, false
	}
	if !c.checkHead(b[:end]) {
		return 0, true
	}
	if c.ownerServes() {
		if end < len(b) {
			c.hold(b[end:])
		}
		return 0, true
	}
	n := end + c.follow(b[end:])
	if n < len(b) {
		c.hold(b[n:])
	}
	return n, true
}

var crlf = []byte("\r\n")

// collectHead reads until the held head is complete, and checks it.
func (c *clientConn) collectHead() {
	deadline := deadlineIn(c.limits.header)
	scanned := 0
	for {
		if c.skipEmptyLine() {
			scanned = 0
		}
		b := (*c.held)[c.lo:c.hi]
		if f := firstByteError(b); f != http1.NoError {
			c.refuse(nil, f, nil)
			return
		}
		end, f := http1.ScanHead(b, scanned)
		switch {
		case f != http1.NoError:
			c.refuse(nil, f, nil)
			return
		case end > c.limits.heads.size || end == 0 && len(b) >= c.limits.heads.size:
			c.refuse(nil, http1.ErrTooLarge, nil)
			return
		case end > 0:
			switch {
			case !c.checkHead(b[:end]):
			case c.ownerServes():
				c.lo += end
				if c.readable = c.lo; c.lo == c.hi {
					c.release()
				}
			default:
				c.readable = c.lo + end
			}
			return
		}
		scanned = len(b)
		if f := c.readMore(deadline); f != http1.NoError {
			if c.lo < c.hi {
				c.refuse(nil, f, nil)
			}
			c.inputDone = true
			return
		}
	}
}

// skipEmptyLine drops one empty line before a request that is not the connection's first: old clients send one after a
// body (RFC 9112, 2.2).
func (c *clientConn) skipEmptyLine() bool {
	if !c.seen || !bytes.HasPrefix((*c.held)[c.lo:c.hi], crlf) {
		return false
	}
	c.seen = false // one only
	c.lo += len(crlf)
	c.readable = c.lo
	return true
}

// firstByteError rejects at the first byte what can never become a request. A TLS client that takes the proxy for a
// TLS server sends no line, and would otherwise wait until the header timeout.
func firstByteError(b []byte) http1.ProtocolError {
	switch {
	case len(b) == 0 || http1.IsTokenByte(b[0]) || b[0] == '\r':
		return http1.NoError
	case b[0] == 0x16:
		return http1.ErrTLS
	case b[0] == '\n':
		return http1.ErrBareLF
	case b[0] < ' ':
		return http1.ErrControlByte
	}
	return http1.ErrMethod
}

// readMore reads once more into the held buffer.
func (c *clientConn) readMore(deadline time.Time) http1.ProtocolError {
	if c.held == nil || c.hi == len(*c.held) {
		c.hold(nil)
		if c.hi == len(*c.held) {
			return http1.ErrTooLarge
		}
	}
	c.armAt(deadline)
	n, err := c.conn.Read((*c.held)[c.hi:])
	c.hi += n
	switch {
	case n > 0:
		return http1.NoError
	case isDeadline(err):
		return http1.ErrTimeout
	}
	return http1.ErrIncomplete
}

// checkHead verifies a complete head, and reports whether it is to be served: by net/http, or on the fast path.
func (c *clientConn) checkHead(b []byte) bool {
	var h http1.RequestHead
	if f := h.Parse(b); f != http1.NoError {
		c.refuse(&h, f, nil)
		return false
	}
	a, f, err := http1.ParseTarget(&h)
	if f != http1.NoError {
		c.refuse(&h, f, err)
		return false
	}
	c.target = a
	if !c.owner.admit(c, &h) {
		c.inputDone = true
		c.lingerOnClose()
		return false
	}
	c.seen, c.busy, c.protocolError = true, true, http1.NoError
	switch {
	case h.IsPlainConnect():
		c.state = stateFastConnect
	case c.limits.fastGets && c.inside == nil && h.IsPlainGet() && c.readGet(&h, b):
		c.state = stateFastGet
	case h.IsConnect():
		c.state = stateTunnel
		c.armAt(time.Time{})
	case h.Length > 0:
		c.state, c.body = stateBody, h.Length
	case h.Length < 0:
		c.state, c.chunks = stateChunks, http1.Chunks{}
	}
	return true
}

// readGet reads the head b of a plain GET into c.fastGet.
func (c *clientConn) readGet(h *http1.RequestHead, b []byte) bool {
	c.fastGet = plainGets.Get().(*plainGet)
	return c.fastGet.read(h, b, &c.target, c.limits.via)
}

// refuse ends the connection because of f. h holds what could be parsed of the head, or is nil.
func (c *clientConn) refuse(h *http1.RequestHead, f http1.ProtocolError, err error) {
	c.inputDone = true
	c.lingerOnClose()
	c.owner.onProtocolError(c, h, f, err)
}

// awaitResponse is what net/http reads while a request is in progress. It serves to notice that the client is gone,
// which the end of its input does not tell. Bytes of the next request are held and not parsed, up to the size of a
// head: the response to a malformed one would land inside the response in progress.
func (c *clientConn) awaitResponse(p []byte) (int, error) {
	c.armAt(time.Time{})
	var err error
	if c.lo == c.hi { // no buffer is held until a byte of the next request arrives: p is net/http's
		var n int
		if n, err = c.conn.Read(p); n > 0 {
			c.hold(p[:n])
		}
	}
	if err == nil {
		err = c.readAhead()
	}
	if err != nil && !isInputEnd(err) {
		return 0, err
	}
	c.armAt(time.Time{})
	if err := awaitReset(c.tcp); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.interrupted && !c.closed {
		c.wake.Wait()
	}
	return 0, os.ErrDeadlineExceeded
}

// drain ends the connection after the request in progress, if there is one.
func (c *clientConn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	switch {
	case c.waiting:
		c.tcp.SetReadDeadline(deadlineIn(lastMoment))
	case c.closed: // it may be lingering
		c.tcp.SetReadDeadline(deadlineIn(lingerTime))
	}
}

func (c *clientConn) isDraining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}
