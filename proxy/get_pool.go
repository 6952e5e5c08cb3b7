package proxy

import (
	"bufio"
	"net"
	"sync"
	"time"

	"webproxy/policy"
)

// originPool keeps connections to origins for the plain GETs to come. Nothing runs for a connection at
// rest: whether it may be used is found out when it is taken. The zero value is empty and ready.
type originPool struct {
	mu    sync.Mutex // guards what follows
	idle  map[originKey][]*originWire
	count int
	era   int         // counts calls of drop
	sweep *time.Timer // nil if nothing is kept
}

// An originKey is what connections may be used for: see policy.AddrClass.
type originKey struct {
	class  policy.AddrClass
	target policy.Target
}

// How many connections are kept, and for how long: the limits of newTransport.
const (
	maxIdleOrigins    = 1024
	maxIdlePerOrigin  = 32
	maxOriginIdleTime = 90 * time.Second
	sweepInterval     = 15 * time.Second
)

// An originWire is a connection to an origin. It belongs to one get at a time, or to the pool.
type originWire struct {
	tcp      *net.TCPConn
	buffered *bufio.Reader // of the originWire itself
	route    Route
	key      originKey
	era      int
	since    time.Time // it is in the pool

	began bool // something was read for this request
	room  int  // how many bytes may be read; unlimited inside a body
}

const unlimited = int(^uint(0) >> 1)

// Read implements io.Reader within c.room.
func (c *originWire) Read(p []byte) (int, error) {
	if c.room <= 0 {
		return 0, errLargeHead
	}
	n, err := c.tcp.Read(p[:min(len(p), c.room)])
	if c.room != unlimited {
		c.room -= n
	}
	c.began = c.began || n > 0
	return n, err
}

// Close closes the connection; it may be called more than once, and by any goroutine.
func (c *originWire) Close() error { return c.tcp.Close() }

// newWire returns c, a connection opened for key, as one to use now and to give to p later.
func (p *originPool) newWire(key originKey, tcp *net.TCPConn, route Route) *originWire {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &originWire{tcp: tcp, route: route, key: key, era: p.era}
	c.buffered = bufio.NewReader(c)
	return c
}

// take returns the connection of key that was used last and is in order; nil if there is none.
func (p *originPool) take(key originKey) *originWire {
	for {
		p.mu.Lock()
		kept := p.idle[key]
		last := len(kept) - 1
		if last < 0 {
			p.mu.Unlock()
			return nil
		}
		c := kept[last]
		p.keep(key, kept[:last])
		p.mu.Unlock()
		if isQuiet(c.tcp) {
			return c
		}
		c.Close()
	}
}

// keep replaces what is kept for key. p.mu is held.
func (p *originPool) keep(key originKey, kept []*originWire) {
	p.count += len(kept) - len(p.idle[key])
	if len(kept) == 0 {
		delete(p.idle, key)
		return
	}
	p.idle[key] = kept
}

// give keeps c for the next request. It reports false if that may not be: then c is still the caller's.
// Bytes behind an answer are nobody's answer.
func (p *originPool) give(c *originWire) bool {
	if c.buffered.Buffered() > 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.idle[c.key]
	if c.era != p.era || p.count >= maxIdleOrigins || len(kept) >= maxIdlePerOrigin {
		return false
	}
	if p.idle == nil {
		p.idle = make(map[originKey][]*originWire)
	}
	c.since = time.Now()
	p.keep(c.key, append(kept, c))
	if p.sweep == nil {
		p.sweep = time.AfterFunc(sweepInterval, p.clean)
	}
	return true
}

// clean closes connections that nobody has wanted for long, and those that their origin has ended.
func (p *originPool) clean() {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := time.Now().Add(-maxOriginIdleTime)
	for key, all := range p.idle {
		kept := all[:0:0]
		for _, c := range all {
			if c.since.After(old) && isQuiet(c.tcp) {
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

// drop closes all that is kept. Connections in use now will not be kept.
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
