package proxy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"webproxy/internal/proxytest"
	"webproxy/internal/setting"
	"webproxy/policy"
	"webproxy/proxy"
)

var fixedTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// listen is an origin that answers the first bytes of every connection with what response returns for
// the request's path, and then closes it; for "" it resets the connection.
func listen(t *testing.T, response func(path string) string) net.Listener {
	return proxytest.Accept(t, func(c *net.TCPConn) {
		buf := make([]byte, 4096)
		n, _ := c.Read(buf)
		_, rest, _ := strings.Cut(string(buf[:n]), " ")
		path, _, _ := strings.Cut(rest, " ")
		s := response(path)
		if s == "" {
			c.SetLinger(0)
		}
		io.WriteString(c, s)
	})
}

// A response that breaks off at the origin breaks off at the client: it never looks whole.
func TestBrokenResponse(t *testing.T) {
	responses := map[string]string{
		"/length":  "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
		"/chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
		"/chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nonly this",
		"/bad":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\nzz\r\n",
		"/trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n9\r\nonly this\r\n0\r\nX: ",
	}
	p := proxytest.Start(t, proxytest.Config{Listener: listen(t, func(path string) string { return responses[path] })})
	for path := range responses {
		for _, proto := range []string{"HTTP/1.1", "HTTP/1.0"} {
			before := len(p.Audit.All())
			c := p.Dial()
			c.Send("GET " + p.URL(path) + " " + proto + "\r\nHost: x\r\n\r\n")
			resp := c.Response("GET")
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != 200 || string(body) != "only this" && proto == "HTTP/1.1" {
				t.Errorf("%s %s: %s %q", proto, path, resp.Status, body)
			}
			if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s %s: the response looks whole: %q", proto, path, body)
			}
			if r := p.Records(before + 2)[before+1]; r.Error != "http_response_incomplete" || r.Status != 200 || r.BytesIn != 9 {
				t.Errorf("%s %s: close record %+v", proto, path, r)
			}
		}
	}
}

// Trouble with the origin is 502 or 504 with the word of RFC 9209, no denial, and tells the client
// no address.
func TestOriginTrouble(t *testing.T) {
	nobody := netip.MustParseAddrPort(proxytest.Unused(t))
	responses := map[string]string{
		"/garbage": "SSH-2.0-OpenSSH_9\r\n\r\n",
		"/status":  "HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n",
		"/101":     "HTTP/1.1 101 Surprise\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
		"/hints":   strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"/huge":    "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 600<<10) + "\r\n\r\n",
		"/reset":   "",
	}
	ln := listen(t, func(path string) string { return responses[path] })
	p := proxytest.Start(t, proxytest.Config{
		Listener: ln,
		Hosts:    map[string][]string{"private.test": {"127.0.0.1"}},
		Rules: func(port uint16) []policy.RuleSpec {
			rules := append(proxytest.OriginRule(port), proxytest.OriginRule(nobody.Port())...)
			rules[1].ID = "nobody"
			both := []policy.Scheme{policy.HTTP, policy.HTTPS}
			return append(rules,
				policy.RuleSpec{ID: "unknown", Hosts: []string{"unknown.invalid"}, Ports: []uint16{80}, Schemes: both},
				policy.RuleSpec{ID: "private", Hosts: []string{"private.test"}, Ports: []uint16{80}, Schemes: both})
		},
	})
	refused := fmt.Sprintf("http://origin.test:%d", nobody.Port())
	tests := []struct {
		status int
		word   string
		url    string
	}{
		{502, "http_protocol_error", p.URL("/garbage")},
		{502, "http_protocol_error", p.URL("/status")},
		{502, "http_protocol_error", p.URL("/101")},
		{502, "http_protocol_error", p.URL("/huge")},
		{502, "http_protocol_error", p.URL("/hints")},
		{502, "connection_terminated", p.URL("/reset")},
		{502, "connection_refused", refused + "/"},
		{502, "connection_refused", "CONNECT " + refused},
		{403, "destination_ip_prohibited", "http://private.test/"},
		{403, "destination_ip_prohibited", "CONNECT http://private.test:80"},
	}
	for _, tt := range tests {
		before := len(p.Audit.All())
		c := p.Dial()
		method := "GET"
		if target, ok := strings.CutPrefix(tt.url, "CONNECT http://"); ok {
			method = "CONNECT"
			c.Send("CONNECT " + target + " HTTP/1.1\r\nHost: x\r\n\r\n")
		} else {
			c.Send("GET " + tt.url + " HTTP/1.1\r\nHost: x\r\n\r\n")
		}
		resp := c.Response(method)
		for resp.StatusCode == http.StatusEarlyHints { // some pass
			resp = c.Response(method)
		}
		body := c.Body(resp)
		if resp.StatusCode != tt.status || !strings.HasPrefix(resp.Header.Get("Proxy-Status"), "webproxy; error="+tt.word+"; ") {
			t.Errorf("%s: %s, %s; want %d %s", tt.url, resp.Status, resp.Header.Get("Proxy-Status"), tt.status, tt.word)
		}
		if strings.Contains(body+resp.Status+resp.Header.Get("Proxy-Status"), "127.0.0.1") && !strings.Contains(body, "--client 127.0.0.1") {
			t.Errorf("%s: the response names an address: %s", tt.url, body)
		}
		records := p.Records(before + 2)
		if d, c := records[before], records[before+1]; d.Decision != "allow" || c.Type != "egress.close" || c.Error != tt.word || c.Status != tt.status || c.ID != d.ID {
			t.Errorf("%s: records %+v\n%+v", tt.url, d, c)
		} else if tt.status == 403 && (c.Decision != "deny" || c.Reason != "private_address") {
			t.Errorf("%s: close record %+v", tt.url, c)
		}
	}
}

