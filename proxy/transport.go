package proxy

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"webproxy/policy"
	"webproxy/proxy/egress"
	"webproxy/proxy/internal/http1"
)

// newTransport returns a Transport for one connection (originSlot), or for those of one inspection.
func (s *Server) newTransport() *http.Transport {
	return &http.Transport{
		Proxy:              nil, // nothing from the environment
		DialContext:        s.dialOrigin,
		DisableCompression: true, // else it would ask for gzip by itself and unpack the response
		Protocols:          http1Only(),
		// How long the body is held back for a client that expects 100-continue, if the origin sends no such
		// response. RFC 9110, 10.1.1: a client should not wait for ever, as origins that do not know Expect send
		// none. curl waits a second too.
		ExpectContinueTimeout: time.Second,
		ResponseHeaderTimeout: s.Options.ResponseTimeout.Or(0),
		MaxIdleConns:          maxIdleOrigins,
		MaxIdleConnsPerHost:   maxIdlePerOrigin,
		// Origins close idle connections after 60 s and more. If one does so as a request is sent, http.Transport
		// retries what is safe to retry.
		IdleConnTimeout:        maxOriginIdleTime,
		MaxResponseHeaderBytes: 2 * http1.MaxResponseHead, // http1.ResponseStream has the limit of HTTP/1
	}
}

// dialOrigin is the DialContext of every transport. It dials the target of the exchange in ctx, and
// only if that is what the transport asks for.
func (s *Server) dialOrigin(ctx context.Context, network, address string) (net.Conn, error) {
	d, ok := ctx.Value(decisionKey{}).(policy.Decision)
	if !ok || network != "tcp" || address != d.Target.HostPort() {
		return nil, fmt.Errorf("dial %s %s: not what was decided: %w", network, address, egress.ErrNotPermitted)
	}
	conn, route, err := s.dial(ctx, exchangeOfContext(ctx), d)
	if err != nil {
		return nil, err
	}
	return newHTTP1Conn(conn, route), nil
}

// decisionKey is the context key of the Decision that a dial is for.
type decisionKey struct{}

// withDecision returns a context in which a transport may dial d's target; see dialOrigin.
func withDecision(ctx context.Context, d policy.Decision) context.Context {
	return context.WithValue(ctx, decisionKey{}, d)
}
