package proxytest

import (
	"net"
	"sync"
	"testing"
)

// Accept is an origin that hands each connection to handle, in a goroutine of its own, and closes it after.
// handle must return when its peer is gone; when the test ends, Accept waits for all of them.
func Accept(t testing.TB, handle func(*net.TCPConn)) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	AcceptFrom(t, ln, handle)
	return ln
}

// AcceptFrom is Accept with a listener of the test's. It closes it.
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
