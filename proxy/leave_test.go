package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"webproxy/internal/proxytest"
	"webproxy/internal/setting"
	"webproxy/policy"
	"webproxy/proxy"
)

// earlyOrigin answers every request when it has its head, and takes what else comes.
func earlyOrigin(t *testing.T, response string) net.Listener {
	return proxytest.Accept(t, func(c *net.TCPConn) {
		r := bufio.NewReader(c)
		if _, err := http.ReadRequest(r); err == nil {
			io.WriteString(c, response)
			io.Copy(io.Discard, r)
		}
	})
}

// A response that is complete before its request ends the connection, and says so; the client gets all of
// it, and what it sends of the body after that is not taken for a request.
func TestResponseEndsBeforeTheBody(t *testing.T) {
	const response = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly"
	bodies := []struct{ framing, first, rest string }{
		{"Content-Length: 8", "half", "full"},
		{"Content-Length: 1000000", "half", "more"},
		{"Transfer-Encoding: chunked", "4\r\nhalf\r\n", "4\r\nfull\r\n0\r\n\r\n"},
		{"Transfer-Encoding: chunked", "4\r\nha", "lf\r\n"},
		{"Content-Length: 8", "", "whole..."},
	}
	log, logged := observer.New(zap.DebugLevel)
	p := proxytest.Start(t, proxytest.Config{
		Listener: earlyOrigin(t, response),
		Setup:    func(s *proxy.Server) { s.Log = zap.New(log) },
		Rules: func(port uint16) []policy.RuleSpec {
			return append(proxytest.OriginRule(port), policy.RuleSpec{ID: "unknown", Hosts: []string{"unknown.invalid"},
				Ports: []uint16{80}, Schemes: []policy.Scheme{policy.HTTP}})
		},
	})
	for _, b := range bodies {
		for _, url := range []string{p.URL("/"), "http://unknown.invalid/"} {
			before := len(p.Audit.All())
			c := p.Dial()
			c.Send("POST " + url + " HTTP/1.1\r\nHost: x\r\n" + b.framing + "\r\n\r\n" + b.first)
			resp := c.Response("POST")
			body := c.Body(resp)
			if !resp.Close || (body != "early" && resp.StatusCode != http.StatusBadGateway) {
				t.Errorf("%s to %s: %s %q, close %v", b.framing, url, resp.Status, body, resp.Close)
			}
			io.WriteString(c, b.rest+p.Get("/next")) // the proxy may have closed already
			if rest := c.Rest(); rest != "" {
				t.Errorf("%s to %s: %q after the response", b.framing, url, rest)
			}
			if records := p.Records(before + 2); len(records) != before+2 {
				t.Errorf("%s to %s: records %+v", b.framing, url, records[before:])
			}
		}
	}
	for _, e := range logged.All() {
		if strings.Contains(e.Message, "panic") {
			t.Fatal(e.Message)
		}
	}
}

// A body that was read to its end before the response began costs no connection.
func TestWholeBodyKeepsTheConnection(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.Copy(rw, r.Body)
	})})
	c := p.Dial()
	for _, body := range []string{"Content-Length: 4\r\n\r\nfull", "Transfer-Encoding: chunked\r\n\r\n4\r\nfull\r\n0\r\n\r\n", "Content-Length: 0\r\n\r\n"} {
		c.Send(strings.TrimSuffix(p.Request("POST", "/"), "\r\n") + body)
		if resp := c.Response("POST"); resp.Close || resp.StatusCode != 200 {
			t.Errorf("%q: %s, close %v", body, resp.Status, resp.Close)
		} else {
			c.Body(resp)
		}
	}
}

// An origin that takes nothing does not hold a tunnel for ever, whether its client waits or is gone; the
// close record says what it was.
func TestOriginThatNeverReads(t *testing.T) {
	proxytest.Parallel(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := proxytest.Start(t, proxytest.Config{
		Listener: ln,
		Setup:    func(s *proxy.Server) { s.Options.StallTimeout = setting.Duration(100 * time.Millisecond) },
	})
	for i, gone := range []bool{false, true} {
		c := p.Connect("")
		origin, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer origin.Close()
		if gone {
			c.SetWriteDeadline(time.Now().Add(time.Second))
		}
		for piece := make([]byte, 1<<20); err == nil; {
			_, err = c.Write(piece)
		}
		if gone {
			c.SetLinger(0)
			c.Close()
		}
		r := p.Records(2*i + 2)[2*i+1]
		if r.Type != "egress.close" || r.Decision != "allow" || !gone && r.Error != "connection_write_timeout" {
			t.Errorf("gone %v: close record %+v", gone, r)
		}
	}
}
