package proxy

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
	"webproxy/proxy/egress"
	"webproxy/proxy/internal/http1conn"
)

// connect opens the tunnel of a permitted CONNECT. The origin is dialled first, while net/http still watches whether
// the client disconnects; then goproxy hijacks the connection, and the tunnel starts.
func (s *Server) connect(x *exchange, rw http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	x.cancel = cancel
	s.track(x)
	side, err := x.openOriginSide(ctx)
	if err != nil {
		defer cancel()
		x.respondFailure(rw, r, err)
		return
	}
	h := &hijacker{ResponseWriter: rw, client: x.client}
	x.start = func() { side.start(h.buffered) }
	s.engine.ServeHTTP(h, x.with(ctx, r))
	if !h.done { // the connection could not be hijacked
		defer cancel()
		side.closeOrigin()
		x.close(proxystatus.Internal)
	}
}

// An originSide is what a permitted CONNECT leads to: a tunnel to the origin, or the inspection of its TLS.
type originSide interface {
	// start serves the client in a goroutine of its own. buffered came with the CONNECT.
	start(buffered []byte)
	// closeOrigin ends it instead. One of the two is called, once.
	closeOrigin()
}

// openOriginSide opens what x, a permitted CONNECT, leads to.
func (x *exchange) openOriginSide(ctx context.Context) (side originSide, err error) {
	for range maxModeChanges {
		if side, err = x.openInMode(ctx); !errors.Is(err, egress.ErrOtherWay) {
			break
		}
		x.switchMode()
	}
	return side, err
}

// openInMode opens x's origin side in the mode that the policy asked for last.
func (x *exchange) openInMode(ctx context.Context) (originSide, error) {
	if x.inspected {
		n, err := x.srv.newInspection(ctx, x)
		if err != nil {
			return nil, err // an untyped nil: a nil *inspection in the interface would not be nil
		}
		return n, nil
	}
	origin, err := x.open(ctx, x.permit)
	if err != nil {
		return nil, err
	}
	return &plainTunnel{x: x, tunnel: tunnel{origin: origin}}, nil
}

// A plainTunnel is the origin side of a CONNECT whose bytes are copied unchanged.
type plainTunnel struct {
	tunnel
	x *exchange
}

func (p *plainTunnel) closeOrigin() { p.origin.Close() }

// established is the response to a CONNECT. No field of ours has a meaning in it (RFC 9110, 9.3.6).
const established = "HTTP/1.1 200 Connection established\r\n\r\n"

// start implements originSide.
func (p *plainTunnel) start(buffered []byte) {
	x := p.x
	x.setStatus(http.StatusOK)
	p.buffered, p.checkHello = buffered, x.checkClientHello
	p.clientHelloTimeout = x.srv.TLS.HelloTimeout.Or(defaultHelloTimeout)
	x.startTunnel(&p.tunnel, []byte(established))
}

// open dials what d permits and notes the route.
func (x *exchange) open(ctx context.Context, d policy.Decision) (net.Conn, error) {
	if x.inside != nil {
		return x.openInside(ctx, d)
	}
	x.route = egress.Route{}
	x.route.Decision, x.route.LateKeepAlive = d, x.request.Method == http.MethodConnect // see parkingLot.settled
	conn, err := x.srv.dialRoute(x.srv.rates.dialsFor(ctx, x.request.Client), x, &x.route)
	if err != nil {
		return nil, err
	}
	x.setDecision(x.route.Decision)
	return conn, nil
}

// openInside is open for a request within an inspected tunnel.
func (x *exchange) openInside(ctx context.Context, d policy.Decision) (net.Conn, error) {
	conn, route, err := x.inside.dial(ctx, x, d, "http/1.1")
	if err != nil {
		x.route = route
		return nil, err
	}
	x.routed(route)
	return conn, nil
}

// dial opens a connection to d's target, for the transport. It is for x, which may be nil.
func (s *Server) dial(ctx context.Context, x *exchange, d policy.Decision) (net.Conn, egress.Route, error) {
	route := egress.Route{Decision: d}
	conn, err := s.dialRoute(ctx, x, &route)
	return conn, route, err
}

