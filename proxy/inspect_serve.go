package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"

	"webproxy/policy"
	"webproxy/proxy/internal/http1"
)

// serveHTTP2 is serve for a client that speaks HTTP/2. The filter checks its requests too; see h2_filter.go.
func (n *inspection) serveHTTP2(client *tls.Conn) string {
	l := &oneConnListener{conn: newH2Filter(client, n), closed: n.clientClosed}
	if err := n.srv.inside.Serve(l); errors.Is(err, http.ErrServerClosed) && !l.given {
		client.Close()
		return wordShutdown
	}
	<-n.clientClosed
	return ""
}

// newHTTP1Conn puts the filter of client connections on HTTP/1.1 within the tunnel: malformed requests are refused
// and recorded before net/http sees them.
func (n *inspection) newHTTP1Conn(client *tls.Conn) *clientConn {
	outer := n.tunnel.client
	c := newClientConn(outer.tcp, n.srv.limits, n.srv)
	c.conn, c.inside = client, n
	c.limits.fastGets = false // its connections to the origin are n's
	c.addr, c.group, c.name = outer.addr, outer.group, outer.name
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.http1Conn = c; n.srv.draining.Load() {
		c.drain()
	}
	return c
}

// drain stops further requests within the tunnel; requests in progress go on. Server.draining is set before.
func (n *inspection) drain() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.http1Conn != nil {
		n.http1Conn.drain()
	}
}

// ended is called when the client's connection is closed.
func (n *inspection) ended() { n.once.Do(func() { close(n.clientClosed) }) }

// serveInside is serve for a request of HTTP/2 within an inspected tunnel. The filter has verified it, and the request to
// the origin is serialised anew.
func (s *Server) serveInside(rw http.ResponseWriter, r *http.Request) {
	n := r.Context().Value(insideKey{}).(*inspection)
	c := n.http2RequestConn()
	a := http1.RequestTarget{Form: http1.FormOrigin}
	if r.RequestURI == "*" {
		a.Form = http1.FormAsterisk
	} else if !strings.HasPrefix(r.RequestURI, "/") {
		a.Form = http1.FormNone
	}
	c.target = n.targetInside(a, r.Host)
	s.handle(c, rw, r)
}

// http2RequestConn returns a clientConn without a connection, for a request of HTTP/2. It holds only who sent the
// request, and its target. It cannot be read or closed.
func (n *inspection) http2RequestConn() *clientConn {
	outer := n.tunnel.client
	c := &clientConn{addr: outer.addr, group: outer.group, name: outer.name, inside: n}
	c.wake.L = &c.mu
	return c
}

// targetInside is the target of a request within the tunnel: a path of the tunnel's host. read is its request target
// as parsed, host its Host or :authority, which an absolute form replaces (RFC 9112, 3.2.2).
func (n *inspection) targetInside(read http1.RequestTarget, host string) http1.RequestTarget {
	a := http1.RequestTarget{Form: http1.FormInside, Target: n.target, Scheme: "https"}
	other := "the request names another host than its tunnel"
	switch read.Form {
	case http1.FormAbsolute:
		if read.Target != n.target {
			a.Unsupported = other
		}
	case http1.FormOrigin, http1.FormAsterisk:
		if t, err := policy.ParseTarget(policy.HTTPS, http1.WithPort(host, "443")); err != nil || t != n.target {
			a.Unsupported = other
		}
	default:
		a.Unsupported = "a request inside a tunnel names a path only"
	}
	return a
}

// absolute rewrites r to absolute form with the tunnel's target, as the code that follows expects.
func (n *inspection) absolute(c *clientConn, r *http.Request) {
	if c.target.Unsupported == "" {
		path := r.RequestURI
		switch {
		case path == "*":
			path = ""
		case path[0] != '/':
			path = http1.AfterAuthority(path)
		}
		r.RequestURI = "https://" + n.target.HostPort() + path
	}
	r.URL.Scheme, r.URL.Host = "https", n.target.HostPort()
}

// A oneConnListener is a listener that returns one connection.
type oneConnListener struct {
	conn   net.Conn
	closed chan struct{} // when the connection is; if nil, Accept does not wait for that
	given  bool
}

// Accept implements net.Listener.
func (l *oneConnListener) Accept() (net.Conn, error) {
	if !l.given {
		l.given = true
		return l.conn, nil
	}
	if l.closed != nil {
		<-l.closed
	}
	return nil, net.ErrClosed
}

// Close implements net.Listener. The connection stays open.
func (l *oneConnListener) Close() error { return nil }

// Addr implements net.Listener.
func (l *oneConnListener) Addr() net.Addr { return l.conn.LocalAddr() }

// newInside returns the server of HTTP/2 inside inspected tunnels.
func (s *Server) newInside() *http.Server {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true) // the TLS is below the filter
	return &http.Server{
		Handler:                      http.HandlerFunc(s.serveInside),
		ReadHeaderTimeout:            s.limits.header,
		IdleTimeout:                  s.limits.idle,
		MaxHeaderBytes:               s.limits.heads.size,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     debugLog(s.Log),
		Protocols:                    p,
		HTTP2:                        s.clientHTTP2(),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, insideKey{}, insideOf(c))
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			n := insideOf(c)
			switch {
			case state == http.StateClosed:
				n.ended()
			case state == http.StateIdle && !n.began:
				// A connection as young as this may have missed the GOAWAY of Shutdown.
				if n.began = true; s.draining.Load() {
					c.Close()
				}
			}
		},
	}
}

type insideKey struct{}

func insideOf(c net.Conn) *inspection {
	return c.(*h2Filter).inside
}
