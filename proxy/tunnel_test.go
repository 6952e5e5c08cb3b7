package proxy

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"syscall"
	"testing"
)

// ended is what tunnel.run returned.
type ended struct {
	out, in int64
	why     tunnelEnd
}

// startTunnel runs a tunnel over TCP and returns the ends that a client and an origin hold.
func startTunnel(t testing.TB, tun *tunnel) (client, origin *net.TCPConn, done <-chan ended) {
	t.Helper()
	var inner net.Conn
	client, inner = tcpPair(t)
	tun.client = inner
	inner, origin2 := tcpPair(t)
	tun.origin = inner
	return client, origin2.(*net.TCPConn), runTunnel(t, tun)
}

// runTunnel runs tun and waits for it at the end of the test.
func runTunnel(t testing.TB, tun *tunnel) <-chan ended {
	t.Helper()
	done := make(chan ended, 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		out, in, why := tun.run()
		done <- ended{out, in, why}
	}()
	t.Cleanup(func() { tun.cut(); <-over })
	return done
}

// tcpPair returns the two ends of a connection over loopback, closed at the end of the test.
func tcpPair(t testing.TB) (*net.TCPConn, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	a, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a.(*net.TCPConn), b
}

func send(t testing.TB, c io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatalf("write %q: %v", s, err)
	}
}

func expect(t testing.TB, c io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got[:n], err, want)
	}
}

func expectEOF(t testing.TB, c io.Reader) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("read %d bytes, %v; want the end of the stream", n, err)
	}
}

func TestTunnelHalfClose(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first func(client, origin *net.TCPConn) (ends, goesOn *net.TCPConn)
	}{
		{"client ends first", func(c, o *net.TCPConn) (*net.TCPConn, *net.TCPConn) { return c, o }},
		{"origin ends first", func(c, o *net.TCPConn) (*net.TCPConn, *net.TCPConn) { return o, c }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, origin, done := startTunnel(t, &tunnel{})
			a, b := tt.first(client, origin)
			send(t, a, "last words")
			a.CloseWrite()
			expect(t, b, "last words")
			expectEOF(t, b)
			// The other direction goes on.
			send(t, b, "one")
			expect(t, a, "one")
			send(t, b, "two")
			expect(t, a, "two")
			select {
			case e := <-done:
				t.Fatalf("tunnel ended after one half: %+v", e)
			default:
			}
			b.CloseWrite()
			expectEOF(t, a)
			want := ended{out: 10, in: 6, why: tunnelClosed}
			if a == origin {
				want.out, want.in = want.in, want.out
			}
			if got := <-done; got != want {
				t.Errorf("run() = %+v, want %+v", got, want)
			}
		})
	}
}

func TestTunnelEarlyBytesComeFirst(t *testing.T) {
	client, origin, done := startTunnel(t, &tunnel{buffered: []byte("early ")})
	send(t, client, "and late")
	expect(t, origin, "early and late")
	client.CloseWrite()
	origin.CloseWrite()
	if got, want := <-done, (ended{out: 14, in: 0, why: tunnelClosed}); got != want {
		t.Errorf("run() = %+v, want %+v", got, want)
	}
}

func TestTunnelCountsWhileOpen(t *testing.T) {
	tun := &tunnel{}
	client, origin, _ := startTunnel(t, tun)
	send(t, client, "ping")
	expect(t, origin, "ping")
	send(t, origin, "pong!")
	expect(t, client, "pong!")
	// A byte is counted after it was delivered, so its reader may be ahead by a moment.
	for tun.out.Load() != 4 || tun.in.Load() != 5 {
		runtime.Gosched()
	}
}

// TestTunnelBulk sends random bytes in pieces of random size in both directions at once: enough for
// every way to move them, and for changing from one to the other.
func TestTunnelBulk(t *testing.T) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"tcp":   bare,
		"other": func(c net.Conn) net.Conn { return struct{ halfCloser }{c.(*net.TCPConn)} },
	} {
		t.Run(name, func(t *testing.T) {
			const size = 40 << 20
			tun := &tunnel{}
			client, inner := tcpPair(t)
			tun.client = wrap(inner)
			origin, inner := tcpPair(t)
			tun.origin = wrap(inner)
			done := runTunnel(t, tun)

			results := make(chan error, 4)
			for i, way := range [][2]*net.TCPConn{{client, origin}, {origin, client}} {
				sum := make(chan [32]byte, 1)
				go func() { results <- sendRandom(way[0], size, uint64(i), sum) }()
				go func() { results <- receiveRandom(way[1], size, sum) }()
			}
			for range 4 {
				if err := <-results; err != nil {
					t.Fatal(err)
				}
			}
			if got, want := <-done, (ended{out: size, in: size, why: tunnelClosed}); got != want {
				t.Errorf("run() = %+v, want %+v", got, want)
			}
		})
	}
}

