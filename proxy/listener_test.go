package proxy_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"webproxy/internal/proxytest"
	"webproxy/policy"
	"webproxy/proxy"
	"webproxy/proxy/egress"
)

// failingListener fails that often before it accepts.
type failingListener struct {
	net.Listener
	left atomic.Int32
	err  error
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: l.err}
	}
	return l.Listener.Accept()
}

func serveFailing(t *testing.T, p *proxytest.Proxy, times int32, cause error) (addr string, served chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	failing := &failingListener{Listener: ln, err: cause}
	failing.left.Store(times)
	served = make(chan error, 1)
	go func() { served <- p.Server.Serve(failing) }()
	return ln.Addr().String(), served
}

// A listener that is out of descriptors for a moment accepts again.
func TestAcceptAgain(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{})
	p.Addr, _ = serveFailing(t, p, 3, syscall.EMFILE)
	c := p.Dial()
	c.Send(p.Get("/"))
	if resp := c.Response("GET"); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}

// One that is broken ends Serve, and says why.
func TestAcceptFails(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{})
	broken := errors.New("broken")
	_, served := serveFailing(t, p, 1, broken)
	if err := <-served; !errors.Is(err, broken) {
		t.Errorf("Serve: %v", err)
	}
}

// panics is an Observer with a defect.
type panics struct{ proxy.Observer }

func (panics) Decided(d policy.Decision, _ time.Duration) {
	if !d.Permit {
		panic("a defect")
	}
}
func (panics) Dialled(egress.Route, error) {}
func (panics) Ended(*proxytest.Record)     {}

// A defect that one request meets ends its connection, and no other.
func TestPanic(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) { s.Observer = panics{} }})
	for _, request := range []string{
		"CONNECT other.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET http://other.test/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET http://other.test/ HTTP/1.1\r\nHost: x\r\n" + getThroughNetHTTP + "\r\n",
	} {
		c := p.Dial()
		c.Send(request)
		if rest := c.Rest(); rest != "" {
			t.Errorf("%q", rest)
		}
	}
	c := p.Dial()
	c.Send(p.Get("/"))
	if resp := c.Response("GET"); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), proxytest.Patience)
	defer cancel()
	c.Close()
	if err := p.Server.Shutdown(ctx); err != nil {
		t.Errorf("something is left: %v", err)
	}
}
