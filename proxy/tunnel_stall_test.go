package proxy

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// A side that takes a byte now and then may take as long as it needs for all of them; one that takes
// none ends the tunnel.
func TestTunnelStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, origin, done := pipeTunnel(&tunnel{stall: time.Minute}, bare)
		defer client.Close()
		const size = 100
		go client.Write(make([]byte, size+1))
		for range size {
			time.Sleep(44 * time.Second) // a write has 45 s at least
			if _, err := io.ReadFull(origin, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		got := <-done
		if d := time.Since(start); got != (ended{out: size, why: tunnelStalled}) || d < 45*time.Second || d > 2*time.Minute {
			t.Errorf("run() = %+v after %v, want %d bytes out and tunnelStalled after 45s to 2m", got, d, size)
		}
		expectEOF(t, origin)
	})
}

// Silence is none of it, however long, and a write after it has its whole time.
func TestTunnelSilenceIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, origin, done := pipeTunnel(&tunnel{stall: time.Minute}, bare)
		for range 3 {
			send(t, client, "ping")
			expect(t, origin, "ping")
			send(t, origin, "pong")
			expect(t, client, "pong")
			time.Sleep(10 * 24 * time.Hour)
			send(t, client, "late")
			time.Sleep(44 * time.Second)
			expect(t, origin, "late")
		}
		client.Close()
		if got := <-done; got.out != 24 || got.in != 12 || got.why != tunnelClosed {
			t.Errorf("run() = %+v, want 24 bytes out, 12 in, and tunnelClosed", got)
		}
	})
}

// A deadline that passed in silence was that of another write.
func TestTunnelPastDeadline(t *testing.T) {
	tun := &tunnel{stall: time.Hour}
	client, origin, _ := startTunnel(t, tun)
	tun.origin.SetWriteDeadline(time.Unix(1, 0))
	send(t, client, "late")
	expect(t, origin, "late")
	send(t, client, "later")
	expect(t, origin, "later")
}

// Without a limit nothing ends.
func TestTunnelStallOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tun := &tunnel{}
		client, origin, done := pipeTunnel(tun, bare)
		defer client.Close()
		defer origin.Close()
		go client.Write([]byte("x"))
		time.Sleep(365 * 24 * time.Hour)
		tun.cut()
		if got := <-done; got.why != tunnelCut {
			t.Errorf("run() = %+v, want tunnelCut", got)
		}
	})
}

// The same of sockets, in both directions: a peer that is there and does not read.
func TestTunnelStallOfSockets(t *testing.T) {
	for _, toOrigin := range []bool{true, false} {
		client, origin, done := startTunnel(t, &tunnel{stall: 50 * time.Millisecond})
		from := client
		if !toOrigin {
			from = origin
		}
		go func() { // more than all buffers on the way hold
			for piece := make([]byte, 1<<20); ; {
				if _, err := from.Write(piece); err != nil {
					return
				}
			}
		}()
		if got := <-done; got.why != tunnelStalled {
			t.Errorf("to origin %v: run() = %+v, want tunnelStalled", toOrigin, got)
		}
		if _, err := io.Copy(io.Discard, other(from, client, origin)); err == nil {
			t.Errorf("to origin %v: what broke off looks whole", toOrigin)
		}
	}
}

func other(not, a, b net.Conn) net.Conn {
	if not == a {
		return b
	}
	return a
}
