package proxy_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/websocket"

	"webproxy/internal/proxytest"
	"webproxy/proxy/egress"
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

// An origin that does not agree gives a response like any other, and an Upgrade to anything else is
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
		// no handshake of RFC 6455
		{"Connection: Upgrade\r\nUpgrade: websocket", ","},
		{strings.Replace(askWebSocket, "13", "8", 1), ","},
		{strings.Replace(askWebSocket, "dGhl", "dGh", 1), ","},
		{strings.Replace(askWebSocket, "dGhl", "", 1), ","},
		{askWebSocket + "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", ","},
		{askWebSocket + "\r\nSec-WebSocket-Version: 8", ","},
		{askWebSocket + "\r\nUpgrade: websocket", ","},
	}
	for _, tt := range tests {
		c.Send(p.Get("/", tt.lines))
		resp := c.Response("GET")
		if got := c.Body(resp); resp.StatusCode != 200 || got != tt.want {
			t.Errorf("%q: %s %q, want %q", tt.lines, resp.Status, got, tt.want)
		}
	}
	if r := p.Records(2 * len(tests)); r[1].Status != 200 || r[1].Error != "" {
		t.Errorf("records %+v", r)
	}
}

// An origin that answers an Upgrade with what is no HTTP is trouble like any other: a response, two
// records, and nothing left open.
func TestUpgradeTrouble(t *testing.T) {
	for _, response := range []string{
		"HTTP/1.1 099 No\r\n\r\n",
		strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100),
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
	} {
		p := proxytest.Start(t, proxytest.Config{Listener: listen(t, func(string) string { return response })})
		c := p.Dial()
		c.Send(p.Get("/", askWebSocket))
		resp := c.Response("GET")
		for resp.StatusCode == http.StatusEarlyHints {
			resp = c.Response("GET")
		}
		if resp.StatusCode != http.StatusBadGateway {
			t.Errorf("%.20q: %s", response, resp.Status)
		}
		if r := p.Records(2)[1]; r.Error != "http_protocol_error" || r.Status != http.StatusBadGateway {
			t.Errorf("%.20q: close record %+v", response, r)
		}
		if open := p.Server.Open(); len(open) != 0 {
			t.Errorf("%.20q: left open: %+v", response, open)
		}
	}
}

const accepted = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

// notSwitched are responses with 101 that are no response to askWebSocket.
var notSwitched = map[string]string{
	"no accept":         "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	"another accept":    "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=\r\n\r\n",
	"two accepts":       "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + accepted + accepted + "\r\n",
	"no Connection":     "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n" + accepted + "\r\n",
	"Connection: close": "HTTP/1.1 101 X\r\nConnection: close\r\nUpgrade: websocket\r\n" + accepted + "\r\n",
	"no Upgrade":        "HTTP/1.1 101 X\r\nConnection: Upgrade\r\n" + accepted + "\r\n",
	"another Upgrade":   "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" + accepted + "\r\n",
	"two Upgrades":      "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n" + accepted + "\r\n",
	"HTTP/1.0":          "HTTP/1.0 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + accepted + "\r\n",
	"a length":          "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n" + accepted + "\r\nhello",
	"length 0":          "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n" + accepted + "\r\n",
	"a coding":          "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n" + accepted + "\r\n0\r\n\r\n",
	"a subprotocol":     "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: chat\r\n" + accepted + "\r\n",
	"an extension":      "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate; x=1\r\n" + accepted + "\r\n",
}

// hijacked answers every request with what response returns, and expects nothing after it.
func hijacked(t *testing.T, response func(r *http.Request) string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c, brw, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, response(r))
		if b, _ := io.ReadAll(brw); len(b) > 0 {
			t.Errorf("%d bytes after the request reach the origin: %q", len(b), b)
		}
	})
}

// A 101 that does not accept the WebSocket is trouble on every way, and nothing that the client sends after its request gets
// to the origin.
func TestNotSwitched(t *testing.T) {
	origin := hijacked(t, func(r *http.Request) string { return notSwitched[r.URL.Query().Get("response")] })
	direct := proxytest.Start(t, proxytest.Config{Origin: origin})
	through := viaUpstream(t, proxytest.Config{Origin: origin}, nil, egress.Options{Upstreams: specs(startParent(t, false))})
	opened := startInspected(t, origin, leafSpec{})
	const more = "GET /secret HTTP/1.1\r\nHost: x\r\n\r\n"
	for name := range notSwitched {
		path := "/allowed?response=" + url.QueryEscape(name)
		for way, ask := range map[string]func() (*http.Response, proxytest.Record){
			"direct, no WebSocket asked": func() (*http.Response, proxytest.Record) {
				c, before := direct.Dial(), len(direct.Audit.All())
				c.Send(direct.Get(path, "X: y"))
				return c.Response("GET"), direct.Records(before + 2)[before+1]
			},
			"direct": func() (*http.Response, proxytest.Record) {
				c, before := direct.Dial(), len(direct.Audit.All())
				c.Send(direct.Get(path, askWebSocket+"\r\nConnection: close") + more)
				return c.Response("GET"), direct.Records(before + 2)[before+1]
			},
			"through a parent": func() (*http.Response, proxytest.Record) {
				c, before := through.Dial(), len(through.Audit.All())
				c.Send(through.Get(path, askWebSocket+"\r\nConnection: close") + more)
				return c.Response("GET"), through.Records(before + 2)[before+1]
			},
			"inside": func() (*http.Response, proxytest.Record) {
				before := len(opened.Audit.All())
				c, r := opened.open(t)
				defer c.Close()
				io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: "+opened.Target+"\r\n"+askWebSocket+"\r\nConnection: close\r\n\r\n"+more)
				resp, err := http.ReadResponse(r, &http.Request{Method: "GET"})
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range opened.Records(before + 3)[before:] {
					if r.Method == "GET" && r.Type == "egress.close" {
						return resp, r
					}
				}
				t.Fatal("no record")
				return nil, proxytest.Record{}
			},
		} {
			resp, r := ask()
			if resp.StatusCode != http.StatusBadGateway || r.Error != "http_protocol_error" || r.Status != http.StatusBadGateway {
				t.Errorf("%s, %s: %s; record %+v", name, way, resp.Status, r)
			}
			if way == "direct" && !strings.Contains(r.Detail, "101") && !strings.Contains(r.Detail, "Transfer-Encoding") {
				t.Errorf("%s: detail %q", name, r.Detail)
			}
		}
	}
}

// A response may choose among the subprotocols and extensions that were asked for.
func TestSwitchedAsAsked(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Listener: listen(t, func(string) string {
		return "HTTP/1.1 101 X\r\nConnection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Protocol: chat\r\n" +
			"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n" + accepted + "\r\n"
	})})
	c := p.Dial()
	c.Send(p.Get("/", askWebSocket+"\r\nSec-WebSocket-Protocol: superchat, chat\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x"))
	if resp := c.Response("GET"); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Error(resp.Status)
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
