package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
)

// An Upstream is a proxy on the way to origins. It is safe for concurrent use.
type Upstream struct {
	id     string
	addr   policy.Target // where to connect to
	tls    *tls.Config   // without its roots; nil for plain TCP
	roots  *Roots
	hosts  []policy.Pattern
	except []policy.Pattern
	secret authorizer // nil if it needs none
	health health
}

// An authorizer makes the credentials for an upstream proxy. It is safe for concurrent use.
type authorizer interface {
	// authorization returns the value of Proxy-Authorization for one request. Its errors contain no secrets.
	authorization(ctx context.Context) (string, error)
	// forget says that the last value was not accepted.
	forget()
	// close waits for what authorization has begun. It is called when no request calls it any more.
	close()
}

func newUpstream(spec UpstreamSpec, i int, o Options) (*Upstream, error) {
	addr, secure, err := spec.target()
	if err != nil {
		return nil, err
	}
	p := &Upstream{id: spec.name(i), addr: addr, roots: o.Roots, hosts: patterns(spec.Hosts), except: patterns(spec.Except)}
	if secure {
		p.tls = &tls.Config{ServerName: addr.Host(), NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	}
	switch {
	case spec.Negotiate != nil:
		p.secret, err = newKerberos(*spec.Negotiate, addr.Host())
	case spec.Credentials != "":
		p.secret = &credentials{path: spec.Credentials}
		_, err = p.secret.authorization(context.Background())
	}
	return p, err
}

// authorization is the Proxy-Authorization for p, for one request for t; empty if p needs none.
func (p *Upstream) authorization(ctx context.Context, t policy.Target) (string, error) {
	if p.secret == nil {
		return "", nil
	}
	value, err := p.secret.authorization(ctx)
	switch {
	case err == nil:
		return value, nil
	case errors.Is(ctx.Err(), context.Canceled):
		return "", fmt.Errorf("dial %s: %w", t.HostPort(), context.Canceled)
	}
	word := proxystatus.Configuration
	var ticket *ticketError
	if errors.As(err, &ticket) {
		word = ticket.word
	}
	failed := p.fail(t, word, 0, err)
	if ticket != nil {
		failed.Detail = "upstream proxy " + p.id + ": " + ticket.detail
	}
	return "", failed
}

// HostPort is where p listens.
func (p *Upstream) HostPort() string { return p.addr.HostPort() }

// serves reports whether t is reached through p.
func (p *Upstream) serves(t policy.Target) bool {
	has := func(list []policy.Pattern) bool {
		return slices.ContainsFunc(list, func(pattern policy.Pattern) bool { return pattern.Matches(t.Host()) })
	}
	return !has(p.except) && (len(p.hosts) == 0 || has(p.hosts))
}

// Through returns the upstream proxies that t is reached through, in the order in which they are to be tried: as
// configured, with those that do not work last. It is empty if t is reached directly.
func (e *Egress) Through(t policy.Target) []*Upstream {
	var working, down []*Upstream
	now := time.Now()
	for _, p := range e.upstreams {
		switch {
		case !p.serves(t):
		case len(working) > 0 && p.health.down(): // no need to try it now
			down = append(down, p)
		case p.health.usable(now):
			working = append(working, p)
		default:
			down = append(down, p)
		}
	}
	return append(working, down...)
}

// openThrough opens a tunnel to the target of route.Decision through the first of upstreams that opens one:
// nothing has been sent to the origin before. There is at least one.
func (e *Egress) openThrough(ctx context.Context, route *Route, upstreams []*Upstream) (net.Conn, error) {
	began := time.Now()
	var worst error
	for i, p := range upstreams {
		route.Upstream = p.id
		conn, err := e.tunnelThrough(ctx, route, p, e.share(len(upstreams)-i))
		if err == nil {
			e.worked(p)
			route.Connect = time.Since(began)
			return conn, nil
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, fmt.Errorf("dial %s: %w", route.Decision.Target.HostPort(), context.Canceled)
		}
		if refusedNow(err) {
			return nil, err
		}
		worst = worseOf(worst, err)
		if !e.noteFailure(p, err) {
			break
		}
	}
	route.Connect = time.Since(began)
	var failed *DialError
	if errors.As(worst, &failed) {
		route.Upstream = failed.Upstream
	}
	return nil, worst
}

// share is how long connecting to one upstream proxy may take if left are still to be tried, this one included: an
// upstream proxy that drops packets must not use up the client's patience.
func (e *Egress) share(left int) time.Duration {
	if left == 1 {
		return e.timeout
	}
	return e.timeout / 3
}

// worseOf picks the error to report: a response of an upstream proxy says more than that another one cannot be
// reached.
func worseOf(a, b error) error {
	var own *upstreamResponse
	if a != nil && (errors.As(a, &own) || !errors.As(b, &own)) {
		return a
	}
	return b
}

// noteFailure notes the failure err of p, and reports whether another upstream proxy should be tried.
func (e *Egress) noteFailure(p *Upstream, err error) (again bool) {
	var own *upstreamResponse
	switch {
	case !errors.As(err, &own):
		e.failed(p, err)
		return true
	case own.status == http.StatusProxyAuthRequired:
		if p.secret != nil {
			p.secret.forget()
		}
		e.failed(p, err)
		return true
	}
	e.worked(p)
	return own.status >= 500 && !own.loop
}

// dialUpstream connects to p, by TLS if p is configured so. d is the Decision that it is for.
func (e *Egress) dialUpstream(ctx context.Context, d policy.Decision, p *Upstream) (net.Conn, error) {
	found := e.resolve(ctx, p.addr)
	if found.err != nil {
		return nil, p.blame(d.Target, found.err)
	}
	notSelf := func(addr netip.AddrPort) error {
		if d.CheckAddr(addr).Reason == policy.Loop {
			return errUpstreamIsSelf
		}
		return nil
	}
	connect := func(addrs []netip.Addr) (net.Conn, error) {
		all := make([]netip.AddrPort, 0, len(addrs))
		for _, addr := range addrs {
			all = append(all, netip.AddrPortFrom(addr, p.addr.Port()))
		}
		conn, _, err := e.connect(ctx, p.addr, notSelf, all)
		if err == nil {
			e.KeepAlive(conn)
		}
		return conn, err
	}
	conn, err := connect(found.addrs)
	if err != nil && found.rest != "" && ctx.Err() == nil {
		if rest := e.resolveRest(ctx, p.addr, found.rest); rest.err == nil {
			conn, err = connect(rest.addrs)
		}
	}
	if err != nil {
		return nil, p.blame(d.Target, err)
	}
	if p.tls == nil {
		return conn, nil
	}
	config := p.tls.Clone()
	config.RootCAs = p.roots.Load()
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, p.blame(d.Target, NewTLSError(d.Target, err, false))
	}
	return secure, nil
}

var errUpstreamIsSelf = errors.New("the upstream proxy is this proxy itself")

// blame returns an error that says that p could not be reached. The client reads p's id, never its address.
func (p *Upstream) blame(t policy.Target, err error) error {
	var dial *DialError
	if !errors.As(err, &dial) {
		dial = NewDialError(t, proxystatus.Unavailable, err)
	}
	blamed := *dial
	blamed.target, blamed.Upstream = t.HostPort(), p.id
	blamed.Detail = "upstream proxy " + p.id + ": " + strings.ReplaceAll(dial.Word, "_", " ")
	if dial.Detail != "" {
		blamed.Detail = "upstream proxy " + p.id + ": " + dial.Detail
	}
	return &blamed
}

// worked and failed call OnUpstream when the state of p changes.
func (e *Egress) worked(p *Upstream) {
	if p.health.worked() && e.OnUpstream != nil {
		e.OnUpstream(p.id, nil)
	}
}

func (e *Egress) failed(p *Upstream, err error) {
	if errors.Is(err, errNoDescriptor) { // that is a failure of this proxy
		return
	}
	if p.health.failed(time.Now()) && e.OnUpstream != nil {
		e.OnUpstream(p.id, err)
	}
}
