package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
	"webproxy/proxy"
)

// startRated starts a proxy with limits for each client.
func startRated(t *testing.T, c proxytest.Config, set func(*proxy.Options)) *proxytest.Proxy {
	c.Setup = func(s *proxy.Server) { set(&s.Options) }
	return proxytest.Start(t, c)
}

// A client may begin so much in a second, five times as much at once. What is beyond is refused with 429 and a reason
// of its own, recorded and counted.
func TestClientRates(t *testing.T) {
	for _, tt := range []struct {
		limit string
		set   func(*proxy.Options)
		ask   func(p *proxytest.Proxy) string
		late  bool // refused when the request was permitted already
		count int  // of Stats.RateLimited
	}{
		{"requests", func(o *proxy.Options) { o.ClientRequests = 1 }, func(p *proxytest.Proxy) string { return p.Get("/") }, false, 0},
		{"requests", func(o *proxy.Options) { o.ClientRequests = 1 }, func(p *proxytest.Proxy) string { return p.Request("OPTIONS", "/") }, false, 0},
		{"requests", func(o *proxy.Options) { o.ClientRequests = 1 }, func(p *proxytest.Proxy) string { return "CONNECT " + p.Target + " HTTP/1.1\r\nHost: x\r\n\r\n" }, false, 0},
		{"dials", func(o *proxy.Options) { o.ClientDials = 1 }, func(p *proxytest.Proxy) string { return p.Get("/") }, true, 1},
		{"dials", func(o *proxy.Options) { o.ClientDials = 1 }, func(p *proxytest.Proxy) string { return p.Request("OPTIONS", "/") }, true, 1},
		{"dials", func(o *proxy.Options) { o.ClientDials = 1 }, func(p *proxytest.Proxy) string { return "CONNECT " + p.Target + " HTTP/1.1\r\nHost: x\r\n\r\n" }, true, 1},
	} {
		p := startRated(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Connection", "close") // each request needs a connection of its own
		})}, tt.set)
		ask := tt.ask(p)
		method, _, _ := strings.Cut(ask, " ")
		served, refused := 0, 0
		for range 30 {
			c := p.Dial()
			c.Send(ask)
			resp := c.Response(method)
			switch {
			case resp.StatusCode == 200:
				served++
			case resp.StatusCode == 429 && resp.Header.Get("Retry-After") != "" && strings.Contains(resp.Header.Get("Proxy-Status"), "rate_limited"):
				refused++
			default:
				t.Errorf("%s, %s: %s %v", tt.limit, method, resp.Status, resp.Header)
			}
			c.Close()
		}
		if served < 5 || refused == 0 {
			t.Errorf("%s, %s: %d served, %d refused; want 5 served at least, and some refused", tt.limit, method, served, refused)
		}
		if n := p.Server.Stats().RateLimited[tt.count]; n != int64(refused) {
			t.Errorf("%s, %s: %d counted, %d refused", tt.limit, method, n, refused)
		}
		records := 30 + served
		if tt.late {
			records += refused
		}
		found := 0
		for _, r := range p.Records(records) {
			if r.Reason == "rate_limited" && r.Decision == "deny" && r.Status == 429 {
				found++
			}
		}
		if found != refused {
			t.Errorf("%s, %s: %d records of %d refusals", tt.limit, method, found, refused)
		}
	}
}

// A transfer is made to wait for the client's bytes a second, whichever way it goes, and stays what it was.
func TestClientBytes(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 300<<10/16)
	origin := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/counted":
			rw.Header().Set("Content-Length", fmt.Sprint(len(body)))
			rw.Write(body)
		case "/chunked":
			rw.(http.Flusher).Flush()
			rw.Write(body)
		case "/sink":
			b, _ := io.ReadAll(r.Body)
			fmt.Fprint(rw, bytes.Equal(b, body))
		}
	})
	for name, move := range map[string]func(p *proxytest.Proxy) bool{
		"GET counted": func(p *proxytest.Proxy) bool {
			c := p.Dial()
			c.Send(p.Get("/counted"))
			return c.Body(c.Response("GET")) == string(body)
		},
		"GET chunked": func(p *proxytest.Proxy) bool {
			c := p.Dial()
			c.Send(p.Get("/chunked"))
			return c.Body(c.Response("GET")) == string(body)
		},
		"OPTIONS": func(p *proxytest.Proxy) bool { // by way of net/http
			c := p.Dial()
			c.Send(p.Request("OPTIONS", "/counted"))
			return c.Body(c.Response("OPTIONS")) == string(body)
		},
		"POST": func(p *proxytest.Proxy) bool {
			c := p.Dial()
			c.Send(p.Request("POST", "/sink", fmt.Sprintf("Content-Length: %d", len(body))) + string(body))
			return c.Body(c.Response("POST")) == "true"
		},
		"tunnel": func(p *proxytest.Proxy) bool {
			c := p.Connect("GET /counted HTTP/1.1\r\nHost: x\r\n\r\n")
			return c.Body(c.Response("GET")) == string(body)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := startRated(t, proxytest.Config{Origin: origin}, func(o *proxy.Options) { o.ClientBytes = 256 << 10 })
			if !move(p) {
				t.Error("another body arrived")
			}
			if p.Server.Stats().RateLimited[2] == 0 {
				t.Error("it did not wait")
			}
		})
	}
}

// A transfer that waits ends at once when it is cut.
func TestClientBytesCut(t *testing.T) {
	p := startRated(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Write(make([]byte, 4<<20)) // minutes
	})}, func(o *proxy.Options) { o.ClientBytes = 16 << 10 })
	c := p.Connect("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	io.CopyN(io.Discard, c, 20<<10)
	p.Server.Close()
}
