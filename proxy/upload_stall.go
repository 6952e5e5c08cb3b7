package proxy

import "errors"

// errUploadStalled is why a request ends whose origin reads nothing of its body.
var errUploadStalled = errors.New("the origin takes nothing of the request")

// watchUpload ends x's request if its origin, or the upstream proxy, reads nothing of the body b for the stall limit.
// Over HTTP/1 that is a socket that accepts no more, over HTTP/2 a window that stays closed. The time does not run
// while the client has sent nothing that the origin could read, nor once the response has begun: the two may then be
// exchanging messages. done ends the watch.
func (x *exchange) watchUpload(b *requestBody) (done func()) {
	if x.srv.limits.stall <= 0 {
		return func() {}
	}
	b.taking = &stallWatch{limit: x.srv.limits.stall, expire: func() bool {
		x.halt(errUploadStalled)
		return true
	}}
	return b.taking.close
}

// sent is called when the transport has written the whole request.
func (b *requestBody) sent() {
	if b.taking != nil {
		b.taking.end()
	}
}
