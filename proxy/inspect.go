package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
	"webproxy/proxy/egress"
	"webproxy/proxy/internal/http1"
	"webproxy/proxy/internal/http1conn"
)

// An Inspector signs the certificates that inspected clients receive. It is safe for concurrent use.
type Inspector interface {
	// Certificate returns a certificate for a host, which is a name or an address in normal form.
	Certificate(host string) (*tls.Certificate, error)
}

// An inspection is a tunnel whose TLS ends at the proxy. The client's requests are served one by one, each an exchange of
// its own, and forwarded to the tunnel's target over TLS sessions of the proxy's own.
type inspection struct {
	srv    *Server
	tunnel *exchange // the CONNECT
	target policy.Target
	leaf   *tls.Certificate
	first  atomic.Pointer[tls.Conn] // the first connection, verified and not used yet
	// wantsCertificate is set once the origin has asked for a certificate of its client.
	wantsCertificate atomic.Bool
	hasResponded     atomic.Bool  // a request
	route            egress.Route // of the first connection
	conns            int          // bounds the connections of the pool

	mu           sync.Mutex           // guards the fields below
	pool         *http.Transport      // of connections to the target, for requests within this tunnel only
	roots        *x509.CertPool       // that the pool's connections were verified against
	opened       map[*originConn]bool // connections to the target
	over         bool                 // the client's connection has ended, and everything inside
	holds        int                  // handlers and tunnels inside
	empty        sync.Cond            // of mu; holds is 0
	http1Conn    *clientConn          // of HTTP/1.1 within the tunnel; nil if there is none
	began        bool                 // HTTP/2 within the tunnel has begun; for newInside only
	clientClosed chan struct{}        // when the client's connection is
	once         sync.Once            // closes it
	// responses are those in progress by HTTP/2.
	responses map[*stallWriter]bool
}

// start implements originSide.
func (n *inspection) start(buffered []byte) {
	x := n.tunnel
	x.setStatus(http.StatusOK)
	x.inspection.Store(n)
	if x.cutReason.Load() != nil { // cut while it was dialled
		x.client.cut()
	}
	x.srv.inflight.wg.Go(func() { n.run(buffered) })
}

var errNoInspector = errors.New("no authority to sign certificates")

// newInspection connects to x's target and verifies its certificate: a client must not receive a valid certificate
// for an origin that has none.
func (s *Server) newInspection(ctx context.Context, x *exchange) (opened *inspection, failed error) {
	n := &inspection{srv: s, tunnel: x, target: x.request.Target, clientClosed: make(chan struct{})}
	n.empty.L = &n.mu
	if err := s.memory.take(n.payer(), tunnelCost); err != nil {
		e := egress.NewDialError(n.target, proxystatus.LimitReached, err)
		e.Detail = "memory for inspected TLS (proxy.inspection_memory): " + err.Error()
		return nil, e
	}
	defer func() {
		if opened == nil {
			s.memory.give(n.payer(), tunnelCost)
		}
	}()
	err := errNoInspector
	if s.Inspector != nil {
		n.leaf, err = s.Inspector.Certificate(n.target.Host())
	}
	if err != nil {
		s.Log.Error("no certificate for inspection", zap.String("host", n.target.Host()), zap.Error(err))
		e := egress.NewDialError(n.target, proxystatus.Configuration, err)
		e.Detail = "this proxy has no certificate for the host, which it is to inspect"
		return nil, e
	}
	n.roots = s.Roots.Load()
	conn, route, err := n.dial(ctx, x, x.permit, "h2", "http/1.1")
	if err != nil {
		x.route = route
		return nil, err
	}
	x.routed(route)
	if route.Addr.IsValid() {
		x.addr.Store(&route.Addr)
	}
	n.route = route
	n.conns = maxOriginConns
	if conn.ConnectionState().NegotiatedProtocol == "h2" {
		n.conns = 1 // otherwise each of the first requests would open one instead of waiting for another's
	}
	n.pool = n.newPool()
	n.first.Store(conn)
	return n, nil
}

func (n *inspection) newPool() *http.Transport {
	pool := n.srv.newTransport()
	pool.DialContext = neverDial
	pool.DialTLSContext = n.dialPooled
	pool.MaxConnsPerHost, pool.MaxIdleConnsPerHost = n.conns, min(n.conns, maxIdleInside)
	pool.MaxResponseHeaderBytes = maxInsideHead
	pool.HTTP2 = n.srv.originHTTP2()
	pool.Protocols = new(http.Protocols)
	pool.Protocols.SetHTTP1(true)
	pool.Protocols.SetHTTP2(true)
	return pool
}

