package proxy

import "errors"

// errUploadStalled is why a request ends whose origin takes nothing of its body.
var errUploadStalled = errors.New("the origin takes nothing of the request")

// watchUpload has x's request end if its origin, or the proxy on the way there, takes nothing of the body b for the stall
// limit. Over HTTP/1 that is a socket that takes no more, over HTTP/2 a window that stays closed. While the client has
// sent nothing that the origin could take, the time does not run; nor once the response has begun: the two are in a dialogue
// then. done ends the watch.
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

// sent is told that the transport has written all of the request.
func (b *requestBody) sent() {
	if b.taking != nil {
		b.taking.end()
	}
}
