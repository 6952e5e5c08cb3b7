package proxy

import (
	"bytes"
	"io"
	"os"
	"time"
	"webproxy/proxy/internal/http1"
)

// readHead reads a head. If it fits, it is read and judged in p itself, which is net/http's own
// buffer: nothing is copied, and an idle connection holds no buffer of ours.
func (w *wire) readHead(p []byte) (int, error) {
	if w.busy {
		return w.awaitAnswer(p)
	}
	if w.prelude != nil && !w.begin() {
		return 0, io.EOF
	}
	if w.lo == w.hi {
		n, err := w.readFirst(p)
		if n == 0 {
			return 0, err
		}
		if n, ok := w.headInPlace(p[:n]); ok {
			return n, nil
		}
	}
	w.collectHead()
	return 0, nil
}

// readFirst waits for the first bytes of a head. A client that sends none is no client: the
// connection ends without a record.
func (w *wire) readFirst(p []byte) (int, error) {
	w.await(true)
	n, _ := w.conn.Read(p) // an error behind some bytes will come again
	w.await(false)
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// lastMoment is how long a connection still listens when it is to serve no further request: what the
// client has sent by then, on its way or unread, is answered rather than reset.
const lastMoment = 20 * time.Millisecond

// await marks that the wire waits for the first byte of a head, or that it no longer does.
func (w *wire) await(waiting bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = waiting
	if !waiting {
		return
	}
	w.since = time.Now()
	switch {
	case w.interrupted:
	case w.draining:
		w.tcp.SetReadDeadline(w.since.Add(lastMoment))
	case w.limits.idle <= 0:
		w.tcp.SetReadDeadline(noDeadline)
	default:
		w.tcp.SetReadDeadline(w.since.Add(w.limits.idle))
	}
}

// waitingSince is when the wire began to wait for a head, if it does.
func (w *wire) waitingSince() (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.since, w.waiting
}

// dismiss ends a wire that waits for a head, as its idle timeout would, and reports whether it still did. What the
// client has sent by now is served.
func (w *wire) dismiss() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.waiting || w.interrupted {
		return false
	}
	w.waiting = false // not twice
	w.tcp.SetReadDeadline(time.Unix(1, 0))
	return true
}

// headInPlace judges a head that is whole in b, and returns how many bytes of b net/http may have:
// the head, and what is there of the body. The rest is held back. It reports false if the head goes
// on; b is held then.
func (w *wire) headInPlace(b []byte) (int, bool) {
	end, f := http1.ScanHead(b, 0)
	if end == 0 || end > w.limits.heads.size || f != http1.NoError || bytes.HasPrefix(b, crlf) {
		w.hold(b)
		return 0, false
	}
	if !w.admit(b[:end]) {
		return 0, true
	}
	if w.ownerServes() {
		if end < len(b) {
			w.hold(b[end:])
		}
		return 0, true
	}
	n := end + w.follow(b[end:])
	if n < len(b) {
		w.hold(b[n:])
	}
	return n, true
}

var crlf = []byte("\r\n")

// collectHead reads until the head that is held is whole, and admits it or not.
func (w *wire) collectHead() {
	deadline := deadlineIn(w.limits.header)
	scanned := 0
	for {
		if w.skipEmptyLine() {
			scanned = 0
		}
		b := (*w.held)[w.lo:w.hi]
		if f := firstByteError(b); f != http1.NoError {
			w.refuse(nil, f, nil)
			return
		}
		end, f := http1.ScanHead(b, scanned)
		switch {
		case f != http1.NoError:
			w.refuse(nil, f, nil)
			return
		case end > w.limits.heads.size || end == 0 && len(b) >= w.limits.heads.size:
			w.refuse(nil, http1.ErrTooLarge, nil)
			return
		case end > 0:
			switch {
			case !w.admit(b[:end]):
			case w.ownerServes():
				w.lo += end
				if w.judged = w.lo; w.lo == w.hi {
					w.release()
				}
			default:
				w.judged = w.lo + end
			}
			return
		}
		scanned = len(b)
		if f := w.readMore(deadline); f != http1.NoError {
			if w.lo < w.hi {
				w.refuse(nil, f, nil)
			}
			w.refused = true
			return
		}
	}
}

