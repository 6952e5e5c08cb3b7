//go:build unix

package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/policy"
	"webproxy/proxy/egress"
)

// poolPair is a connection for p to keep, and its other end.
func poolPair(t *testing.T, p *originPool, key originKey) (*pooledConn, net.Conn) {
	t.Helper()
	peer, c := wirePair(t)
	return p.newPooledConn(key, c.tcp, egress.Route{}), peer
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
	if got := p.take(key, nil); got != second {
		t.Error("not the one used last")
	}
	if p.drop(); p.count != 0 || p.take(key, nil) != nil {
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
	for _, end := range []func(*pooledConn, net.Conn){
		func(_ *pooledConn, peer net.Conn) { peer.Close() },
		func(_ *pooledConn, peer net.Conn) { io.WriteString(peer, "x") },
		func(c *pooledConn, _ net.Conn) { c.since = c.since.Add(-maxOriginIdleTime) },
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
		if got := p.take(key, nil); got != rests {
			t.Error("not the one that rests is kept")
		}
	}
}

// keeper is an Auditor that keeps the last record.
type keeper chan audit.Record

func (k keeper) Append(r *audit.Record) error {
	if r.Type == audit.TypeClose {
		k <- *r
	}
	return nil
}

// An address is checked for the decision as it was made, not for what became of it at the address before.
func TestGetChecksEachAddress(t *testing.T) {
	spec := &policy.Spec{
		Clients: map[string][]string{"local": {"127.0.0.0/8"}},
		Modes:   map[string]policy.Mode{"local": policy.Learn},
		Rules: []policy.RuleSpec{{
			ID: "tagged", Hosts: []string{"origin.test"}, Ports: []uint16{80}, Schemes: []policy.Scheme{policy.HTTP},
			ServiceTag: &policy.ServiceTagSpec{Name: "Storage"},
		}},
	}
	set, err := policy.Compile(spec, storageTag{}, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	live := new(policy.Live)
	live.Swap(set)
	records := make(keeper, 1)
	s := &Server{Policy: live, Audit: records}
	s.Prepare()
	defer s.Close()
	target, _ := policy.ParseTarget(policy.HTTP, "origin.test:80")
	d := set.Decide(&policy.Request{Time: time.Now(), Client: netip.MustParseAddr("127.0.0.1"), Group: "local", Method: "GET", Target: target})
	key := originKey{class: d.AddrClass(), target: target}
	for _, response := range []string{"HTTP/1.1 204 No\r\n\r\n", ""} { // the second is used first
		c, peer := poolPair(t, &s.origins, key)
		c.route.Addr = netip.MustParseAddrPort("8.8.8.8:80") // so it says
		go func() {
			http.ReadRequest(bufio.NewReader(peer))
			io.WriteString(peer, response)
			peer.(*net.TCPConn).CloseWrite()
		}()
		if !s.origins.give(c) {
			t.Fatal("not kept")
		}
	}
	client, c := wirePair(t)
	c.owner, c.limits = s, s.limits
	go c.Read(make([]byte, 4096))
	io.WriteString(client, "GET http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\n\r\n")
	if r := <-records; r.Status != http.StatusNoContent || r.Decision != "would_deny" || !r.OutsideTag {
		t.Errorf("close record %+v", r)
	}
	client.Close()
}

// storageTag is a library with one service tag, 10.0.0.0/8.
type storageTag struct{}

func (storageTag) List(string, policy.Place) (policy.List, error) { return policy.List{}, nil }
func (storageTag) File(string) (*policy.Entries, error)           { return nil, nil }
func (storageTag) Prefixes(string, string) ([]netip.Prefix, error) {
	return []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, nil
}