// trusted returns the pool of connections that were verified against the roots in force. When the roots have changed
// that is a new pool; connections of the old one are closed once they are idle.
func (n *inspection) trusted() *http.Transport {
	roots := n.srv.Roots.Load()
	n.mu.Lock()
	if roots == n.roots {
		defer n.mu.Unlock()
		return n.pool
	}
	old, pool := n.pool, n.newPool()
	n.pool, n.roots = pool, roots
	n.mu.Unlock()
	if conn := n.first.Swap(nil); conn != nil {
		conn.Close()
	}
	old.CloseIdleConnections()
	return pool
}

// dial opens a TLS session with d's target, verified. It is for x, which may be nil.
func (n *inspection) dial(ctx context.Context, x *exchange, d policy.Decision, protocols ...string) (*tls.Conn, egress.Route, error) {
	if err := n.srv.insideConns.take(n.payer(), 1); err != nil {
		e := egress.NewDialError(n.target, proxystatus.LimitReached, err)
		e.Detail = "connections of one client's inspected tunnels (proxy.max_connections_per_client)"
		return nil, egress.Route{Decision: d}, e
	}
	conn, route, err := n.srv.dial(n.srv.rates.dialsFor(ctx, n.payer()), x, d)
	if err != nil {
		n.srv.insideConns.give(n.payer(), 1)
		return nil, route, err
	}
	kept := n.keep(&originConn{Conn: conn, route: route})
	secure := tls.Client(kept, &tls.Config{
		ServerName: n.target.Host(),
		RootCAs:    n.srv.Roots.Load(),
		NextProtos: protocols,
		MinVersion: tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			n.wantsCertificate.Store(true)
			return new(tls.Certificate), nil // empty: some origins only ask
		},
	})
	limited, cancel := context.WithTimeout(ctx, n.srv.Egress.ConnectTimeout())
	defer cancel()
	if err := secure.HandshakeContext(limited); err != nil {
		kept.Close()
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, route, fmt.Errorf("dial %s: %w", n.target.HostPort(), context.Canceled)
		}
		return nil, route, egress.NewTLSError(n.target, err, n.wantsCertificate.Load())
	}
	if x != nil {
		if _, err := x.Again(); err != nil {
			kept.Close()
			return nil, route, err
		}
	}
	return secure, route, nil
}

// dialPooled is the DialTLSContext of n.pool.
func (n *inspection) dialPooled(ctx context.Context, network, address string) (net.Conn, error) {
	d, ok := ctx.Value(decisionKey{}).(policy.Decision)
	if !ok || network != "tcp" || address != d.Target.HostPort() || d.Target != n.target {
		return nil, fmt.Errorf("dial %s %s: not what was decided: %w", network, address, egress.ErrNotPermitted)
	}
	conn := n.first.Swap(nil)
	if conn == nil {
		var err error
		if conn, _, err = n.dial(ctx, exchangeOfContext(ctx), d, "h2", "http/1.1"); err != nil {
			return nil, err // not a nil *tls.Conn in an interface
		}
	}
	if conn.ConnectionState().NegotiatedProtocol == "h2" {
		return conn, nil
	}
	return newHTTP1Conn(conn, conn.NetConn().(*originConn).route), nil
}

// keep makes conn end with n, at the latest.
func (n *inspection) keep(conn *originConn) *originConn {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opened == nil {
		n.opened = map[*originConn]bool{}
	}
	n.opened[conn] = true
	conn.closed = func() {
		n.srv.insideClosed.Add(1)
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.opened[conn] {
			delete(n.opened, conn)
			n.srv.insideConns.give(n.payer(), 1)
		}
	}
	if n.over {
		conn.Conn.Close()
	}
	return conn
}

// shed closes n's idle connections.
func (n *inspection) shed() {
	n.mu.Lock()
	pool := n.pool
	n.mu.Unlock()
	if pool != nil {
		pool.CloseIdleConnections()
	}
}

