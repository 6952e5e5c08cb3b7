package proxy

import (
	"net/http"
	"time"
)

// An origin may send its whole response while the client is still sending the request. Nothing waits for the rest of
// the request then: the response announces the end of the connection (RFC 9112, 9.6), the client gets all of it, and
// the rest of the body is neither read nor taken for another request.

// bodyLeft reports whether more of r's body may arrive. HTTP/2, within inspected tunnels, ends single requests; the
// connection goes on.
func (x *exchange) bodyLeft(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.Body != nil && r.Body != http.NoBody && !x.sentAll.Load()
}

// leaveBody abandons the rest of r's body after a complete response. net/http would read it to its end, for as long
// as the client takes. As net/http responds at the same time (full duplex), two goroutines would read the connection,
// for which it panics.
func (w *responseWriter) leaveBody(r *http.Request) {
	if !w.x.bodyLeft(r) {
		return
	}
	// A transport may still be reading: this interrupts it, so that Close does not wait.
	http.NewResponseController(w.rw).SetReadDeadline(time.Unix(1, 0))
	r.Body.Close()
}
