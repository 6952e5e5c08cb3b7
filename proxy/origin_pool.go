package proxy

import (
	"net"
	"slices"
	"sync"
	"time"

	"webproxy/policy"
	"webproxy/proxy/egress"
	"webproxy/proxy/internal/http1conn"
)

// originPool keeps idle connections to origins and upstream proxies. An idle connection has no goroutine of ours:
// whether it can be used is checked when it is taken. The zero value is empty and ready.
type originPool struct {
	mu    sync.Mutex // guards what follows
	idle  map[originKey][]idleConn
	count int
	era   int                         // counts calls of drop
	sweep *time.Timer                 // nil while the pool is empty
	owned map[*clientConn][]originKey // the keys of connections that are reserved for a client connection, the oldest first
}

// An originKey says which requests a connection may be used for; see policy.AddrClass.
type originKey struct {
	class    policy.AddrClass
	target   policy.Target    // zero for shared connections to an upstream proxy
	upstream *egress.Upstream // nil if they lead to the origin
	owner    *clientConn      // the client connection that they are reserved for; nil if they are shared
	slot     bool             // they are *originSlot, else *pooledConn
}

// An idleConn is a connection that originPool may keep: a *pooledConn or an *originSlot.
type idleConn interface {
	entry() *poolEntry
	// reusable reports whether the connection may be kept, as far as is known without a system call.
	reusable() bool
	// alive reports whether an idle connection may be used again. It asks the system.
	alive() bool
	// Close closes the connection; it may be called more than once, and by any goroutine.
	Close() error
}

// A poolEntry is one connection in originPool.
type poolEntry struct {
	key   originKey
	route egress.Route
	era   int
	since time.Time // when it was put into the pool
}

func (k *poolEntry) entry() *poolEntry { return k }

// How many connections are kept, and for how long: the pool policy of originPool and, by newTransport, of the pools of
// inspected tunnels.
const (
	maxIdleOrigins    = 1024
	maxIdlePerOrigin  = 128 // with fewer, busy clients would open and close connections all the time
	maxOriginIdleTime = 90 * time.Second
	sweepInterval     = 15 * time.Second

	// maxOwned bounds the origins for which connections are reserved for one client connection.
	maxOwned = 8
)

// A pooledConn is a connection to an origin for the fast path. It belongs to one fastGet at a time, or to the pool.
type pooledConn struct {
	poolEntry
	tcp    *net.TCPConn
	reader http1conn.Reader // of tcp
}

// Close implements idleConn.
func (c *pooledConn) Close() error { return c.tcp.Close() }

// reusable implements idleConn. Bytes after a response belong to no request.
func (c *pooledConn) reusable() bool {
	return c.reader.Buffer.Buffered() == 0 && c.reader.Responses.IsIdle()
}

func (c *pooledConn) alive() bool { return isIdleAlive(c.tcp) }

// newPooledConn returns tcp, a connection opened for key, to be used now and given to p later.
func (p *originPool) newPooledConn(key originKey, tcp *net.TCPConn, route egress.Route) *pooledConn {
	c := &pooledConn{tcp: tcp, poolEntry: poolEntry{key: key, route: route, era: p.now()}}
	c.reader.Reset(tcp)
	return c
}

func (p *originPool) now() (era int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.era
}

// take returns the connection of key that was used last, is alive, and leads to an address that d, unless it is nil,
// permits. It returns nil if there is none.
func (p *originPool) take(key originKey, d *policy.Decision) idleConn {
	for {
		c := p.takeLast(key, d)
		if c == nil || c.alive() {
			return c
		}
		c.Close()
	}
}

func (p *originPool) takeLast(key originKey, d *policy.Decision) idleConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.idle[key]
	for i := len(kept) - 1; i >= 0; i-- {
		c := kept[i]
		if addr := c.entry().route.Addr; d == nil || !addr.IsValid() || d.CheckAddr(addr).Permit {
			p.keep(key, slices.Delete(kept, i, i+1))
			return c
		}
	}
	return nil
}

// keep replaces what is kept for key. p.mu is held.
func (p *originPool) keep(key originKey, kept []idleConn) {
	p.count += len(kept) - len(p.idle[key])
	if len(kept) == 0 {
		delete(p.idle, key)
		return
	}
	p.idle[key] = kept
}

