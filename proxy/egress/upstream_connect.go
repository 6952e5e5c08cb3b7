package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
	"webproxy/proxy/internal/http1"
	"webproxy/proxy/internal/http1conn"
)

// tunnelThrough has p open a tunnel to the target of route.Decision, within limit.
func (e *Egress) tunnelThrough(ctx context.Context, route *Route, p *Upstream, limit time.Duration) (net.Conn, error) {
	d := &route.Decision
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	authorization, err := p.authorization(limited, d.Target)
	if err != nil {
		return nil, err
	}
	conn, err := e.dialUpstream(limited, *d, p)
	if err != nil {
		return nil, err
	}
	if err := route.renew(); err != nil {
		conn.Close()
		return nil, err
	}
	via := ""
	if route.Asker != nil {
		via = route.Asker.ViaOut()
	}
	// The upstream proxy has to connect too, and knows better than this proxy how long that may take.
	conn.SetDeadline(time.Now().Add(e.timeout))
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	buffered, err := p.ask(conn, d.Target, via, authorization)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = route.renew()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	if len(buffered) > 0 {
		return &http1conn.Conn{Conn: conn, Buffered: buffered}, nil
	}
	return conn, nil
}

// ask sends a CONNECT for t and reads the response. It returns the bytes of the tunnel that arrived with it.
func (p *Upstream) ask(conn net.Conn, t policy.Target, via, authorization string) (http1conn.Buffered, error) {
	var head strings.Builder
	head.WriteString("CONNECT " + t.HostPort() + " HTTP/1.1\r\nHost: " + t.HostPort() + "\r\n")
	if via != "" {
		head.WriteString("Via: " + via + "\r\n")
	}
	if authorization != "" {
		head.WriteString("Proxy-Authorization: " + authorization + "\r\n")
	}
	head.WriteString("\r\n")
	var r http1conn.Reader
	r.Reset(conn)
	r.Responses.Expect(http.MethodConnect, false)
	_, unsent := io.WriteString(conn, head.String())
	resp, err := r.ReadHead(&http.Request{Method: http.MethodConnect}, unsent, nil)
	switch {
	case err != nil:
		return nil, p.fail(t, BrokenConnWord(err), 0, err)
	case resp.StatusCode >= 300:
		return nil, p.ownResponse(t, resp)
	}
	return r.TakeBuffered(), nil // RFC 9110, 9.3.6: whatever the head says, the tunnel begins
}

// An upstreamResponse is a response of an upstream proxy that is not the origin's. In a loop there is no point in
// trying others.
type upstreamResponse struct {
	status int
	loop   bool
}

func (e *upstreamResponse) Error() string { return fmt.Sprintf("answered with status %d", e.status) }

// ownResponse is the error of an upstream proxy that responded itself, instead of reaching t.
func (p *Upstream) ownResponse(t policy.Target, resp *http.Response) *DialError {
	status, loop := resp.StatusCode, saysLoop(resp.Header)
	word := proxystatus.Unavailable
	switch status {
	case http.StatusProxyAuthRequired:
		word = proxystatus.Configuration
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		word = proxystatus.Denied
	case http.StatusGatewayTimeout:
		word = proxystatus.Timeout
	}
	if loop {
		word = proxystatus.Loop
	}
	failed := p.fail(t, word, status, &upstreamResponse{status, loop})
	if loop {
		failed.Detail += ": the way from there leads back to a proxy that the request has passed"
	}
	return failed
}

// saysLoop reports whether a proxy on the way says that it has seen the request before (RFC 9209, 2.3.18).
func saysLoop(h http.Header) bool {
	return proxystatus.HasError(h["Proxy-Status"], proxystatus.Loop)
}

// fail is an error whose text the client may see.
func (p *Upstream) fail(t policy.Target, word string, status int, err error) *DialError {
	e := NewDialError(t, word, err)
	e.Upstream, e.Received = p.id, status
	e.Detail = "upstream proxy " + p.id + ": " + strings.ReplaceAll(word, "_", " ")
	var malformed http1.ResponseError
	if errors.As(err, &malformed) {
		e.Detail += ": " + malformed.Detail()
	}
	if status != 0 {
		e.Detail = fmt.Sprintf("upstream proxy %s answered with status %d", p.id, status)
	}
	return e
}

// BrokenConnWord is the word for a connection that did not carry a whole response.
func BrokenConnWord(err error) string {
	var netErr net.Error
	switch {
	case errors.As(err, &netErr) && netErr.Timeout():
		return proxystatus.ResponseTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &netErr):
		return proxystatus.Terminated
	}
	return proxystatus.Protocol
}
