package proxy

import (
	"testing"
	"testing/synctest"
	"time"
	"webproxy/proxy/internal/clienthello"
)

// A ClientHello has a time limit, from its first byte; silence before it has none.
func TestHelloInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got clienthello.Hello
		tun := &tunnel{clientHelloTimeout: 10 * time.Second, checkHello: func(h *clienthello.Hello) *clientHelloRefusal { got = *h; return &clientHelloRefusal{} }}
		client, origin, done := pipeTunnel(tun, bare)
		time.Sleep(time.Hour)
		send(t, client, "\x16\x03")
		time.Sleep(3 * time.Second)
		send(t, client, "\x01")
		began := time.Now()
		if e := <-done; e.why != tunnelRefused || got.Err != clienthello.ErrTimeout || e.out != 0 {
			t.Errorf("%+v, error %q", e, got.Err)
		}
		if waited := time.Since(began); waited != 7*time.Second {
			t.Errorf("refused after %v more, want 7s", waited)
		}
		expectEOF(t, origin)
		client.Close()
	})
}
