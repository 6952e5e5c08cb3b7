package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
)

// OpenUpstream connects to p, by TLS if p is configured so, for requests in absolute form. d is the Decision that it
// is for. Its error tells RoundTrip that nothing was sent.
func (e *Egress) OpenUpstream(ctx context.Context, d policy.Decision, p *Upstream) (net.Conn, Route, error) {
	route := Route{Decision: d, Upstream: p.id}
	if !d.Permit {
		return nil, route, ErrNotPermitted
	}
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	conn, err := e.dialUpstream(limited, d, p)
	route.Connect = time.Since(began)
	if err != nil {
		return nil, route, &unsentError{err}
	}
	return conn, route, nil
}

// An unsentError is a failure before anything was sent: another upstream proxy may be asked.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *unsentError) Unwrap() error { return e.err }

// A sender makes a request to an upstream proxy, on a connection that OpenUpstream opened.
type sender func(p *Upstream, r *http.Request) (*http.Response, error)

// RoundTrip has send make r, which d permits, to the first of upstreams that accepts it. A response of the upstream
// proxy's own is an error: it is never taken for the origin's.
func (e *Egress) RoundTrip(r *http.Request, d *policy.Decision, upstreams []*Upstream, send sender) (*http.Response, error) {
	if !d.Permit {
		return nil, ErrNotPermitted
	}
	var worst error
	for _, p := range upstreams {
		resp, err := e.roundTripTo(p, d, r.Clone(r.Context()), send)
		if err == nil {
			e.worked(p)
			return resp, nil
		}
		if r.Context().Err() != nil || refusedNow(err) {
			return nil, err
		}
		worst = worseOf(worst, err)
		var unsent *unsentError
		var own *upstreamResponse
		switch {
		case errors.As(err, &unsent):
			e.failed(p, err)
			continue
		case errors.As(err, &own):
			if e.noteFailure(p, err) && Repeatable(r) {
				continue
			}
		case BrokenConnWord(err) == proxystatus.Terminated: // it failed, and may have processed the request
			e.failed(p, err)
			if Repeatable(r) {
				continue
			}
		}
		return nil, worst
	}
	return nil, worst
}

// roundTripTo makes r, which it may change, to p.
func (e *Egress) roundTripTo(p *Upstream, d *policy.Decision, r *http.Request, send sender) (*http.Response, error) {
	limited, cancel := context.WithTimeout(r.Context(), e.timeout)
	authorization, err := p.authorization(limited, d.Target)
	cancel()
	if err != nil {
		return nil, &unsentError{err}
	}
	if authorization != "" {
		r.Header["Proxy-Authorization"] = []string{authorization}
	}
	resp, err := send(p, r)
	if err == nil && isUpstreamsOwn(resp) {
		resp.Body.Close()
		return nil, p.ownResponse(d.Target, resp)
	}
	return resp, err
}

// Repeatable reports whether r may be sent again although an upstream proxy may have processed it: its method is
// safe, and it has no body that is consumed (RFC 9110, 9.2.2).
func Repeatable(r *http.Request) bool {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	return safe && (r.Body == nil || r.Body == http.NoBody)
}

// isUpstreamsOwn reports whether resp was made by the upstream proxy, not by the origin. 407 is for the proxy's
// direct client (RFC 9110, 15.5.8). Any other status counts only if the upstream proxy says that the response is its
// own, by Proxy-Status (RFC 9209) or, as Squid does, by X-Squid-Error.
func isUpstreamsOwn(resp *http.Response) bool {
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
