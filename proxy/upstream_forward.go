package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
	"webproxy/proxy/internal/http1"
)

// newParentTransport returns a Transport for one connection to p, for requests in absolute form to any host.
func (s *Server) newParentTransport(p *parent) *http.Transport {
	t := s.newTransport()
	// The scheme is that of the requests: TLS to the parent, if it wants that, is dialParent's.
	proxy := &url.URL{Scheme: "http", Host: p.addr.HostPort()}
	t.Proxy = http.ProxyURL(proxy)
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		d, ok := ctx.Value(decisionKey{}).(policy.Decision)
		if !ok || !d.Permit || network != "tcp" || address != p.addr.HostPort() {
			return nil, fmt.Errorf("dial %s %s: not what was decided: %w", network, address, ErrNotPermitted)
		}
		if err := s.rates.mayDial(ctx, &d); err != nil {
			return nil, err
		}
		began := time.Now()
		limited, cancel := context.WithTimeout(ctx, s.Egress.timeout)
		defer cancel()
		conn, err := s.Egress.dialParent(limited, d, p)
		route := Route{Decision: d, Upstream: p.id, Connect: time.Since(began)}
		s.observer().Dialled(route, err)
		if err != nil {
			return nil, &unsentError{err}
		}
		if x := exchangeOfContext(ctx); x != nil {
			if _, err := x.again(); err != nil {
				conn.Close()
				return nil, err
			}
		}
		return newHTTP1Conn(conn, route), nil
	}
	return t
}

// An unsentError is a failure before anything was sent: another parent may be asked.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *unsentError) Unwrap() error { return e.err }

// tripThrough makes r, which d permits, to the first of parents that takes it. An answer that is the
// parent's own is an error: it is never taken for the origin's.
func (s *Server) tripThrough(w *wire, r *http.Request, d policy.Decision, parents []*parent) (*http.Response, error) {
	if !d.Permit {
		return nil, ErrNotPermitted
	}
	var worst error
	for _, p := range parents {
		out := r.Clone(r.Context())
		out.URL = absoluteURL(r.URL, r.Host)
		resp, err := s.tripTo(p, w, &d, out)
		if err == nil {
			s.Egress.worked(p)
			return resp, nil
		}
		if r.Context().Err() != nil || refusedNow(err) {
			return nil, err
		}
		worst = worseOf(worst, err)
		var unsent *unsentError
		var answered *parentAnswer
		switch {
		case errors.As(err, &unsent):
			s.Egress.failed(p, err)
			continue
		case errors.As(err, &answered):
			if s.Egress.judgeParent(p, err) && repeatable(r) {
				continue
			}
		case brokenConnWord(err) == proxystatus.Terminated: // it is dying, and had the request in hand
			s.Egress.failed(p, err)
			if repeatable(r) {
				continue
			}
		}
		return nil, worst
	}
	return nil, worst
}

// repeatable reports whether r may be sent again though somebody has it: it is safe, and has no body
// that is gone (RFC 9110, 9.2.2).
func repeatable(r *http.Request) bool {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	return safe && (r.Body == nil || r.Body == http.NoBody)
}

func (s *Server) tripTo(p *parent, w *wire, d *policy.Decision, r *http.Request) (*http.Response, error) {
	limited, cancel := context.WithTimeout(r.Context(), s.Egress.timeout)
	authorization, err := p.authorization(limited, d.Target)
	cancel()
	if err != nil {
		return nil, &unsentError{err}
	}
	if x := exchangeOf(r); x != nil { // the KDC may have taken its time
		if err := x.renew(); err != nil {
			return nil, err
		}
	}
	if authorization != "" {
		r.Header["Proxy-Authorization"] = []string{authorization}
	}
	resp, err := s.tripOn(s.keyTo(p, w, d, r.Header), w, d, r)
	if err == nil && parentsOwn(resp) {
		resp.Body.Close()
		return nil, p.answered(d.Target, resp)
	}
	return resp, err
}

// keyTo says which connections to p a request with header h may use.
func (s *Server) keyTo(p *parent, w *wire, d *policy.Decision, h http.Header) originKey {
	key := originKey{parent: p, slot: true}
	atOrigin := ownedBy(key, d)
	if beginsLogin(h) {
		return s.own(w, atOrigin)
	}
	if own, ok := s.origins.ownKey(w, atOrigin); ok {
		return own
	}
	if http1.LogsInConnection([]byte(h.Get("Proxy-Authorization"))) {
		return s.own(w, key)
	}
	return key
}

// parentsOwn reports whether resp was made by the parent, not by the origin. 407 is for the one next
// to it (RFC 9110, 15.5.8). Any other status can be told only if the parent says that it is its own, by
// Proxy-Status (RFC 9209) or, as Squid does, by X-Squid-Error.
func parentsOwn(resp *http.Response) bool {
	if resp.StatusCode == http.StatusProxyAuthRequired {
		return true
	}
	if resp.StatusCode < 400 {
		return false
	}
	if len(resp.Header["X-Squid-Error"]) > 0 {
		return true
	}
	return proxystatus.HasError(resp.Header["Proxy-Status"], "")
}

// absoluteURL is u, as originURL made it, for a request in absolute form: all of it must be in the
// request line as the client wrote it.
func absoluteURL(u *url.URL, host string) *url.URL {
	path := u.Opaque
	switch path {
	case "":
		path = u.RawPath
	case "*": // the last proxy makes it "*" again (RFC 9112, 3.2.4)
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
