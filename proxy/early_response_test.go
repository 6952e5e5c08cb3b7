package proxy_test

import (
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
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { ln.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 1000))
			io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge")
			c.Close() // with the upload unread, which resets it
		}
	}()
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
