//go:build unix

package proxy

import (
	"io"
	"net"
	"testing"

	"webproxy/policy"
)

// poolPair is a connection for p to keep, and its other end.
func poolPair(t *testing.T, p *originPool, key originKey) (*originWire, net.Conn) {
	t.Helper()
	peer, w := wirePair(t)
	return p.newWire(key, w.tcp, Route{}), peer
}

func TestOriginPool(t *testing.T) {
	var p originPool
	defer p.drop()
	var key originKey
	first, _ := poolPair(t, &p, key)
	second, _ := poolPair(t, &p, key)
	if !p.give(first) || !p.give(second) || p.count != 2 {
		t.Fatal("not kept")
	}
	if got := p.take(key); got != second {
		t.Error("not the one used last")
	}
	if p.drop(); p.count != 0 || p.take(key) != nil {
		t.Error("something is kept")
	}
	if p.give(second) {
		t.Error("a connection from before is kept")
	}
	if _, err := first.tcp.Write([]byte("x")); err == nil {
		t.Error("what was kept is open")
	}
}

func TestOriginPoolIsBounded(t *testing.T) {
	var p originPool
	defer p.drop()
	var key originKey
	for i := range maxIdlePerOrigin + 1 {
		c, _ := poolPair(t, &p, key)
		if kept := p.give(c); kept != (i < maxIdlePerOrigin) {
			t.Errorf("connection %d kept: %v", i, kept)
		}
	}
	p.count = maxIdleOrigins
	key.target, _ = policy.ParseTarget(policy.HTTP, "other.test:80")
	if c, _ := poolPair(t, &p, key); p.give(c) {
		t.Error("more are kept than may be in all")
	}
	p.count = maxIdlePerOrigin
}

// What an origin ended is not held open until somebody asks.
func TestOriginPoolClean(t *testing.T) {
	var p originPool
	defer p.drop()
	var key originKey
	for _, end := range []func(*originWire, net.Conn){
		func(_ *originWire, peer net.Conn) { peer.Close() },
		func(_ *originWire, peer net.Conn) { io.WriteString(peer, "x") },
		func(c *originWire, _ net.Conn) { c.since = c.since.Add(-maxOriginIdleTime) },
	} {
		c, peer := poolPair(t, &p, key)
		rests, _ := poolPair(t, &p, key)
		if !p.give(c) || !p.give(rests) {
			t.Fatal("not kept")
		}
		end(c, peer)
		for p.count == 2 { // until the packet is there
			p.clean()
		}
		if got := p.take(key); got != rests {
			t.Error("not the one that rests is kept")
		}
	}
}
