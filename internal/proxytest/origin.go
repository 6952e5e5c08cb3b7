package proxytest

import (
	"net"
	"sync"
	"testing"
)

// Accept starts an origin that passes each connection to handle, in a goroutine of its own, and closes it afterwards. handle must
// return when its peer has closed the connection; when the test ends, all calls are waited for.
func Accept(t testing.TB, handle func(*net.TCPConn)) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	AcceptFrom(t, ln, handle)
	return ln
}

// AcceptFrom is Accept with the test's own listener, which it closes.
func AcceptFrom(t testing.TB, ln net.Listener, handle func(*net.TCPConn)) {
	t.Helper()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				handle(c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() { ln.Close(); serving.Wait() })
}