// skipEmptyLine drops one empty line before a request that is not the connection's first: old
// clients send one behind a body (RFC 9112, 2.2).
func (w *wire) skipEmptyLine() bool {
	if !w.seen || !bytes.HasPrefix((*w.held)[w.lo:w.hi], crlf) {
		return false
	}
	w.seen = false // one only
	w.lo += len(crlf)
	w.judged = w.lo
	return true
}

// firstByteError tells at the first byte what will never be a request. A TLS client that took the
// proxy for a TLS server would otherwise wait for the header timeout, as it sends no line.
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
func (w *wire) readMore(deadline time.Time) http1.ProtocolError {
	if w.held == nil || w.hi == len(*w.held) {
		w.hold(nil)
		if w.hi == len(*w.held) {
			return http1.ErrTooLarge
		}
	}
	w.armAt(deadline)
	n, err := w.conn.Read((*w.held)[w.hi:])
	w.hi += n
	switch {
	case n > 0:
		return http1.NoError
	case isDeadline(err):
		return http1.ErrTimeout
	}
	return http1.ErrIncomplete
}

// admit judges a whole head. It reports whether net/http may see it.
func (w *wire) admit(b []byte) bool {
	var h http1.RequestHead
	if f := h.Parse(b); f != http1.NoError {
		w.refuse(&h, f, nil)
		return false
	}
	a, f, err := http1.ParseTarget(&h)
	if f != http1.NoError {
		w.refuse(&h, f, err)
		return false
	}
	w.asked = a
	if !w.owner.admits(w, &h) {
		w.refused = true
		w.lingers()
		return false
	}
	w.seen, w.busy, w.protocolError = true, true, http1.NoError
	switch {
	case h.IsPlainConnect():
		w.state = wireFront
	case w.limits.gets && w.inside == nil && h.IsPlainGet() && w.readGet(b):
		w.state = wireGet
	case h.IsConnect():
		w.state = wireTunnel
		w.armAt(time.Time{})
	case h.Length > 0:
		w.state, w.body = wireBody, h.Length
	case h.Length < 0:
		w.state, w.chunks = wireChunks, http1.Chunks{}
	}
	return true
}

// readGet reads the head of a plain GET into w.get.
func (w *wire) readGet(b []byte) bool {
	r, err := readRequest(b)
	w.get = r
	return err == nil
}

// refuse ends the connection because of f. h holds what could be read of the head, or is nil.
func (w *wire) refuse(h *http1.RequestHead, f http1.ProtocolError, err error) {
	w.refused = true
	w.lingers()
	w.owner.onProtocolError(w, h, f, err)
}

// awaitAnswer is what net/http's read between requests gets while a request is being answered: it serves to
// notice that the client left, which the end of its input does not tell. Bytes of the next request are not
// parsed now, as the response to a malformed one would land inside this one's; they are held, a head's size of
// them at most.
func (w *wire) awaitAnswer(p []byte) (int, error) {
	w.armAt(time.Time{})
	var err error
	if w.lo == w.hi { // until a byte of the next request comes, no buffer is held: p is net/http's
		var n int
		if n, err = w.conn.Read(p); n > 0 {
			w.hold(p[:n])
		}
	}
	if err == nil {
		err = w.readAhead()
	}
	if err != nil && !isInputEnd(err) {
		return 0, err
	}
	w.armAt(time.Time{})
	if err := awaitReset(w.tcp); err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.interrupted && !w.closed {
		w.wake.Wait()
	}
	return 0, os.ErrDeadlineExceeded
}

// drain stops the wire from serving another request; the one in progress is not touched.
func (w *wire) drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.draining = true
	switch {
	case w.waiting:
		w.tcp.SetReadDeadline(deadlineIn(lastMoment))
	case w.closed: // it may be lingering
		w.tcp.SetReadDeadline(deadlineIn(lingerTime))
	}
}

func (w *wire) isDraining() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.draining
}
