package proxy

import (
	"io"
	"net"
	"testing"
)

// A dial that takes long ends when its client does; what the client sent before that is kept.
func TestWatch(t *testing.T) {
	client, c := wirePair(t)
	gone := make(chan bool, 1)
	stop := c.watch(true, func() { gone <- true })
	io.WriteString(client, "early")
	client.(*net.TCPConn).SetLinger(0)
	client.Close()
	<-gone
	stop()
	if got := string(c.takeBuffered()); got != "early" {
		t.Errorf("kept %q", got)
	}
}

// A watch that is stopped has taken nothing, and leaves the connection as it was.
func TestWatchStopped(t *testing.T) {
	client, c := wirePair(t)
	stop := c.watch(true, func() { t.Error("gone") })
	stop()
	io.WriteString(client, "x")
	if n, err := c.tcp.Read(make([]byte, 2)); n != 1 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
}

// wirePair is a client and the connection that it is connected to.
func wirePair(t *testing.T) (net.Conn, *clientConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return client, newClientConn(conn.(*net.TCPConn), connLimits{heads: &bufferPool{size: 4096}}, nil)
}
