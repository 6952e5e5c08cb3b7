package proxy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
)

// An origin that responds and closes its connection without having read the upload is heard: its response
// counts more than the write that failed (RFC 9112, 9.5).
func TestResponseBeforeUploadEnds(t *testing.T) {
	ln := proxytest.Accept(t, func(c *net.TCPConn) {
		c.Read(make([]byte, 1000))
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge")
		c.Close() // with the upload unread, which resets it
	})
	p := proxytest.Start(t, proxytest.Config{Listener: ln})
	body := strings.Repeat("x", 2<<20)
	for i := range 40 {
		c := p.Dial()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			io.WriteString(c.TCPConn, p.Request("POST", "/", fmt.Sprintf("Content-Length: %d", len(body)))+body)
		}()
		resp := c.Response("POST")
		got, err := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusRequestEntityTooLarge || string(got) != "large" || err != nil {
			t.Errorf("try %d: %s %q, %v", i, resp.Status, got, err)
		}
		c.Close()
		<-sent
	}
	for _, r := range p.Records(80) {
		if r.Error != "" {
			t.Errorf("%s %s %s", r.Type, r.Error, r.Detail)
		}
	}
}

// A client that sends all of a large upload before it reads sees why it was denied, rather than a reset (RFC 9112, 9.6).
func TestDeniedUpload(t *testing.T) {
	const size = 10 << 20
	check := func(name string, c io.Writer, r *bufio.Reader, target, host string) {
		t.Helper()
		head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", target, host, size)
		if _, err := io.WriteString(c, head+strings.Repeat("x", size)); err != nil {
			t.Errorf("%s: the upload breaks off: %v", name, err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(string(body), "webproxy denied: ") || err != nil || !resp.Close {
			t.Errorf("%s: %s %q, %v, close %v", name, resp.Status, body, err, resp.Close)
		}
		if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
			t.Errorf("%s: %q after the response, %v", name, rest, err)
		}
	}
	t.Run("plain", func(t *testing.T) {
		p := proxytest.Start(t, proxytest.Config{})
		c := p.Dial()
		check("plain", c, c.R, "http://unlisted.test/", "unlisted.test")
	})
	t.Run("inside", func(t *testing.T) {
		p := startInspected(t, http.NotFoundHandler(), leafSpec{})
		c := tls.Client(p.Connect(""), &tls.Config{ServerName: proxytest.Host, RootCAs: p.Trusted})
		defer c.Close()
		check("inside", c, bufio.NewReader(c), "/denied", p.Target)
	})
}