// An origin that is slow to answer gets as long as the setting says.
func TestResponseTimeout(t *testing.T) {
	hold := make(chan bool)
	p := proxytest.Start(t, proxytest.Config{
		Origin: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }),
		Setup:  func(s *proxy.Server) { s.Options.ResponseTimeout = setting.Duration(50 * time.Millisecond) },
	})
	defer close(hold)
	resp, err := p.Client.Get(p.URL("/"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("%s, want 504", resp.Status)
	}
	if r := p.Records(2)[1]; r.Error != "http_response_timeout" {
		t.Errorf("close record %+v", r)
	}
}

// A client that breaks off takes the origin's request with it.
func TestClientGone(t *testing.T) {
	origin := make(chan error, 1)
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			_, err := io.Copy(io.Discard, r.Body)
			origin <- err
			return
		}
		rw.(http.Flusher).Flush()
		<-r.Context().Done()
		origin <- r.Context().Err()
	})})
	c := p.Dial()
	c.Send(p.Request("POST", "/", "Content-Length: 100") + "half")
	c.Close()
	if err := <-origin; !errors.Is(err, io.ErrUnexpectedEOF) && err == nil {
		t.Errorf("origin got a whole body: %v", err)
	}
	if r := p.Records(2)[1]; r.Error != "client_gone" || r.Status != 0 || r.BytesOut != 4 {
		t.Errorf("close record of a broken upload: %+v", r)
	}
	c = p.Dial()
	c.Send(p.Get("/"))
	c.Response("GET")
	c.Reset()
	<-origin
	if r := p.Records(4)[3]; r.Error != "client_gone" || r.Status != 200 {
		t.Errorf("close record of a broken download: %+v", r)
	}
}

// One that had sent further requests takes all of them with it, not only when the origin is done.
func TestPipeliningClientGone(t *testing.T) {
	asked, gone := make(chan bool, 1), make(chan bool, 1)
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked <- true
		<-r.Context().Done() // it never answers
		gone <- true
	})})
	c := p.Dial()
	c.Send(p.Get("/1") + p.Get("/2"))
	<-asked
	c.Send(p.Get("/3"))
	c.Reset()
	<-gone
	if records := p.Records(2); len(records) != 2 || records[1].Error != "client_gone" {
		t.Errorf("records: %+v", records)
	}
}

// A client that stops reading or sending ends its own request; nobody waits for it for ever.
func TestStalledClient(t *testing.T) {
	gone := make(chan bool, 2)
	p := proxytest.Start(t, proxytest.Config{
		Setup: func(s *proxy.Server) { s.Options.StallTimeout = setting.Duration(100 * time.Millisecond) },
		Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			defer func() { gone <- true }()
			if r.Method == "POST" {
				io.Copy(io.Discard, r.Body)
				return
			}
			junk := make([]byte, 1<<20)
			for {
				if _, err := rw.Write(junk); err != nil {
					return
				}
			}
		}),
	})
	c := p.Dial()
	c.Send(p.Get("/endless"))
	<-gone
	c = p.Dial()
	c.Send(p.Request("POST", "/", "Content-Length: 100") + "half")
	<-gone
	if records := p.Records(4); len(records) != 4 {
		t.Errorf("records: %+v", records)
	}
}