// give keeps c for later requests. It reports false if it does not: then the caller still owns c.
func (p *originPool) give(c idleConn) bool {
	if !c.reusable() {
		return false
	}
	k := c.entry()
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.idle[k.key]
	if k.era != p.era || len(kept) >= maxIdlePerOrigin || !p.room(k.key) {
		return false
	}
	if p.idle == nil {
		p.idle = make(map[originKey][]idleConn)
	}
	k.since = time.Now()
	p.keep(k.key, append(kept, c))
	if p.sweep == nil {
		p.sweep = time.AfterFunc(sweepInterval, p.clean)
	}
	return true
}

// room reports whether one more connection of key may be kept. A reserved connection takes the place of a shared one,
// which is easier to replace. p.mu is held.
func (p *originPool) room(key originKey) bool {
	if key.owner != nil && !slices.Contains(p.owned[key.owner], key) {
		return false // its client connection is closed
	}
	if p.count < maxIdleOrigins {
		return true
	}
	if key.owner == nil {
		return false
	}
	for other, kept := range p.idle {
		if other.owner == nil {
			kept[0].Close()
			p.keep(other, slices.Delete(kept, 0, 1))
			return true
		}
	}
	return false
}

// own reserves connections of key for c: they serve nobody else, and end with c. It returns their key. If c is
// closed, nothing is reserved; if c has too many, the oldest are closed.
func (p *originPool) own(c *clientConn, key originKey) originKey {
	key.owner, key.slot = c, true
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.owned[c]
	if slices.Contains(all, key) || c.isClosed() {
		return key
	}
	if len(all) == maxOwned {
		p.closeAll(all[0])
		all = slices.Delete(all, 0, 1)
	}
	if p.owned == nil {
		p.owned = make(map[*clientConn][]originKey)
	}
	p.owned[c] = append(all, key)
	return key
}

// ownKey returns key as reserved for c, and whether there may be such connections.
func (p *originPool) ownKey(c *clientConn, key originKey) (originKey, bool) {
	key.owner, key.slot = c, true
	p.mu.Lock()
	defer p.mu.Unlock()
	return key, slices.Contains(p.owned[c], key)
}

// gone closes the connections that are reserved for c, which is closed.
func (p *originPool) gone(c *clientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, key := range p.owned[c] {
		p.closeAll(key)
	}
	delete(p.owned, c)
}

// closeAll closes the idle connections of key. p.mu is held.
func (p *originPool) closeAll(key originKey) {
	for _, c := range p.idle[key] {
		c.Close()
	}
	p.keep(key, nil)
}

// shedKeys bounds how many keys are examined for a connection that may be closed.
const shedKeys = 16

// shed closes the connection that has been idle longest, of those examined; shared ones first. It reports whether
// there was one.
func (p *originPool) shed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	var oldest *poolEntry // the first of a key
	looks := 0
	for _, kept := range p.idle { // in random order
		if k := kept[0].entry(); oldest == nil || k.before(oldest) {
			oldest = k
		}
		if looks++; looks == shedKeys {
			break
		}
	}
	if oldest == nil {
		return false
	}
	kept := p.idle[oldest.key]
	kept[0].Close()
	p.keep(oldest.key, slices.Delete(kept, 0, 1))
	return true
}

// before reports whether k is to be closed before other.
func (k *poolEntry) before(other *poolEntry) bool {
	if own := k.key.owner != nil; own != (other.key.owner != nil) {
		return !own
	}
	return k.since.Before(other.since)
}

// clean closes connections that have been idle for too long, and those that their origin has closed.
func (p *originPool) clean() {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := time.Now().Add(-maxOriginIdleTime)
	for key, all := range p.idle {
		kept := all[:0:0]
		for _, c := range all {
			if c.entry().since.After(old) && c.alive() {
				kept = append(kept, c)
			} else {
				c.Close()
			}
		}
		p.keep(key, kept)
	}
	if p.sweep = nil; p.count > 0 {
		p.sweep = time.AfterFunc(sweepInterval, p.clean)
	}
}

// drop closes all idle connections. Connections in use now will not be kept.
func (p *originPool) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.era++
	for _, all := range p.idle {
		for _, c := range all {
			c.Close()
		}
	}
	clear(p.idle)
	p.count = 0
	if p.sweep != nil {
		p.sweep.Stop()
		p.sweep = nil
	}
}
