package proxy_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"webproxy/internal/proxytest"
)

// A request for a WebSocket that gets another response, of which the body never comes, ends with the proxy.
func TestWebSocketRefusedWithoutEnd(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	held := make(chan net.Conn, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
		held <- c
	}()
	p := proxytest.Start(t, proxytest.Config{Listener: ln})
	c := p.Dial()
	io.WriteString(c, "GET "+p.URL("/")+" HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	resp, err := http.ReadResponse(c.R, nil)
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(resp.Body, make([]byte, len("half")))
	defer (<-held).Close()
	now, cancel := context.WithCancel(context.Background())
	cancel() // no grace
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Server.Shutdown(now)
	}()
	limit, stop := context.WithTimeout(context.Background(), proxytest.Patience)
	defer stop()
	select {
	case <-ended:
	case <-limit.Done():
		t.Fatal("Shutdown waits for the origin")
	}
}
