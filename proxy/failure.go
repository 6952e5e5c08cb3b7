package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
	"webproxy/proxy/egress"
	"webproxy/proxy/internal/http1"
)

// Words of our own, for close records only.
const (
	wordClientGone = "client_gone"
	wordIdle       = "idle_timeout"
)

var noDeadline time.Time

// A failure is why a permitted request got no response from its origin.
type failure struct {
	word   string
	status int
	// detail says more, to the client and in the record; it may be empty.
	detail string
	// upstream is the upstream proxy concerned, received the status of its response.
	upstream string
	received int
	// denied is set if the address must not be dialled: the response is a denial.
	denied bool
	// abort is set if there is nobody to respond to.
	abort bool
}

// failureOf classifies err, which was returned instead of a response. ctx is the request's. The most certain causes
// come first: a client that disconnects makes the Transport fail too.
func (x *exchange) failureOf(ctx context.Context, err error) *failure {
	var (
		refused *egress.RefusedError
		dial    *egress.DialError
		netErr  net.Error
		bad     http1.ProtocolError

		malformed http1.ResponseError
	)
	if sent := x.sentErr.Load(); sent != nil {
		if errors.As(*sent, &bad) {
			return &failure{word: proxystatus.BadRequest, status: bad.Status()}
		}
		return &failure{word: wordClientGone, abort: true}
	}
	if why := x.cutReason.Load(); why != nil && *why == wordPolicyChanged {
		// Whoever waits for a response is told why there will be none.
		if _, now := x.Again(); now != nil {
			err, ctx = now, context.Background()
		}
	}
	switch {
	case ctx.Err() != nil:
		return &failure{word: wordClientGone, abort: true}
	case errors.As(err, &refused):
		x.refusedLate(refused)
		return &failure{word: denials[x.decision.Reason].word, status: x.denialStatus(), denied: true}
	case errors.As(err, &dial):
		if dial.Upstream != "" {
			x.route.Upstream = dial.Upstream
		}
		return &failure{word: dial.Word, status: dial.Status, detail: dial.Detail, upstream: dial.Upstream, received: dial.Received}
	case errors.Is(err, errUploadStalled):
		return &failure{word: proxystatus.WriteTimeout, status: http.StatusGatewayTimeout}
	case errors.Is(err, errAsksProxy):
		return &failure{
			word: proxystatus.Protocol, status: http.StatusBadGateway, received: http.StatusProxyAuthRequired,
			detail: "the origin asked for credentials as only a proxy may (status 407)",
		}
	case errors.As(err, &malformed):
		return &failure{word: proxystatus.Protocol, status: http.StatusBadGateway, detail: malformed.Detail()}
	case x.inside != nil && x.inside.missesCertificate(err):
		return &failure{word: proxystatus.Configuration, status: http.StatusBadGateway, detail: egress.DetailClientCertificate}
	case errors.Is(err, egress.ErrNotPermitted), errors.Is(err, errNoEgress):
		return &failure{word: proxystatus.Internal, status: http.StatusBadGateway}
	case errors.As(err, &netErr) && netErr.Timeout():
		return &failure{word: proxystatus.ResponseTimeout, status: http.StatusGatewayTimeout}
	case isBrokenOff(err):
		return &failure{word: proxystatus.Terminated, status: http.StatusBadGateway}
	}
	return &failure{word: proxystatus.Protocol, status: http.StatusBadGateway}
}

// noteMalformed puts into the close record what is malformed in the response's body, if err says so.
func (x *exchange) noteMalformed(err error) {
	var malformed http1.ResponseError
	if errors.As(err, &malformed) {
		x.detail = malformed.Detail()
	}
}

// isBrokenOff reports whether err means that the other side ended the connection.
func isBrokenOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// respondFailure responds on behalf of an origin that could not be reached, and ends the exchange.
func (x *exchange) respondFailure(rw http.ResponseWriter, r *http.Request, err error) {
	x.failure = x.failureOf(r.Context(), err)
	word := x.failure.word
	defer func() { x.close(word) }()
	x.writeFailure(rw, r)
}

// writeFailure tells the client about x.failure: the word, and no internal address.
func (x *exchange) writeFailure(rw http.ResponseWriter, r *http.Request) {
	f := x.failureResponse()
	if f == nil {
		panic(http.ErrAbortHandler)
	}
	f.close = x.bodyLeft(r)
	f.write(rw, r, x.client)
}

// failureResponse is the response for x.failure; nil if there is nobody to respond to.
func (x *exchange) failureResponse() *refusal {
	f := x.failure
	if f.abort || x.cutReason.Load() != nil && !f.denied {
		return nil
	}
	x.setStatus(f.status)
	switch {
	case f.denied:
		return x.denial()
	case f.word == proxystatus.BadRequest:
		x.refuseAs(policy.BadRequest)
		return x.denial()
	}
	return x.trouble()
}
