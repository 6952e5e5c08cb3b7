package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"webproxy/policy"
)

// ErrNotPermitted is returned for a Decision that does not permit its request. Nothing was resolved or dialled. It
// means a mistake of the caller.
var ErrNotPermitted = errors.New("decision does not permit it")

// Egress opens connections to origins. It is the only code that dials; only KDCs, for upstream proxies with negotiate, are
// dialled by the Kerberos library.
//
// It reaches origins directly or through the upstream proxies it is given, and takes nothing from the
// environment: no HTTP_PROXY, no GODEBUG. An Egress is made by New, and safe for concurrent use.
type Egress struct {
	// OnUpstream is called when an upstream proxy stops working, with the reason, and with nil when it works again.
	// It is called inside requests and concurrently, and may be nil. Set it before the first use.
	OnUpstream func(id string, err error)

	upstreams []*Upstream
	names     *nameCache
	timeout   time.Duration // of connecting, all attempts together
	dialer    *net.Dialer
	keepAlive net.KeepAliveConfig
}

// KeepAlive turns on TCP keep-alive for conn, so that a peer that is gone is found. Open does so, unless
// Route.LateKeepAlive is set. An error would mean that conn is closed.
func (e *Egress) KeepAlive(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetKeepAliveConfig(e.keepAlive)
	}
}

// ConnectTimeout bounds connecting to an origin, TLS and all its addresses included.
func (e *Egress) ConnectTimeout() time.Duration { return e.timeout }

// HasUpstreams reports whether an origin may have to be reached through an upstream proxy.
func (e *Egress) HasUpstreams() bool { return e != nil && len(e.upstreams) > 0 }

// A Route is how a connection to an origin came about.
type Route struct {
	// Addr is the address connected to; if there was an error, the one whose failure it is about. It is invalid if
	// none was dialled.
	Addr netip.AddrPort
	// DNS and Connect are how long the name and the connection took.
	DNS, Connect time.Duration
	// Decision is the caller's, as evaluated for Addr: in learn mode an address outside the rule's service tag changes
	// its verdict. If nothing was dialled it is the caller's.
	Decision policy.Decision
	// Upstream is the upstream proxy that it leads through. That proxy resolves the name, so there is no Addr. Empty
	// if it leads to the origin directly.
	Upstream string

	// LateKeepAlive is set by a caller that calls KeepAlive later, for a connection that may be short: keep-alive
	// takes four system calls.
	LateKeepAlive bool

	// Asker is the request that the connection is opened for: while it is opened, Asker's decision holds instead of
	// Decision. It may be nil.
	Asker asker
}

// An Asker is the request that a connection is opened for.
type asker interface {
	// Again returns the Decision that holds now, or why nothing may be dialled any more. It is called concurrently.
	Again() (policy.Decision, error)
	// ViaOut is the Via of the CONNECT that asks an upstream proxy for a tunnel.
	ViaOut() string
}

// renew makes r's Decision the one that holds now, or returns why nothing may be dialled any more.
func (r *Route) renew() error {
	if r.Asker == nil {
		return nil
	}
	d, err := r.Asker.Again()
	if err != nil {
		return err
	}
	r.Decision = d
	return nil
}

// A RefusedError says that no address of a permitted target may be dialled, or that the target is not permitted any
// more.
type RefusedError struct {
	// Decision is the refused one, with its Reason: the client's response is a denial.
	Decision policy.Decision

	Late bool // the request itself is refused, not only its addresses: see Asker.Again
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("dial %s: %s", e.Decision.Target.HostPort(), e.Decision.Reason)
}

// New returns an Egress with the Options o. The error is that of o.Check, or of a file that o names. The caller
// closes the Egress.
func New(o Options) (*Egress, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	static, _ := o.staticNames()
	upstreams := make([]*Upstream, 0, len(o.Upstreams))
	for i, spec := range o.Upstreams {
		p, err := newUpstream(spec, i, o)
		if err != nil {
			return nil, fmt.Errorf("upstream proxy %s: %w", spec.name(i), err)
		}
		upstreams = append(upstreams, p)
	}
	return &Egress{
		upstreams: upstreams,
		names:     newNameCache(o, static),
		timeout:   o.ConnectTimeout,
		dialer:    newDialer(o),
		keepAlive: net.KeepAliveConfig{
			Enable:   true,
			Idle:     o.KeepAlive,
			Interval: keepAliveInterval,
			Count:    keepAliveProbes,
		},
	}, nil
}

