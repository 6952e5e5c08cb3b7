//go:build unix

package proxy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/proxytest"
	"webproxy/internal/setting"
	"webproxy/policy"
	"webproxy/proxy"
	"webproxy/proxy/egress"
)

// Behind a part of a response of ours there is no other: the client would read it as the rest of that part.
func TestGetRefusedInPart(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) {
		s.Options.StallTimeout = setting.Duration(50 * time.Millisecond)
	}})
	p.Target = "denied.test:80"
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- p.Server.Serve(smallBuffers{ln}) }()
	t.Cleanup(func() { ln.Close(); <-served })
	p.Addr = ln.Addr().String()
	c := p.Dial()
	for err == nil { // it does not read: what is too much for the buffers is not taken
		_, err = io.WriteString(c.TCPConn, strings.Repeat(p.Get("/"), 100))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection goes on")
	}
	for {
		resp, err := http.ReadResponse(c.R, nil)
		if err != nil {
			break
		}
		if body, err := io.ReadAll(resp.Body); err != nil {
			break
		} else if !strings.HasPrefix(string(body), "webproxy denied") || strings.Contains(string(body), "HTTP/1.1") {
			t.Fatalf("%q", body)
		}
	}
}

// smallBuffers is a listener on whose connections few written bytes wait. With many, a client that does not read may send nothing more
// before they are full: Linux drops what comes to a full socket, the acknowledgements with it.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(8 << 10)
	}
	return c, err
}

// A hint that the client does not take is no fault of the origin's.
func TestGetHintToNobody(t *testing.T) {
	p, accept := talking(t)
	for n := range 5 {
		c := p.Dial()
		c.Send(p.Get("/"))
		o := accept()
		o.hear()
		c.SetLinger(0)
		c.Close()
		o.say("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n")
		if r := p.Records(2*n + 2)[2*n+1]; r.Error != "client_gone" {
			t.Errorf("close record %s", marshal(t, r))
		}
	}
}

// A request that fails inside the proxy has its records too, and leaves nothing.
func TestGetThatPanics(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) { s.Observer = dialPanics{} }})
	c := p.Dial()
	c.Send(p.Get("/"))
	if rest := c.Rest(); rest != "" {
		t.Errorf("%q", rest)
	}
	if r := p.Records(2)[1]; r.Error != "proxy_internal_error" {
		t.Errorf("close record %s", marshal(t, r))
	}
	if open := p.Server.Open(); len(open) > 0 {
		t.Errorf("open: %+v", open)
	}
}

// dialPanics is an Observer that panics inside a request.
type dialPanics struct{}

func (dialPanics) Decided(policy.Decision, time.Duration) {}
func (dialPanics) Dialled(egress.Route, error)            { panic(errors.New("dialled")) }
func (dialPanics) Ended(*audit.Record)                    {}
func (dialPanics) AuditFailed(error)                      {}

// It makes no difference in what pieces a response comes.
func TestGetResponseInPieces(t *testing.T) {
	responses := []string{
		"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + okResponse,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1;a=b\r\no\r\n1\r\nk\r\n0\r\nX: y\r\n\r\n",
	}
	p, accept := talking(t)
	c := p.Dial()
	c.Send(p.Get("/0"))
	o := accept()
	n := 0
	for _, response := range responses {
		for at := range len(response) {
			o.hear()
			o.say(response[:at])
			o.say(response[at:])
			resp := c.Response("GET")
			if resp.StatusCode == http.StatusEarlyHints {
				resp = c.Response("GET")
			}
			if body := c.Body(resp); body != "ok" || resp.StatusCode != 200 {
				t.Fatalf("%q in two at %d: %s %q", response, at, resp.Status, body)
			}
			n++
			c.Send(p.Get(fmt.Sprint("/", n)))
		}
	}
	o.hear()
	o.say(okResponse)
	c.Body(c.Response("GET"))
	if records := p.Records(2*n + 2); len(records) != 2*n+2 {
		t.Errorf("%d records for %d requests", len(records), n+1)
	}
}
