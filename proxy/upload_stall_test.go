package proxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"webproxy/internal/proxytest"
	"webproxy/internal/setting"
	"webproxy/proxy"
	"webproxy/proxy/egress"
)

// An unreadOrigin takes requests and reads nothing of their bodies, nor does it respond, until it is released.
type unreadOrigin struct {
	asked, release chan struct{}

	net.Listener
	mu    sync.Mutex
	conns []net.Conn // that were accepted
}

func newUnread() *unreadOrigin {
	return &unreadOrigin{asked: make(chan struct{}, 10), release: make(chan struct{})}
}

func (o *unreadOrigin) ServeHTTP(http.ResponseWriter, *http.Request) {
	o.asked <- struct{}{}
	<-o.release
}

// prepare has s use o.
func (o *unreadOrigin) prepare(s *httptest.Server) { o.Listener, s.Listener = s.Listener, o }

// Accept implements net.Listener.
func (o *unreadOrigin) Accept() (net.Conn, error) {
	c, err := o.Listener.Accept()
	if err == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.conns = append(o.conns, c)
	}
	return c, err
}

// wantEnds fails unless all connections were closed by the other side.
func (o *unreadOrigin) wantEnds(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.conns {
		c.SetReadDeadline(time.Now().Add(proxytest.Patience))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a connection to the origin is still open")
		}
	}
	if len(o.conns) == 0 {
		t.Error("there was no connection")
	}
}

// endless is a body that does not end until its client is done with it.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// uploadWays are the ways on which a body goes to an origin.
var uploadWays = []string{"plain", "by a parent", "inside, HTTP/1.1", "inside, HTTP/2", "inside, HTTP/2 to HTTP/1.1", "inside, HTTP/1.1 to HTTP/2"}

// start starts a proxy before o, and returns a client that asks on the way for the URL.
func (o *unreadOrigin) start(t *testing.T, way string, setup func(*proxy.Server)) (p *proxytest.Proxy, client *http.Client, url string) {
	if versions, ok := strings.CutPrefix(way, "inside, "); ok {
		from, to, differ := strings.Cut(versions, " to ")
		if !differ {
			to = from
		}
		in := startInspectedWith(t, o, leafSpec{http1: to == "HTTP/1.1"}, func(c *proxytest.Config) {
			before := c.Setup
			c.Setup = func(s *proxy.Server) { before(s); setup(s) }
		}, o.prepare)
		return in.Proxy, in.client(t, from == "HTTP/2"), "https://" + in.Target + "/allowed"
	}
	server := httptest.NewUnstartedServer(o)
	o.prepare(server)
	server.Start()
	t.Cleanup(server.Close)
	p = proxytest.Start(t, proxytest.Config{Listener: server.Listener, Setup: func(s *proxy.Server) {
		setup(s)
		if way == "plain" {
			return
		}
		e, err := egress.New(egress.Options{Upstreams: []egress.UpstreamSpec{{URL: server.URL}}})
		if err != nil {
			t.Fatal(err)
		}
		s.Egress = e
	}})
	return p, p.Client, p.URL("/")
}

// An origin that takes nothing of an upload ends it after stall_timeout, and the client is told.
func TestUploadStalls(t *testing.T) {
	proxytest.Parallel(t)
	for _, way := range uploadWays {
		t.Run(way, func(t *testing.T) {
			t.Parallel() // each waits for two seconds or more
			o := newUnread()
			defer close(o.release)
			p, client, url := o.start(t, way, func(s *proxy.Server) { s.Options.StallTimeout = setting.Duration(2 * time.Second) })
			ctx, cancel := context.WithTimeout(t.Context(), proxytest.Patience)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, "POST", url, endless{})
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if got := resp.Header.Get("Proxy-Status"); resp.StatusCode != 504 || !strings.Contains(got, "error=connection_write_timeout") {
				t.Errorf("%s, Proxy-Status %q\n%s", resp.Status, got, body)
			}
			for found, have := false, 1; !found; have++ { // Records gives up
				found = slices.ContainsFunc(p.Records(have), func(r proxytest.Record) bool {
					return r.Method == "POST" && r.Error == "connection_write_timeout" && r.Status == 504
				})
			}
		})
	}
}

// A stop closes the sockets to origins when its time is over, also those that take nothing, before it is done.
func TestShutdownClosesOrigins(t *testing.T) {
	for _, way := range uploadWays {
		t.Run(way, func(t *testing.T) {
			o := newUnread()
			defer close(o.release)
			p, client, url := o.start(t, way, func(*proxy.Server) {})
			ctx, cancel := context.WithTimeout(t.Context(), proxytest.Patience)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, "POST", url, endless{})
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() {
				resp, err := client.Do(r)
				if err == nil {
					resp.Body.Close()
				}
				ended <- err
			}()
			<-o.asked
			now, stop := context.WithCancel(context.Background())
			stop() // no grace
			p.Server.Shutdown(now)
			if st := p.Server.Stats(); st.InsideConns != 0 || st.Requests != 0 || st.Tunnels != 0 {
				t.Errorf("after the stop: %+v", st)
			}
			o.wantEnds(t)
			<-ended
		})
	}
}