// Close waits for what e does in the background: logins by Kerberos. A login cannot be cancelled, and ends within the
// limits of its library, about 10 s for each KDC. Close is called when no connection is opened any more.
func (e *Egress) Close() {
	for _, p := range e.upstreams {
		if p.secret != nil {
			p.secret.close()
		}
	}
}

// AdmitSockets sets the function that is asked about every socket that e opens. It is called before e is used.
func (e *Egress) AdmitSockets(admits func(c syscall.RawConn) bool) {
	d := admission(admits)
	e.names.files = d
	before := e.dialer.ControlContext
	e.dialer.ControlContext = func(ctx context.Context, network, address string, c syscall.RawConn) error {
		if err := before(ctx, network, address, c); err != nil {
			return err
		}
		return d.open(c)
	}
}

// Open connects to the target of route.Decision and fills in the rest of route; the caller closes the connection. It
// is a bare *net.TCPConn, so that the kernel may copy its bytes, unless it leads through an upstream proxy: then it
// may be a *tls.Conn or an *http1conn.Conn. Every address is checked by Decision.CheckAddr when it is known and again
// when it is dialled, and no socket is connected to any other. Through an upstream proxy no address is known.
//
// The error is ErrNotPermitted unless the Decision permits, a *RefusedError if no address may be dialled, a
// *DialError if the origin cannot be reached, or wraps ctx's error if that was cancelled. The Route is filled in then
// too.
//
// The Route is a pointer because passing it by value grows the stack, which costs more than to dial.
func (e *Egress) Open(ctx context.Context, route *Route) (net.Conn, error) {
	d := &route.Decision
	if !d.Permit {
		return nil, ErrNotPermitted
	}
	if upstreams := e.Through(d.Target); len(upstreams) > 0 {
		return e.openThrough(ctx, route, upstreams)
	}
	asked := *d
	began := time.Now()
	found := e.resolve(ctx, d.Target)
	route.DNS = time.Since(began)
	if found.err != nil {
		return nil, found.err
	}
	conn, err := e.openTo(ctx, route, found.addrs)
	if err == nil || found.rest == "" || ctx.Err() != nil {
		return conn, err
	}
	// The addresses that were not waited for may be better.
	*d = asked
	began = time.Now()
	rest := e.resolveRest(ctx, d.Target, found.rest)
	route.DNS += time.Since(began)
	if rest.err != nil {
		return nil, err
	}
	return e.openTo(ctx, route, rest.addrs)
}

// openTo is Open for addrs, which are those of the target.
func (e *Egress) openTo(ctx context.Context, route *Route, addrs []netip.Addr) (net.Conn, error) {
	d := &route.Decision
	if err := route.renew(); err != nil {
		return nil, err
	}
	// An array, so that the common case allocates nothing.
	var space [usualAddrs]netip.AddrPort
	permitted, refusal := permittedAddrs(space[:0], d, addrs)
	if len(permitted) == 0 {
		return nil, refusal
	}
	began := time.Now()
	conn, addr, err := e.connect(ctx, d.Target, route.checkAddr, permitted)
	route.Connect = time.Since(began)
	if err == nil {
		err = route.renew()
	}
	route.leads(addr)
	if err == nil && !d.Permit {
		err = &RefusedError{Decision: *d}
	}
	if err != nil && conn != nil {
		conn.Close()
		return nil, err
	}
	if err == nil && !route.LateKeepAlive {
		e.KeepAlive(conn)
	}
	return conn, err
}

// leads sets r.Addr to addr. It is not inlined, so that its copies of a Decision take stack only here.
//
//go:noinline
func (r *Route) leads(addr netip.AddrPort) {
	r.Addr, r.Decision = addr, r.Decision.CheckAddr(addr)
}