// halfCloser is a net.Conn that is no *net.TCPConn, and knows half-close.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

func sendRandom(c *net.TCPConn, size int, seed uint64, sum chan<- [32]byte) error {
	source := rand.NewChaCha8([32]byte{byte(seed)})
	sizes := rand.New(rand.NewPCG(seed, 1))
	hash := sha256.New()
	buf := make([]byte, 1<<20)
	for left := size; left > 0; {
		piece := buf[:min(left, 1+sizes.IntN(1<<(1+sizes.IntN(20))))]
		source.Read(piece)
		hash.Write(piece)
		if _, err := c.Write(piece); err != nil {
			return err
		}
		left -= len(piece)
	}
	sum <- [32]byte(hash.Sum(nil))
	return c.CloseWrite()
}

func receiveRandom(c *net.TCPConn, size int, sum <-chan [32]byte) error {
	hash := sha256.New()
	n, err := io.Copy(hash, c)
	if err != nil {
		return err
	}
	want := <-sum
	if n != int64(size) || !bytes.Equal(hash.Sum(nil), want[:]) {
		return errors.New("what arrived is not what was sent")
	}
	return nil
}

func TestTunnelResetReachesTheOtherSide(t *testing.T) {
	for _, tt := range []struct {
		name string
		pick func(client, origin *net.TCPConn) (resets, other *net.TCPConn)
	}{
		{"client resets", func(c, o *net.TCPConn) (*net.TCPConn, *net.TCPConn) { return c, o }},
		{"origin resets", func(c, o *net.TCPConn) (*net.TCPConn, *net.TCPConn) { return o, c }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, origin, done := startTunnel(t, &tunnel{})
			a, b := tt.pick(client, origin)
			send(t, a, "half a mess")
			expect(t, b, "half a mess")
			a.SetLinger(0)
			a.Close()
			// Not the end of the stream: the stream was broken.
			if _, err := b.Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Errorf("other side reads %v, want a reset", err)
			}
			if got := <-done; got.why != tunnelFailed || got.out+got.in != 11 {
				t.Errorf("run() = %+v, want 11 bytes and tunnelFailed", got)
			}
		})
	}
}

func TestTunnelCut(t *testing.T) {
	tun := &tunnel{}
	client, origin, done := startTunnel(t, tun)
	send(t, client, "x")
	expect(t, origin, "x")
	for range 3 { // any number of callers
		go tun.cut()
	}
	tun.cut()
	for _, c := range []*net.TCPConn{client, origin} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) && runtime.GOOS != "windows" {
			t.Errorf("after cut, read: %v, want a reset", err)
		}
	}
	if got, want := <-done, (ended{out: 1, in: 0, why: tunnelCut}); got != want {
		t.Errorf("run() = %+v, want %+v", got, want)
	}
}

func TestTunnelCutBeforeRun(t *testing.T) {
	tun := &tunnel{}
	_, tun.client = tcpPair(t)
	_, tun.origin = tcpPair(t)
	tun.cut()
	if _, _, why := tun.run(); why != tunnelCut {
		t.Errorf("run() after cut ended by %d, want tunnelCut", why)
	}
}

// TestTunnelCutWhileBlocked cuts a tunnel whose receiver takes nothing: it is in the middle of a write.
func TestTunnelCutWhileBlocked(t *testing.T) {
	tun := &tunnel{}
	client, _, done := startTunnel(t, tun)
	piece := make([]byte, 1<<20)
	full := make(chan struct{})
	go func() {
		defer close(full)
		for {
			if _, err := client.Write(piece); err != nil {
				return
			}
		}
	}()
	for tun.out.Load() < 4*tunnelBuffer {
		runtime.Gosched()
	}
	tun.cut()
	<-full
	if got := <-done; got.why != tunnelCut || got.out != tun.out.Load() {
		t.Errorf("run() = %+v, want tunnelCut and %d bytes out", got, tun.out.Load())
	}
}

func TestTunnelEarlyBytesUndeliverable(t *testing.T) {
	tun := &tunnel{buffered: []byte("hello")}
	_, tun.client = tcpPair(t)
	_, tun.origin = tcpPair(t)
	tun.origin.Close()
	if out, _, why := tun.run(); out != 0 || why != tunnelFailed {
		t.Errorf("run() = %d, %d, want 0, tunnelFailed", out, why)
	}
}