// dialRoute opens a connection to the target of route.Decision on behalf of x, and fills in the rest of route.
func (s *Server) dialRoute(ctx context.Context, x *exchange, route *egress.Route) (net.Conn, error) {
	if s.Egress == nil {
		return nil, errNoEgress
	}
	if err := s.rates.mayDial(ctx, &route.Decision); err != nil {
		return nil, err
	}
	if x != nil { // else the interface would not be nil
		route.Asker = x
	}
	conn, err := s.Egress.Open(ctx, route)
	route.Asker = nil // an idle connection keeps its route
	s.dialled(route, err)
	return conn, err
}

// dialled passes r by value. It is not inlined, so that the copy takes stack only here; see Egress.Open.
//
//go:noinline
func (s *Server) dialled(r *egress.Route, err error) { s.observer().Dialled(*r, err) }

var errNoEgress = errors.New("no egress")

// startTunnel sends greeting to the client and runs t in a goroutine of its own: the handler returns,
// so that net/http's buffers and stack are freed while the tunnel lives.
func (x *exchange) startTunnel(t *tunnel, greeting []byte) {
	s := x.srv
	t.client = x.client.conn
	if x.inside != nil {
		x.inside.hold()
	}
	var buffered http1conn.Buffered
	if t.origin, buffered = http1conn.Unwrap(t.origin); len(buffered) > 0 {
		t.in.Add(int64(len(buffered)))
		greeting = append(greeting, buffered...)
	}
	t.idle = s.Options.TunnelIdle.Or(0)
	t.halfCloseTimeout = s.Options.HalfCloseTimeout.Or(defaultHalfCloseTimeout)
	t.stall = s.limits.stall
	t.pools = &s.tunnelPools
	t.over = make(chan struct{})
	t.pace = s.rates.pace(x.request.Client, t.over)
	if addr := x.route.Addr; addr.IsValid() {
		x.addr.Store(&addr)
	}
	x.tunnel.Store(t)
	if x.cutReason.Load() != nil { // cut while the origin was dialled
		t.cut()
	}
	t.lot = &s.parking
	s.inflight.wg.Add(1)
	go x.runTunnel(t, greeting)
}

// runTunnel sends greeting to the client and moves bytes, until one direction has ended or is parked.
func (x *exchange) runTunnel(t *tunnel, greeting []byte) {
	if _, err := x.client.Write(greeting); err != nil {
		t.cut()
		x.tunnelEnded(t, wordClientGone)
		return
	}
	x.client.SetDeadline(noDeadline)
	t.begin(func() {
		word := tunnelWord(t.end)
		if !x.decision.Permit {
			word = denials[x.decision.Reason].word
		}
		if t.end == tunnelRefused {
			x.client.lingerOnClose() // the client should be able to read why
		}
		x.tunnelEnded(t, word)
	})
}

// tunnelEnded is called when t is over. word is for the close record.
func (x *exchange) tunnelEnded(t *tunnel, word string) {
	defer x.srv.inflight.wg.Done()
	defer x.cancel()
	if x.inside != nil {
		defer x.inside.release()
	}
	x.out.Store(t.out.Load())
	x.in.Store(t.in.Load())
	x.client.close()
	x.close(word)
}

// tunnelWord is the close record's word for the end of a tunnel; empty if it ended regularly.
func tunnelWord(end tunnelEnd) string {
	switch end {
	case tunnelClosed:
		return ""
	case tunnelIdle:
		return wordIdle
	case tunnelStalled:
		return proxystatus.WriteTimeout
	}
	return proxystatus.Terminated
}

// close ends a permitted exchange: it writes the close record.
func (x *exchange) close(word string) {
	x.srv.untrack(x)
	x.end(word)
}

// A hijacker hands goproxy the client connection, and keeps the bytes that came with the CONNECT: goproxy drops the
// reader that holds them.
type hijacker struct {
	http.ResponseWriter
	client   *clientConn
	buffered []byte
	done     bool
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.done = true
	if n := rw.Reader.Buffered(); n > 0 {
		b, _ := rw.Reader.Peek(n)
		h.buffered = append(h.buffered, b...)
	}
	h.buffered = append(h.buffered, h.client.takeBuffered()...)
	return conn, rw, nil
}
