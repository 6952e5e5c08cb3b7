package proxy

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"webproxy/policy"
	"webproxy/proxy/egress"
	"webproxy/proxy/internal/http1"
)

// newUpstreamTransport returns a Transport for one connection to p, for requests in absolute form to any host.
func (s *Server) newUpstreamTransport(p *egress.Upstream) *http.Transport {
	t := s.newTransport()
	// The scheme is that of the requests. OpenUpstream sets up TLS to the upstream proxy where it is configured.
	proxy := &url.URL{Scheme: "http", Host: p.HostPort()}
	t.Proxy = http.ProxyURL(proxy)
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		d, ok := ctx.Value(decisionKey{}).(policy.Decision)
		if !ok || !d.Permit || network != "tcp" || address != p.HostPort() {
			return nil, fmt.Errorf("dial %s %s: not what was decided: %w", network, address, egress.ErrNotPermitted)
		}
		if err := s.rates.mayDial(ctx, &d); err != nil {
			return nil, err
		}
		conn, route, err := s.Egress.OpenUpstream(ctx, d, p)
		s.observer().Dialled(route, err)
		if err != nil {
			return nil, err
		}
		if x := exchangeOfContext(ctx); x != nil {
			if _, err := x.Again(); err != nil {
				conn.Close()
				return nil, err
			}
		}
		return newHTTP1Conn(conn, route), nil
	}
	return t
}

// roundTripThrough makes r, which d permits, through the first of upstreams that accepts it.
func (s *Server) roundTripThrough(c *clientConn, r *http.Request, d policy.Decision, upstreams []*egress.Upstream) (*http.Response, error) {
	return s.Egress.RoundTrip(r, &d, upstreams, func(p *egress.Upstream, out *http.Request) (*http.Response, error) {
		if x := exchangeOf(r); x != nil { // the KDC may have been slow
			if err := x.renew(); err != nil {
				return nil, err
			}
		}
		out.URL = absoluteURL(r.URL, r.Host)
		return s.roundTripOn(s.keyTo(p, c, &d, out.Header), c, &d, out)
	})
}

// keyTo says which connections to p a request with header h may use.
func (s *Server) keyTo(p *egress.Upstream, c *clientConn, d *policy.Decision, h http.Header) originKey {
	key := originKey{upstream: p, slot: true}
	atOrigin := ownedBy(key, d)
	if beginsLogin(h) {
		return s.own(c, atOrigin)
	}
	if own, ok := s.origins.ownKey(c, atOrigin); ok {
		return own
	}
	if http1.LogsInConnection([]byte(h.Get("Proxy-Authorization"))) {
		return s.own(c, key)
	}
	return key
}

// absoluteURL is u, as originURL made it, for a request in absolute form: the request line must contain all of it as
// the client wrote it.
func absoluteURL(u *url.URL, host string) *url.URL {
	path := u.Opaque
	switch path {
	case "":
		path = u.RawPath
	case "*": // the last proxy on the way turns it into "*" again (RFC 9112, 3.2.4)
		path = ""
	}
	return &url.URL{
		Scheme:     u.Scheme,
		Host:       u.Host,
		Opaque:     "//" + host + path,
		RawQuery:   u.RawQuery,
		ForceQuery: u.ForceQuery,
	}
}
