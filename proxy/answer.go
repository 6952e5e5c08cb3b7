package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"sync"
	"time"
)

// An answer is what goproxy writes the origin's answer to. It passes bytes on as they come, through
// a pooled buffer. If there is no answer of the origin's, it swallows what goproxy makes up instead.
type answer struct {
	x   *exchange
	rw  http.ResponseWriter
	req *http.Request // the client's
	// size is the Content-Length of the origin's answer; -1 if it has none.
	size int64
	// unframed is set if the client can tell the end of the body only by that of the connection.
	unframed bool

	http11 bool // the client speaks HTTP/1.1
	wrote  bool // the final status was written

	mu    sync.Mutex  // guards the fields below, and rw while others than the handler may use it
	final bool        // no interim answer may be written any more
	hints int         // interim answers of the origin so far
	body  bool        // the body has begun, or never will
	head  *time.Timer // sends the head if the body is late
}

// headDelay is how long a head waits for the first bytes of its body, to be sent in one packet with
// them. An origin that sends the head early wants it to be seen.
const headDelay = 2 * time.Millisecond

// maxInterim bounds the interim answers to one request: http.Transport, which has a bound of its own,
// leaves it to whoever asks to see them.
const maxInterim = 16

var errManyInterim = errors.New("too many interim answers")

func newAnswer(x *exchange, rw http.ResponseWriter, r *http.Request) *answer {
	return &answer{x: x, rw: rw, req: r, http11: r.ProtoAtLeast(1, 1)}
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.rw.Header() }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.x.failure != nil || a.wrote {
		return
	}
	a.wrote = true
	h := a.rw.Header()
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // else net/http would guess one
	}
	left := a.x.bodyLeft(a.req)
	if left {
		a.x.wire.lingers()
	}
	if left || a.x.srv.draining.Load() {
		h["Connection"] = []string{"close"}
	}
	a.unframed = !a.http11 && a.size < 0
	a.rw.WriteHeader(status)
	if a.size != 0 {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.head = time.AfterFunc(headDelay, a.sendHead)
	}
}

// sendHead sends the head alone.
func (a *answer) sendHead() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.body {
		a.flush()
	}
}

// beginBody keeps sendHead from doing anything from now on. It is called before the handler writes a
// body, and before it returns.
func (a *answer) beginBody() {
	if a.body { // only the handler sets it
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.body = true
	if a.head != nil {
		a.head.Stop()
	}
}

// Write implements http.ResponseWriter. goproxy uses it for event streams; see also ReadFrom.
func (a *answer) Write(b []byte) (int, error) {
	if a.x.failure != nil {
		return len(b), nil
	}
	a.beginBody()
	return a.rw.Write(b)
}

// Flush implements http.Flusher.
func (a *answer) Flush() {
	if a.x.failure == nil {
		a.beginBody()
		a.flush()
	}
}

// ReadFrom implements io.ReaderFrom, which io.Copy prefers. Whatever was read goes out before the
// next read: the origin may be thinking for a long time between two lines.
func (a *answer) ReadFrom(src io.Reader) (n int64, err error) {
	if a.x.failure != nil {
		return io.Copy(io.Discard, src)
	}
	buf := a.x.srv.copies.take()
	defer a.x.srv.copies.give(buf)
	pace := a.x.srv.rates.pace(a.x.request.Client, a.req.Context().Done())
	for {
		k, readErr := src.Read((*buf)[:pace.most(len(*buf))])
		pace.spend(k)
		a.beginBody()
		if k > 0 {
			if _, err := a.rw.Write((*buf)[:k]); err != nil {
				a.x.ending.CompareAndSwap(nil, ptr(wordClientGone))
				return n, err
			}
			n += int64(k)
		}
		if readErr == io.EOF {
			return n, nil
		}
		if readErr != nil {
			return n, readErr
		}
		if k < len(*buf) {
			a.flush()
		}
	}
}

// flush sends what net/http holds back. An error will come again with the next write.
func (a *answer) flush() {
	if f, ok := a.rw.(http.Flusher); ok {
		f.Flush()
	}
}

// interim passes on a 1xx answer (RFC 9110, 15.2). 100 is not passed on: net/http says it itself, when
// the origin's 100 makes the transport read the body. It is called by the transport, from a goroutine
// that may be late. An error ends the request.
func (a *answer) interim(status int, header textproto.MIMEHeader) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hints++; a.hints > maxInterim {
		return errManyInterim
	}
	if a.final || !a.http11 || status == http.StatusContinue {
		return nil
	}
	h := a.rw.Header()
	for name, values := range interimHeader(header) {
		h[name] = values
	}
	a.rw.WriteHeader(status)
	clear(h)
	return nil
}

// noMoreInterim waits for an interim answer being written, and ends them.
func (a *answer) noMoreInterim() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.final = true
}

func ptr[T any](v T) *T { return &v }
