//go:build e2e

package e2e

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"webproxy/internal/proxytest"
)

// listen opens a socket of an origin; it is closed when the test ends.
func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("an origin cannot listen on %s: %v", addr, err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func portOf(ln net.Listener) int { return ln.Addr().(*net.TCPAddr).Port }

// serveHTTP serves plain HTTP on addr until the test ends, and returns the port.
func serveHTTP(t *testing.T, addr string, h http.Handler) int {
	t.Helper()
	ln := listen(t, addr)
	serve(t, ln, h)
	return portOf(ln)
}

// serveTLS serves HTTPS on addr under every name until the test ends, and returns the port.
func serveTLS(t *testing.T, addr string, a *authority, h http.Handler) int {
	t.Helper()
	ln := listen(t, addr)
	serve(t, tls.NewListener(ln, a.config()), h)
	return portOf(ln)
}

// config is how an origin of a's serves TLS.
func (a *authority) config() *tls.Config {
	return &tls.Config{GetCertificate: a.issue, NextProtos: []string{"http/1.1"}}
}

func serve(t *testing.T, ln net.Listener, h http.Handler) {
	t.Helper()
	srv := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("origin on %s: %v", ln.Addr(), err)
		}
	})
	t.Cleanup(func() { srv.Close(); serving.Wait() })
}

// serveRaw hands each connection to one call of handle, and closes it after. When the test ends it
// waits for all of them: handle must return when its peer is gone.
func serveRaw(t *testing.T, handle func(*net.TCPConn)) int {
	t.Helper()
	return serveRawOn(t, "127.0.0.1:0", handle)
}

// serveRawOn is serveRaw on an address.
func serveRawOn(t *testing.T, addr string, handle func(*net.TCPConn)) int {
	t.Helper()
	ln := listen(t, addr)
	proxytest.AcceptFrom(t, ln, handle)
	return portOf(ln)
}

// echo sends back what it receives.
func echo(conn *net.TCPConn) { io.Copy(conn, conn) }

// A guest is a request that an origin received.
type guest struct {
	scheme, host string
	port         int
}

func (g guest) String() string { return fmt.Sprintf("%s://%s:%d", g.scheme, g.host, g.port) }

// A guestbook is an origin that responds with the guest's line and records it. It is safe for
// concurrent use.
type guestbook struct {
	mu   sync.Mutex // guards seen
	seen map[guest]int
}

// ServeHTTP implements http.Handler.
func (b *guestbook) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	g := guest{scheme: "http", host: r.Host}
	if r.TLS != nil {
		g.scheme = "https"
	}
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		g.host = host
	}
	_, port, _ := net.SplitHostPort(r.Context().Value(http.LocalAddrContextKey).(net.Addr).String())
	g.port, _ = strconv.Atoi(port)
	if r.TLS != nil && r.TLS.ServerName != g.host {
		http.Error(rw, "the TLS name is "+r.TLS.ServerName, http.StatusMisdirectedRequest)
		return
	}
	b.mu.Lock()
	if b.seen == nil {
		b.seen = make(map[guest]int)
	}
	b.seen[g]++
	b.mu.Unlock()
	fmt.Fprintf(rw, "welcome %s", g)
}

func (b *guestbook) guests() map[guest]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen
}
