package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"webproxy/internal/proxytest"
	"webproxy/policy"
	"webproxy/proxy/egress"
)

// Two proxies that are each other's upstream proxy: the first that sees a request again refuses it, whatever kind it is and
// whatever its client says, and the client is told that it is a loop.
func TestLoopOfTwo(t *testing.T) {
	rules := func(uint16) []policy.RuleSpec {
		return []policy.RuleSpec{{ID: "all", Hosts: []string{"*.test"}, Ports: []uint16{80, 443}, Schemes: []policy.Scheme{policy.HTTP, policy.HTTPS}}}
	}
	// Each must know the other's address before it starts: one of them by a name.
	var firstAddr atomic.Value
	front := relayTo(t, func() string { return firstAddr.Load().(string) }).Addr().String()
	second := viaUpstream(t, proxytest.Config{Rules: rules}, nil, egress.Options{Upstreams: []egress.UpstreamSpec{
		{ID: "first", URL: "http://" + front}, {ID: "again", URL: "http://" + front},
	}})
	first := viaUpstream(t, proxytest.Config{Rules: rules}, nil, egress.Options{Upstreams: []egress.UpstreamSpec{
		{ID: "second", URL: "http://" + second.Addr}, {ID: "again", URL: "http://" + second.Addr},
	}})
	firstAddr.Store(first.Addr)
	for name, head := range map[string]string{
		"CONNECT":            "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
		"CONNECT with a Via": "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nVia: 1.1 x, 1.0 y (z)\r\n\r\n",
		"GET":                "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
		"GET without Via":    "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: Via\r\nVia: 1.1 x\r\n\r\n",
		"POST":               "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n",
		"WebSocket": "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			before, beforeSecond := len(first.Audit.All()), len(second.Audit.All())
			c := first.Dial()
			c.Send(head)
			resp := c.Response("GET")
			if resp.StatusCode != http.StatusBadGateway || !strings.Contains(resp.Header.Get("Proxy-Status"), "error=proxy_loop_detected") {
				t.Errorf("%s, Proxy-Status %q", resp.Status, resp.Header.Get("Proxy-Status"))
			}
			c.Close()
			records := first.Records(before + 3)[before:]
			loops := 0
			for _, r := range records {
				if r.Reason == "loop" && r.Decision == "deny" {
					loops++
				}
			}
			if n := len(second.Records(beforeSecond+2)) - beforeSecond; loops != 1 || len(records) != 3 || n != 2 {
				t.Errorf("%d denials of a loop, %d and %d records", loops, len(records), n)
			}
		})
	}
}

// Via grows: what came with a request goes on with it, on every way.
func TestViaIsAppended(t *testing.T) {
	parent := startParent(t, false)
	p := viaUpstream(t, proxytest.Config{}, func(*egress.Egress) {}, egress.Options{Upstreams: specs(parent)})
	for name, head := range asks(p) {
		head = strings.Replace(head, "\r\n", "\r\nVia: 1.0 before\r\nvia: 1.1 then (a, b)\r\n", 1)
		c := p.Dial()
		c.Send(head)
		io.ReadFull(c.R, make([]byte, 9))
		c.Close()
		via := strings.Join(parent.saw.Load().Header["Via"], ", ")
		if !strings.HasPrefix(via, "1.0 before, 1.1 then (a, b), 1.1 webproxy-") {
			t.Errorf("%s: Via %q", name, via)
		}
	}
}