// roundTrip forwards a request within the tunnel. The address is checked again: another rule may apply to this
// request.
func (n *inspection) roundTrip(d policy.Decision, r *http.Request) (*http.Response, error) {
	if addr := n.route.Addr; addr.IsValid() {
		if checked := d.CheckAddr(addr); !checked.Permit {
			return nil, &egress.RefusedError{Decision: checked}
		}
	}
	resp, err := n.trusted().RoundTrip(r)
	if err == nil {
		n.hasResponded.Store(true)
	}
	return resp, err
}

// missesCertificate reports whether err is due to an origin that has asked for a client certificate and got none. In
// TLS 1.3 such an origin reports that, if at all, when the session is already established on our side: a write then
// finds the connection closed, or an HTTP/2 transport finds it closed before anything was written and reports its own
// error. So before the origin's first response every error but a timeout counts.
func (n *inspection) missesCertificate(err error) bool {
	var netErr net.Error
	return n.wantsCertificate.Load() && (egress.IsTLSAlert(err) || !n.hasResponded.Load() && !(errors.As(err, &netErr) && netErr.Timeout()))
}

// payer is the client whose share of the budgets n uses.
func (n *inspection) payer() netip.Addr { return n.tunnel.request.Client }

// closeOrigin closes n's connections to the origin. It is called once.
func (n *inspection) closeOrigin() {
	n.srv.memory.give(n.payer(), tunnelCost)
	if conn := n.first.Swap(nil); conn != nil {
		conn.Close()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
	// A connection of HTTP/2 may not be idle yet for n.pool although its last response has ended.
	for conn := range n.opened {
		conn.Conn.Close()
		n.srv.insideConns.give(n.payer(), 1)
	}
	clear(n.opened)
}

// run serves the client until its connection ends, and everything inside has ended.
func (n *inspection) run(buffered []byte) {
	x, s := n.tunnel, n.srv
	defer x.cancel()
	word := n.serve(buffered)
	n.mu.Lock()
	for n.holds > 0 {
		n.empty.Wait()
	}
	n.mu.Unlock()
	n.closeOrigin()
	x.client.close()
	if word != "" && s.draining.Load() {
		word = wordShutdown
	}
	x.close(word)
}

// serve responds to the CONNECT, has the client begin TLS, and serves the requests inside. It returns the word for
// the close record.
func (n *inspection) serve(buffered []byte) string {
	x, s := n.tunnel, n.srv
	if _, err := x.client.conn.Write([]byte(established)); err != nil {
		return wordClientGone
	}
	client := tls.Server(&http1conn.Conn{Conn: x.client.conn, Buffered: buffered}, &tls.Config{
		GetCertificate:         n.certificate,
		NextProtos:             []string{"h2", "http/1.1"},
		MinVersion:             tls.VersionTLS12,
		SessionTicketsDisabled: true,
	})
	x.client.conn.SetDeadline(deadlineIn(s.limits.header))
	if err := client.Handshake(); err != nil {
		if x.decision.Reason == policy.SNIMismatch {
			return denials[policy.SNIMismatch].word
		}
		x.detail = "no TLS session with the client, which may not trust the inspection authority"
		return proxystatus.TLSProtocol
	}
	x.client.conn.SetDeadline(noDeadline)
	if client.ConnectionState().NegotiatedProtocol == "h2" {
		return n.serveHTTP2(client)
	}
	s.http.Serve(&oneConnListener{conn: n.newHTTP1Conn(client), closed: n.clientClosed})
	<-n.clientClosed
	return ""
}

// certificate is called during the handshake, on run's goroutine. It refuses a ClientHello that names another host.
func (n *inspection) certificate(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if h.ServerName != "" && !n.named(h.ServerName) {
		n.tunnel.refuseAs(policy.SNIMismatch)
		n.tunnel.detail = "the ClientHello names another host than the CONNECT"
		return nil, errors.New("ClientHello for another host")
	}
	return n.leaf, nil
}

// named reports whether sni is the host of the tunnel; case does not matter (RFC 6066, 3).
func (n *inspection) named(sni string) bool {
	t, err := policy.ParseTarget(policy.HTTPS, http1.WithPort(sni, strconv.Itoa(int(n.target.Port()))))
	return err == nil && t == n.target
}

// hold keeps run from returning until release.
func (n *inspection) hold() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.holds++
}

func (n *inspection) release() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.holds--; n.holds == 0 {
		n.empty.Broadcast()
	}
}
