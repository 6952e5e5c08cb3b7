package proxy

import (
	"net/http"
	"time"
)

// An origin may answer, and be done, while the client is still sending its request: nothing waits for
// the rest of that then. The client reads in the answer's head that the connection ends (RFC 9112,
// 9.6), gets the answer whole, and the rest of the body is neither read nor taken for a request.

// bodyLeft reports whether there may be more of r's body to come. HTTP/2, which may be spoken inside
// opened TLS, can end a single request; there it is no matter of the connection.
func (x *exchange) bodyLeft(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.Body != nil && r.Body != http.NoBody && !x.sentAll.Load()
}

// leaveBody gives up what is left of the body of r after an answer that is complete. net/http would read on
// to its end: for as long as the client takes, and, since forward has it answer at the same time, with
// a second reader of the connection beside it, at which it panics.
func (w *responseWriter) leaveBody(r *http.Request) {
	if !w.x.bodyLeft(r) {
		return
	}
	// A transport may still be reading: this interrupts it, and Close finds nothing to wait for.
	http.NewResponseController(w.rw).SetReadDeadline(time.Unix(1, 0))
	r.Body.Close()
}
