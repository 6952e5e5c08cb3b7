package proxy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"webproxy/audit"
	"webproxy/internal/proxytest"
	"webproxy/internal/setting"
	"webproxy/proxy"
)

// slowOrigin takes longer for a response than the proxy for seeing the end of its client's input. It says how
// many bytes came.
var slowOrigin = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	select {
	case <-r.Context().Done(): // the proxy gave up
	case <-time.After(200 * time.Millisecond):
	}
	fmt.Fprintf(rw, "%s %s %d", r.Method, r.URL.Path, n)
})

// A client that has ended its sending side gets the responses to all that it has asked (RFC 9112, 9.6), whichever way
// they take.
func TestHalfClosedClient(t *testing.T) {
	proxytest.Parallel(t)
	p := proxytest.Start(t, proxytest.Config{Origin: slowOrigin})
	post := func(path string) string { return p.Request("POST", path, "Content-Length: 4") + "body" }
	standard := strings.TrimSpace(getThroughNetHTTP)
	for _, tt := range []struct {
		name, send string
		want       []string
	}{
		{"fast path", p.Get("/a"), []string{"GET /a 0"}},
		{"standard path", p.Get("/b", standard), []string{"GET /b 0"}},
		{"upload", post("/c"), []string{"POST /c 4"}},
		{"chunked", p.Request("POST", "/d", "Transfer-Encoding: chunked") + "2\r\nhi\r\n0\r\n\r\n", []string{"POST /d 2"}},
		{"pipelined", p.Get("/e") + p.Get("/f") + post("/g") + post("/h") + p.Get("/i"), []string{"GET /e 0", "GET /f 0", "POST /g 4", "POST /h 4", "GET /i 0"}},
		{"HTTP/1.0", "GET " + p.URL("/j") + " HTTP/1.0\r\n\r\n", []string{"GET /j 0"}},
	} {
		before := len(p.Audit.All())
		c := p.Dial()
		c.Send(tt.send)
		c.CloseWrite()
		for _, want := range tt.want {
			resp := c.Response("GET")
			if got := c.Body(resp); got != want {
				t.Errorf("%s: %s %q, want %q", tt.name, resp.Status, got, want)
			}
		}
		if rest := c.Rest(); rest != "" {
			t.Errorf("%s: %q after the responses", tt.name, rest)
		}
		for _, r := range p.Records(before + 2*len(tt.want))[before:] {
			if r.Error != "" {
				t.Errorf("%s: %s %s", tt.name, r.Type, r.Error)
			}
		}
	}
}

// Inside inspected TLS it is the same, with close_notify, with the end of TCP, and with both.
func TestHalfClosedClientInside(t *testing.T) {
	proxytest.Parallel(t)
	p := startInspected(t, slowOrigin, leafSpec{})
	head := func(method, path, more string) string {
		return method + " /allowed" + path + " HTTP/1.1\r\nHost: " + p.Target + "\r\n" + more + "\r\n"
	}
	for _, end := range []string{"close_notify", "FIN", "both"} {
		tcp := p.Connect("")
		c := tls.Client(tcp, &tls.Config{ServerName: proxytest.Host, RootCAs: p.Trusted})
		io.WriteString(c, head("GET", "/a", "")+head("POST", "/b", "Content-Length: 4\r\n")+"body")
		if end != "FIN" {
			c.CloseWrite()
		}
		if end != "close_notify" {
			tcp.CloseWrite()
		}
		b, err := io.ReadAll(c)
		if got := string(b); !strings.Contains(got, "GET /allowed/a 0") || !strings.Contains(got, "POST /allowed/b 4") || err != nil {
			t.Errorf("%s: %q, %v", end, got, err)
		}
		c.Close()
	}
	for _, r := range p.Records(18) {
		if r.Error != "" {
			t.Errorf("%s %s %s", r.Method, r.Type, r.Error)
		}
	}
}

// And by HTTP/2: each request that is whole is answered, and none that is not.
func TestHalfClosedClientH2(t *testing.T) {
	proxytest.Parallel(t)
	p := startInspected(t, slowOrigin, leafSpec{})
	head := func(method, path string) []byte {
		return block(":method="+method, ":scheme=https", ":authority="+p.Target, ":path=/allowed"+path)
	}
	for _, end := range []string{"close_notify", "FIN", "both"} {
		before := len(p.Audit.All())
		c := p.openH2(t)
		c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head("GET", "/a"), EndHeaders: true, EndStream: true})
		c.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: head("POST", "/b"), EndHeaders: true})
		c.WriteData(3, true, []byte("body"))
		c.WriteHeaders(http2.HeadersFrameParam{StreamID: 5, BlockFragment: head("POST", "/c"), EndHeaders: true})
		c.WriteData(5, false, []byte("half"))
		if end != "FIN" {
			c.conn.CloseWrite()
		}
		if end != "close_notify" {
			c.conn.NetConn().(*proxytest.Conn).CloseWrite()
		}
		bodies := map[uint32]string{}
		for {
			frame, err := c.ReadFrame()
			if err != nil {
				break
			}
			if f, ok := frame.(*http2.DataFrame); ok {
				bodies[f.StreamID] += string(f.Data())
			}
		}
		if bodies[1] != "GET /allowed/a 0" || bodies[3] != "POST /allowed/b 4" || bodies[5] != "" {
			t.Errorf("%s: %v", end, bodies)
		}
		for _, r := range p.Records(before + 8)[before:] {
			if want := r.Path == "/allowed/c" && r.Type == audit.TypeClose; want != (r.Error == "client_gone") {
				t.Errorf("%s: %s %s %s %q", end, r.Type, r.Method, r.Path, r.Error)
			}
		}
	}
}

