package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"sync"
	"time"

	"webproxy/proxy/internal/http1"
)

// A responseWriter is what goproxy writes the origin's response to. It forwards bytes as they arrive, through a
// pooled buffer. If the origin has not responded, it discards the response that goproxy makes up.
type responseWriter struct {
	x   *exchange
	rw  http.ResponseWriter
	req *http.Request // the client's
	// size is the Content-Length of the origin's response; -1 if it has none.
	size int64
	// unframed is set if only the end of the connection ends the body.
	unframed bool

	http11 bool // the client speaks HTTP/1.1
	wrote  bool // the final status was written

	mu            sync.Mutex  // guards the fields below, and rw while the Transport may use it too
	final         bool        // no informational response may be written any more
	informational int         // how many there were
	body          bool        // the body has begun, or there will be none
	head          *time.Timer // sends the head if the body is late
}

// headDelay is how long a head waits for the first bytes of its body, so that both are sent in one packet. When the
// body is late, the head is sent alone.
const headDelay = 2 * time.Millisecond

var errManyInformational = errors.New("too many informational responses")

func newResponseWriter(x *exchange, rw http.ResponseWriter, r *http.Request) *responseWriter {
	return &responseWriter{x: x, rw: rw, req: r, http11: r.ProtoAtLeast(1, 1)}
}

// Header implements http.ResponseWriter.
func (w *responseWriter) Header() http.Header { return w.rw.Header() }

// WriteHeader implements http.ResponseWriter.
func (w *responseWriter) WriteHeader(status int) {
	if w.x.failure != nil || w.wrote {
		return
	}
	w.wrote = true
	h := w.rw.Header()
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // otherwise net/http would guess one
	}
	left := w.x.bodyLeft(w.req)
	if left {
		w.x.client.lingerOnClose()
	}
	if left || w.x.srv.draining.Load() {
		h["Connection"] = []string{"close"}
	}
	w.unframed = !w.http11 && w.size < 0
	w.rw.WriteHeader(status)
	if w.size != 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.head = time.AfterFunc(headDelay, w.sendHead)
	}
}

// sendHead sends the head alone.
func (w *responseWriter) sendHead() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.body {
		w.flush()
	}
}

// beginBody disables sendHead. It is called before the handler writes a body, and before it returns.
func (w *responseWriter) beginBody() {
	if w.body { // only the handler sets it
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.body = true
	if w.head != nil {
		w.head.Stop()
	}
}

// Write implements http.ResponseWriter. goproxy uses it for event streams; see also ReadFrom.
func (w *responseWriter) Write(b []byte) (int, error) {
	if w.x.failure != nil {
		return len(b), nil
	}
	w.beginBody()
	return w.rw.Write(b)
}

// Flush implements http.Flusher.
func (w *responseWriter) Flush() {
	if w.x.failure == nil {
		w.beginBody()
		w.flush()
	}
}

// ReadFrom implements io.ReaderFrom, which io.Copy prefers. What was read is written before the next read: the origin
// may pause for a long time between two lines.
func (w *responseWriter) ReadFrom(src io.Reader) (n int64, err error) {
	if w.x.failure != nil {
		return io.Copy(io.Discard, src)
	}
	buf := w.x.srv.copies.take()
	defer w.x.srv.copies.give(buf)
	pace := w.x.srv.rates.pace(w.x.request.Client, w.req.Context().Done())
	for {
		k, readErr := src.Read((*buf)[:pace.most(len(*buf))])
		pace.spend(k)
		w.beginBody()
		if k > 0 {
			if _, err := w.rw.Write((*buf)[:k]); err != nil {
				w.x.cutReason.CompareAndSwap(nil, ptr(wordClientGone))
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
			w.flush()
		}
	}
}

// flush sends what net/http holds back. The next write returns an error again.
func (w *responseWriter) flush() {
	if f, ok := w.rw.(http.Flusher); ok {
		f.Flush()
	}
}

// writeInformational forwards an informational (1xx) response (RFC 9110, 15.2), except 100: net/http sends that
// itself, when the origin's 100 makes the Transport read the body. The Transport calls it, on a goroutine that may be
// late. An error ends the request.
func (w *responseWriter) writeInformational(status int, header textproto.MIMEHeader) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.informational++; w.informational > http1.MaxInformational {
		return errManyInformational
	}
	if w.final || !w.http11 || status == http.StatusContinue {
		return nil
	}
	h := w.rw.Header()
	for name, values := range informationalHeader(header) {
		h[name] = values
	}
	w.rw.WriteHeader(status)
	clear(h)
	return nil
}

// endInformational waits for an informational response that is being written, and discards later ones.
func (w *responseWriter) endInformational() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.final = true
}

func ptr[T any](v T) *T { return &v }
