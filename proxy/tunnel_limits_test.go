package proxy

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// pipeTunnel runs a tunnel over net.Pipe, for synctest. The tunnel gets its ends as wrap makes them.
func pipeTunnel(tun *tunnel, wrap func(net.Conn) net.Conn) (client, origin net.Conn, done <-chan ended) {
	client, a := net.Pipe()
	origin, b := net.Pipe()
	tun.client, tun.origin = wrap(a), wrap(b)
	result := make(chan ended, 1)
	go func() {
		out, in, why := tun.run()
		result <- ended{out, in, why}
	}()
	return client, origin, result
}

func bare(c net.Conn) net.Conn { return c }

func TestTunnelIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, origin, done := pipeTunnel(&tunnel{idle: time.Minute}, bare)
		start := time.Now()
		// A byte in either direction now and then keeps it open.
		for i := range 10 {
			a, b := client, origin
			if i%2 == 1 {
				a, b = b, a
			}
			time.Sleep(50 * time.Second)
			send(t, a, "x")
			expect(t, b, "x")
		}
		got := <-done
		silent := time.Since(start) - 500*time.Second
		if got != (ended{out: 5, in: 5, why: tunnelIdle}) || silent < time.Minute || silent > 75*time.Second {
			t.Errorf("run() = %+v after %v of silence, want tunnelIdle after 60s to 75s", got, silent)
		}
		expectEOF(t, client)
		expectEOF(t, origin)
	})
}

func TestTunnelIdleWhileBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, origin, done := pipeTunnel(&tunnel{idle: time.Minute}, bare)
		defer origin.Close()
		defer client.Close()
		send(t, client, "nobody takes this")
		if got := <-done; got.why != tunnelIdle {
			t.Errorf("run() = %+v, want tunnelIdle", got)
		}
	})
}

func TestTunnelWithoutLimitStaysOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tun := &tunnel{halfCloseTimeout: time.Second}
		client, origin, done := pipeTunnel(tun, bare)
		time.Sleep(30 * 24 * time.Hour)
		send(t, client, "still there?")
		expect(t, origin, "still there?")
		tun.cut()
		if got := <-done; got.why != tunnelCut {
			t.Errorf("run() = %+v, want tunnelCut", got)
		}
	})
}

// A closingPipe is one end of a net.Pipe that can be told that no more will come.
type closingPipe struct {
	net.Conn
	ended chan struct{}
}

func (p closingPipe) CloseWrite() error { close(p.ended); return nil }

func TestHalfCloseTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tun := &tunnel{halfCloseTimeout: time.Minute}
		client, origin, done := pipeTunnel(tun, func(c net.Conn) net.Conn {
			return closingPipe{c, make(chan struct{})}
		})
		defer client.Close()
		time.Sleep(time.Hour) // no limit yet: both directions are open
		origin.Close()        // the origin has said all it has to say, or is gone
		<-tun.client.(closingPipe).ended
		start := time.Now()
		got := <-done
		if d := time.Since(start); got.why != tunnelIdle || d < time.Minute || d > 75*time.Second {
			t.Errorf("run() = %+v, %v after the origin's end, want tunnelIdle after 60s to 75s", got, d)
		}
	})
}

// TestTunnelNoHalfClose: where a connection has no half to close, the end of one direction ends both.
func TestTunnelNoHalfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, origin, done := pipeTunnel(&tunnel{buffered: []byte("hello ")}, bare)
		expect(t, origin, "hello ")
		send(t, client, "world")
		expect(t, origin, "world")
		client.Close()
		expectEOF(t, origin)
		if got, want := <-done, (ended{out: 11, in: 0, why: tunnelClosed}); got != want {
			t.Errorf("run() = %+v, want %+v", got, want)
		}
	})
}
