//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// startOpened starts a proxy that inspects the TLS of opened.test, whose origin sends endlessly by HTTP/2. It returns
// the authority that its clients trust, and the origin's port.
func startOpened(t *testing.T) (p *process, trust *tls.Config, port int) {
	t.Helper()
	ca := newAuthority(t)
	config := ca.config()
	config.NextProtos = []string{"h2", "http/1.1"}
	ln := listen(t, "127.0.0.1:0")
	srv := &http.Server{TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		for b := make([]byte, 16<<10); r.Context().Err() == nil; {
			if _, err := rw.Write(b); err != nil {
				return
			}
		}
	})}
	var serving sync.WaitGroup
	serving.Go(func() { srv.ServeTLS(ln, "", "") }) // it ends with an error that says that it was closed
	t.Cleanup(func() { srv.Close(); serving.Wait() })
	s := newSite(t)
	s.configure(fmt.Sprintf(`
proxy: { shutdown_grace: 1s }
inspection: { roots: [%q] }
policy:
  rules:
    - { id: opened, url: "https://opened.test:%d/in", inspect: true, private: allow }
`, ca.file, portOf(ln)))
	for _, args := range [][]string{{"init", "--only", "opened.test"}, {"export"}} {
		r := run(t, nil, binary(t), append(append([]string{"ca"}, args...), "--config", filepath.Join(s.dir, "webproxy.yaml"))...)
		if r.exit != 0 {
			t.Fatalf("webproxy ca %s: exit %d\n%s", args, r.exit, r.stderr)
		}
		s.write("proxy-ca.pem", r.stdout)
	}
	pool := ca.Pool()
	pem, err := os.ReadFile(filepath.Join(s.dir, "proxy-ca.pem"))
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("proxy-ca.pem: %v", err)
	}
	return s.start(), &tls.Config{RootCAs: pool, ServerName: "opened.test"}, portOf(ln)
}

// settled is p's memory in MiB once it has stopped growing.
func (p *process) settled() int {
	for most, quiet := 0, 0; ; time.Sleep(100 * time.Millisecond) {
		if now := p.memory("VmRSS"); now > most {
			most, quiet = now, 0
		} else if quiet++; quiet == 20 {
			return most >> 10
		}
	}
}

// openTLS opens a TLS connection inside a tunnel to opened.test.
func (p *process) openTLS(trust *tls.Config, port int, protocol string) *tls.Conn {
	p.t.Helper()
	conn := dialFrom(p.t, "127.0.0.1", p.addr)
	fmt.Fprintf(conn, "CONNECT opened.test:%d HTTP/1.1\r\nHost: x\r\n\r\n", port)
	if resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), &http.Request{Method: "CONNECT"}); err != nil || resp.StatusCode != 200 {
		p.t.Fatalf("CONNECT: %v %v", resp, err)
	}
	config := trust.Clone()
	config.NextProtos = []string{protocol}
	c := tls.Client(conn, config)
	if err := c.Handshake(); err != nil {
		p.t.Fatal(err)
	}
	return c
}

// A client that requests much inside inspected TLS and reads nothing does not fill the proxy's memory: 240 requests on
// one HTTP/2 connection without window updates, and 20 HTTP/1.1 connections that are not read.
func TestFloodMemory(t *testing.T) {
	p, trust, port := startOpened(t)
	before := p.settled()
	c := p.openTLS(trust, port, "h2")
	io.WriteString(c, http2.ClientPreface)
	f := http2.NewFramer(c, c)
	f.WriteSettings()
	var reading sync.WaitGroup
	reading.Go(func() { io.Copy(io.Discard, c) }) // frames without a response
	defer func() { c.NetConn().Close(); reading.Wait() }()
	for i := range 240 {
		var block bytes.Buffer
		enc := hpack.NewEncoder(&block)
		for _, h := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", fmt.Sprintf("opened.test:%d", port)}, {":path", "/in/large"}} {
			enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
		}
		if f.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true}) != nil {
			break
		}
	}
	streams := p.settled()
	for range 20 {
		c := p.openTLS(trust, port, "http/1.1")
		fmt.Fprintf(c, "GET /in/large HTTP/1.1\r\nHost: opened.test:%d\r\n\r\n", port)
	}
	readers := p.settled()
	t.Logf("%d MiB at the start, %d with 240 requests whose windows never return, %d with 20 readers of HTTP/1.1 that do not read", before, streams, readers)
	if readers > before+150 {
		t.Errorf("memory grows to %d MiB", readers)
	}
}
