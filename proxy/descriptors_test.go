//go:build unix

package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"webproxy/internal/proxytest"
	"webproxy/policy"
	"webproxy/proxy"
)

// startFew starts a proxy that has room for n descriptors more than are open.
func startFew(t *testing.T, n int, c proxytest.Config) *proxytest.Proxy {
	setup := c.Setup
	c.Setup = func(s *proxy.Server) {
		if setup != nil {
			setup(s)
		}
		proxy.LimitDescriptorsForTest(t, s, n)
	}
	return proxytest.Start(t, c)
}

// awaitWaiting waits until n connections wait for a request: a client has its response before its connection does.
func awaitWaiting(p *proxytest.Proxy, n int) {
	for proxy.WaitingForTest(p.Server) != n {
		time.Sleep(time.Millisecond) // between two looks
	}
}

// Connections to origins that nobody needs any more give way to those that are needed: sequential requests for many
// names leave one at rest for each, and never keep the next one from being served.
func TestDescriptorsIdleOrigins(t *testing.T) {
	const names = 120
	hosts := map[string][]string{}
	for i := range names {
		hosts[fmt.Sprintf("n%d.wild.test", i)] = []string{"127.0.0.1"}
	}
	for _, method := range []string{"GET", "OPTIONS"} { // on the fast path, and on the standard path
		t.Run(method, func(t *testing.T) {
			p := startFew(t, 60, proxytest.Config{Hosts: hosts, Rules: func(port uint16) []policy.RuleSpec {
				return []policy.RuleSpec{{ID: "wild", Hosts: []string{"*.wild.test"}, Ports: []uint16{port}, Schemes: []policy.Scheme{policy.HTTP}, Private: "allow"}}
			}})
			c := p.Dial()
			for i := range names {
				host := fmt.Sprintf("n%d.wild.test:%d", i, p.Port)
				c.Send(fmt.Sprintf("%s http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n", method, host, host))
				resp := c.Response(method)
				if body := c.Body(resp); resp.StatusCode != 200 {
					t.Fatalf("%s, name %d: %s %s", method, i, resp.Status, body)
				}
			}
			if p.Server.Stats().Reclaimed == 0 {
				t.Errorf("%s: nothing at rest was closed", method)
			}
			c.Close()
		})
	}
}

// When nothing is at rest, a request beyond the descriptors is answered, with 503 and a word, and recorded; and
// one that comes when there is room again is served.
func TestDescriptorsUsedUp(t *testing.T) {
	hold := make(chan struct{})
	p := startFew(t, 40, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			<-hold
		}
		io.WriteString(rw, "ok")
	}), Setup: func(s *proxy.Server) { s.Options.MaxConnectionsPerClient = 1000 }})
	defer close(hold)
	var held []*proxytest.Conn
	var refused *http.Response
	for range 60 { // of each the client's, the proxy's two and the origin's end are descriptors of this process
		c := p.Dial()
		c.Send("CONNECT " + p.Target + " HTTP/1.1\r\nHost: x\r\n\r\n")
		resp := c.Response("CONNECT")
		if resp.StatusCode != http.StatusOK {
			refused = resp
			break
		}
		held = append(held, c)
	}
	if refused == nil {
		t.Fatal("there was room for all")
	}
	status := refused.Header.Get("Proxy-Status")
	if refused.StatusCode != 503 || refused.Header.Get("Retry-After") == "" ||
		!strings.Contains(status, "connection_limit_reached") {
		t.Errorf("%s, Proxy-Status %s", refused.Status, status)
	}
	for _, c := range held {
		c.Close()
	}
	for end := time.Now().Add(proxytest.Patience); p.Server.Stats().Connections > 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v", p.Server.Stats())
		}
	}
	p.Connect("").Close()
}

// A client that waits for its next request gives way to one that comes, when there are as many as there may be:
// the one that has waited longest.
func TestIdleClientsGiveWay(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) { s.Options.MaxConnections, s.Options.MaxConnectionsPerClient = 3, 3 }})
	ask := func(c *proxytest.Conn) {
		t.Helper()
		c.Send(p.Get("/"))
		resp := c.Response("GET")
		if c.Body(resp); resp.StatusCode != 200 {
			t.Fatalf("%s", resp.Status)
		}
	}
	var all []*proxytest.Conn
	for i := range 9 {
		c := p.Dial()
		all = append(all, c)
		ask(c)
		awaitWaiting(p, min(i+1, 3))
	}
	for _, c := range all[:6] {
		if rest := c.Rest(); rest != "" {
			t.Errorf("one that was ended was told %q", rest)
		}
	}
	for _, c := range all[6:] {
		ask(c)
	}
	p.Records(24)
}

// IPv6 addresses of one /64 are one client for limits on connections.
func TestConnectionsPerPrefix(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) {
		s.Options.Balancers, s.Options.MaxConnectionsPerClient = []string{"127.0.0.0/8"}, 2
	}})
	from := func(addr string) *proxytest.Conn {
		t.Helper()
		c := p.Dial()
		c.Send("PROXY TCP6 " + addr + " 2001:db8::9 4000 9090\r\n" + p.Get("/"))
		resp := c.Response("GET")
		if c.Body(resp); resp.StatusCode != 403 { // it is in no group of clients, but is served
			t.Fatalf("%s: %s", addr, resp.Status)
		}
		return c
	}
	first := from("2001:db8::1")
	awaitWaiting(p, 1)
	second := from("2001:db8::2")
	awaitWaiting(p, 2)
	other := from("2001:db8:0:1::1")
	awaitWaiting(p, 3)
	third := from("2001:db8::ffff:3")
	if rest := first.Rest(); rest != "" { // it gives way to the third
		t.Errorf("the first of three was told %q", rest)
	}
	for _, c := range []*proxytest.Conn{second, other, third} {
		c.Send(p.Get("/"))
		c.Body(c.Response("GET"))
	}
}