// resolve returns the addresses of t; for an IP literal that is itself, without DNS. The slice is shared: it must not
// be changed.
func (e *Egress) resolve(ctx context.Context, t policy.Target) nameAnswer {
	if addr := t.Addr(); addr.IsValid() {
		return nameAnswer{addrs: []netip.Addr{addr}}
	}
	a := e.names.find(ctx, t.Host())
	a.err = resolveError(ctx, t, a.err)
	return a
}

// resolveRest returns the addresses of t, a name, that resolve did not wait for.
func (e *Egress) resolveRest(ctx context.Context, t policy.Target, network string) nameAnswer {
	limited, cancel := context.WithTimeout(ctx, e.names.timeout)
	defer cancel()
	a, _ := e.names.ask(limited, t.Host(), network)
	a.err = resolveError(ctx, t, a.err)
	return a
}

func resolveError(ctx context.Context, t policy.Target, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("resolve %s: %w", t.Host(), context.Canceled)
	}
	return newDNSError(t, err)
}

// usualAddrs is how many addresses most names have at most.
const usualAddrs = 4

// permittedAddrs appends to dst the addresses that d may be dialled to. If there are none, the error says why the
// first one may not be.
func permittedAddrs(dst []netip.AddrPort, d *policy.Decision, addrs []netip.Addr) ([]netip.AddrPort, error) {
	var refusal error
	for _, addr := range addrs {
		ap := netip.AddrPortFrom(addr, d.Target.Port())
		if checked := d.CheckAddr(ap); checked.Permit {
			dst = append(dst, ap)
		} else if refusal == nil {
			refusal = &RefusedError{Decision: checked}
		}
	}
	return dst, refusal
}

// connect dials addrs of t, of which there is at least one, within e.timeout. check checks each once more. It returns
// the address of the connection, or of the failure.
func (e *Egress) connect(ctx context.Context, t policy.Target, check addrCheck, addrs []netip.AddrPort) (conn net.Conn, addr netip.AddrPort, err error) {
	limited, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	if len(addrs) == 1 { // no goroutine for the common case
		addr = addrs[0]
		conn, err = e.dial(limited, check, addr)
	} else {
		r := dialRace{dial: func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
			return e.dial(ctx, check, addr)
		}}
		conn, addr, err = r.run(limited, addrs)
	}
	if err != nil {
		return nil, addr, connectError(ctx, t, addr, err)
	}
	return conn, addr, nil
}

// An addrCheck returns why an address may not be dialled.
type addrCheck func(netip.AddrPort) error

// checkAddr is the addrCheck of r. It does not change r.
func (r *Route) checkAddr(addr netip.AddrPort) error {
	d := r.Decision
	if r.Asker != nil {
		var err error
		if d, err = r.Asker.Again(); err != nil {
			return err
		}
	}
	if checked := d.CheckAddr(addr); !checked.Permit {
		return &RefusedError{Decision: checked}
	}
	return nil
}

// dial connects to addr, if check permits it, and to nothing else.
func (e *Egress) dial(ctx context.Context, check addrCheck, addr netip.AddrPort) (net.Conn, error) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	if err := check(addr); err != nil {
		return nil, err
	}
	checked := addr.String()
	return e.dialer.DialContext(context.WithValue(ctx, checkedKey{}, checked), "tcp", checked)
}

// checkedKey is the context key of the address, as text, that was checked for a dial.
type checkedKey struct{}

// onlyChecked is called with the address that a socket is about to be connected to. Whatever package net has done
// since dial, it must be the one that was checked.
func onlyChecked(ctx context.Context, _, address string, _ syscall.RawConn) error {
	if checked, ok := ctx.Value(checkedKey{}).(string); !ok || address != checked {
		return fmt.Errorf("address %q, while %q was checked: %w", address, checked, ErrNotPermitted)
	}
	return nil
}

// newDialer returns the dialer for all connections. Its context holds the address that was checked.
func newDialer(o Options) *net.Dialer {
	dialer := &net.Dialer{
		KeepAlive: -1, // see Egress.KeepAlive
		// The last moment before connecting, with the address that the socket will have.
		ControlContext: onlyChecked,
	}
	dialer.SetMultipathTCP(false) // otherwise GODEBUG would decide
	return dialer
}
