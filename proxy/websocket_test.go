package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/websocket"

	"webproxy/internal/proxytest"
)

const askWebSocket = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://origin.test"

// A WebSocket over plain HTTP becomes a tunnel when the origin agrees, and ends when it does.
func TestWebSocket(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: websocket.Handler(func(ws *websocket.Conn) {
		websocket.Message.Send(ws, "welcome")
		var s string
		websocket.Message.Receive(ws, &s)
		websocket.Message.Send(ws, "got "+s)
	})})
	c := p.Dial()
	c.Send(p.Get("/", askWebSocket))
	resp := c.Response("GET")
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Upgrade") != "websocket" ||
		!strings.EqualFold(resp.Header.Get("Connection"), "upgrade") || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	frame := func() string {
		head := make([]byte, 2)
		io.ReadFull(c.R, head)
		b := make([]byte, head[1])
		io.ReadFull(c.R, b)
		return string(b)
	}
	if got := frame(); got != "welcome" {
		t.Errorf("first frame %q", got)
	}
	c.Send("\x81\x82\x00\x00\x00\x00hi") // a text frame, masked with zeros
	if got := frame(); got != "got hi" {
		t.Errorf("second frame %q", got)
	}
	c.Rest() // the origin ends it, and so the client's connection ends
	c.Close()
	r := p.Records(2)
	if r[1].Status != 101 || r[1].BytesOut != 8 || r[1].BytesIn < 17 || r[0].Path != "/" {
		t.Errorf("records %+v", r)
	}
}

// An origin that does not agree gives an answer like any other, and an Upgrade to anything else is
// none at all.
func TestUpgradeRefused(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.WriteString(rw, r.Header.Get("Upgrade")+","+r.Header.Get("Connection"))
	})})
	c := p.Dial()
	tests := []struct{ lines, want string }{
		{askWebSocket, "websocket,Upgrade"},
		{"Connection: Upgrade\r\nUpgrade: h2c", ","},
		{"Connection: Upgrade\r\nUpgrade: websocket, h2c", ","},
		{"Upgrade: websocket", ","},
	}
	for _, tt := range tests {
		c.Send(p.Get("/", tt.lines))
		resp := c.Response("GET")
		if got := c.Body(resp); resp.StatusCode != 200 || got != tt.want {
			t.Errorf("%q: %s %q, want %q", tt.lines, resp.Status, got, tt.want)
		}
	}
	if r := p.Records(8); r[1].Status != 200 || r[1].Error != "" {
		t.Errorf("records %+v", r)
	}
}

// An origin that answers an Upgrade with what is no HTTP is trouble like any other: an answer, two
// records, and nothing left open.
func TestUpgradeTrouble(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 099 No\r\n\r\n",
		strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100),
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
	} {
		p := proxytest.Start(t, proxytest.Config{Listener: listen(t, func(string) string { return answer })})
		c := p.Dial()
		c.Send(p.Get("/", askWebSocket))
		resp := c.Response("GET")
		for resp.StatusCode == http.StatusEarlyHints {
			resp = c.Response("GET")
		}
		if resp.StatusCode != http.StatusBadGateway {
			t.Errorf("%.20q: %s", answer, resp.Status)
		}
		if r := p.Records(2)[1]; r.Error != "http_protocol_error" || r.Status != http.StatusBadGateway {
			t.Errorf("%.20q: close record %+v", answer, r)
		}
		if open := p.Server.Open(); len(open) != 0 {
			t.Errorf("%.20q: left open: %+v", answer, open)
		}
	}
}

// A WebSocket that no rule permits is refused before anybody is asked.
func TestWebSocketDenied(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{})
	c := p.Dial()
	c.Send("GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n" + askWebSocket + "\r\n\r\n")
	if resp := c.Response("GET"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("%s", resp.Status)
	}
}