// A client of HTTP/2 that has ended its sending side opens no window any more: what stays behind a closed one is reset, or
// ends with the connection, without a stall_timeout and without a stop that has to wait for it.
func TestHalfClosedClientStuck(t *testing.T) {
	proxytest.Parallel(t)
	for name, origin := range map[string]http.HandlerFunc{
		"large": func(rw http.ResponseWriter, _ *http.Request) { rw.Write(make([]byte, 1<<20)) },
		"small": func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "small") },
	} {
		for _, stop := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", stop: ", stop), func(t *testing.T) {
				t.Parallel() // each waits for seconds
				p := startInspectedWith(t, origin, leafSpec{}, func(c *proxytest.Config) {
					setup := c.Setup
					c.Setup = func(s *proxy.Server) {
						setup(s)
						s.Options.StallTimeout = setting.Off
					}
				})
				c := p.openHTTP2(t)
				if err := c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					c.request("GET")
				}
				heads := 0
				c.until(func(f http2.Frame) bool {
					if _, ok := f.(*http2.HeadersFrame); ok {
						heads++
					}
					return heads == 3
				})
				c.conn.NetConn().(*proxytest.Conn).CloseWrite()
				if stop {
					ctx, cancel := context.WithTimeout(context.Background(), proxytest.Patience)
					defer cancel()
					if err := p.Server.Shutdown(ctx); err != nil {
						t.Errorf("the stop waits for what nobody takes: %v", err)
					}
				}
				for {
					if _, err := c.ReadFrame(); errors.Is(err, os.ErrDeadlineExceeded) {
						t.Fatal("the connection stays")
					} else if err != nil && !errors.As(err, new(http2.StreamError)) {
						break
					}
				}
				p.Records(2 * 4)
				c.conn.NetConn().Close()
			})
		}
	}
}

// And one that takes its time, with a window that is open, is left in peace.
func TestHalfClosedClientSlow(t *testing.T) {
	proxytest.Parallel(t)
	const size = 2 << 20
	p := startInspected(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Write(make([]byte, size/2))
		time.Sleep(4 * time.Second) // longer than a connection is looked at twice, and net/http takes to close it
		rw.Write(make([]byte, size/2))
	}), leafSpec{})
	c := p.openHTTP2(t)
	if err := c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1}); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteWindowUpdate(0, 1<<30); err != nil {
		t.Fatal(err)
	}
	c.request("GET")
	c.conn.NetConn().(*proxytest.Conn).CloseWrite()
	time.Sleep(4 * time.Second) // the socket is full meanwhile
	got := 0
	c.until(func(f http2.Frame) bool {
		d, ok := f.(*http2.DataFrame)
		if ok {
			got += len(d.Data())
		}
		return ok && d.StreamEnded()
	})
	if got != size {
		t.Errorf("%d of %d bytes", got, size)
	}
	c.conn.NetConn().Close()
}

// A client that resets its connection has gone, also with more requests on the way than are read ahead, and after the
// end of its sending side.
func TestResetClient(t *testing.T) {
	asked, gone := make(chan bool, 1), make(chan bool, 1)
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		asked <- true
		<-r.Context().Done()
		gone <- true
	})})
	standard := strings.TrimSpace(getThroughNetHTTP)
	for i, send := range []string{
		p.Get("/"), p.Get("/", standard), p.Request("POST", "/", "Content-Length: 4") + "body",
		strings.Repeat(p.Get("/"), 2000), strings.Repeat(p.Get("/", standard), 2000), strings.Repeat(p.Request("POST", "/", "Content-Length: 4")+"body", 2000),
	} {
		for _, half := range []bool{false, true} {
			before := len(p.Audit.All())
			c := p.Dial()
			c.Send(send)
			if half {
				c.CloseWrite()
			}
			<-asked
			c.Reset()
			<-gone
			if r := p.Records(before + 2)[before+1]; r.Error != "client_gone" {
				t.Errorf("%d, half-closed %v: %+v", i, half, r)
			}
		}
	}
}
