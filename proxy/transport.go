package proxy

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"webproxy/policy"
)

// transports holds one pool of connections to origins for each class of addresses: a connection
// that one rule may use, because it lets its hosts have private addresses, is none for another rule.
type transports struct {
	srv   *Server
	mu    sync.Mutex // guards pools
	pools map[policy.AddrClass]*http.Transport
	// through has one pool for each parent: no address of an origin is known there.
	through map[*parent]*http.Transport
}

// of returns the pool for d.
func (t *transports) of(d policy.Decision) *http.Transport {
	class := d.AddrClass()
	t.mu.Lock()
	defer t.mu.Unlock()
	if pool := t.pools[class]; pool != nil {
		return pool
	}
	if t.pools == nil {
		t.pools = make(map[policy.AddrClass]*http.Transport)
	}
	pool := t.srv.newTransport()
	t.pools[class] = pool
	return pool
}

// toParent returns the pool of connections to p.
func (t *transports) toParent(p *parent) *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if pool := t.through[p]; pool != nil {
		return pool
	}
	if t.through == nil {
		t.through = make(map[*parent]*http.Transport)
	}
	pool := t.srv.newParentTransport(p)
	t.through[p] = pool
	return pool
}

// drop closes all idle connections. Those in use are closed when their request is done. A class
// belongs to one Set, so after another was installed the pools dropped are never asked again.
func (t *transports) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, pool := range t.pools {
		pool.CloseIdleConnections()
	}
	clear(t.pools)
	for _, pool := range t.through {
		pool.CloseIdleConnections()
	}
	clear(t.through)
}

func (s *Server) newTransport() *http.Transport {
	return &http.Transport{
		Proxy:              nil, // nothing from the environment
		DialContext:        s.dialOrigin,
		DisableCompression: true, // else it would ask for gzip by itself and unpack the answer
		Protocols:          http1Only(),
		// How long the body is held back for a client that expects 100-continue, if the origin
		// says nothing. RFC 9110, 10.1.1: a client should not wait for ever, as origins that know
		// nothing of Expect do not answer it; a second is what curl waits.
		ExpectContinueTimeout: time.Second,
		ResponseHeaderTimeout: s.Options.ResponseTimeout.or(0),
		MaxIdleConns:          1024,
		MaxIdleConnsPerHost:   32,
		// Origins close idle connections after 60 s and more; http.Transport retries what is
		// safe to retry if one does so in that moment.
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// dialOrigin is the DialContext of every transport. It dials the target of the exchange in ctx, and
// only if that is what the transport asks for.
func (s *Server) dialOrigin(ctx context.Context, network, address string) (net.Conn, error) {
	d, ok := ctx.Value(decisionKey{}).(policy.Decision)
	if !ok || network != "tcp" || address != d.Target.HostPort() {
		return nil, fmt.Errorf("dial %s %s: not what was decided: %w", network, address, ErrNotPermitted)
	}
	conn, route, err := s.dial(ctx, d)
	if err != nil {
		return nil, err
	}
	return &originConn{Conn: conn, route: route}, nil
}

// An originConn is a pooled connection that remembers how it came about.
type originConn struct {
	net.Conn
	route  Route
	closed func() // called by Close; may be nil
}

// Close implements net.Conn.
func (c *originConn) Close() error {
	if c.closed != nil {
		c.closed()
	}
	return c.Conn.Close()
}
