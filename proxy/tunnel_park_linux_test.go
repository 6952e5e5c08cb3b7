package proxy

import (
	"errors"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// parkable returns a tunnel that parks, to be started.
func parkable(t *testing.T) *tunnel {
	t.Helper()
	lot := &parkingLot{}
	t.Cleanup(lot.waiter.close) // after the tunnel's end
	return &tunnel{lot: lot}
}

// park waits until both directions of tun are parked.
func park(tun *tunnel) {
	parked := func() bool {
		tun.mu.Lock()
		defer tun.mu.Unlock()
		for _, f := range tun.flows {
			if f == nil || f.state != flowParked {
				return false
			}
		}
		return true
	}
	for !parked() {
		if tun.begun() {
			tun.look()
		}
		runtime.Gosched()
	}
}

// begun reports whether t has its two directions.
func (t *tunnel) begun() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.flows[0] != nil
}

// A parked tunnel goes on with the next byte, and ends with the end of its streams.
func TestTunnelParks(t *testing.T) {
	tun := parkable(t)
	client, origin, done := startTunnel(t, tun)
	for range 3 {
		send(t, client, "ping")
		expect(t, origin, "ping")
		park(tun)
		send(t, origin, "pong!")
		expect(t, client, "pong!")
		park(tun)
	}
	client.CloseWrite()
	expectEOF(t, origin)
	send(t, origin, "last")
	expect(t, client, "last")
	origin.CloseWrite()
	expectEOF(t, client)
	if got, want := <-done, (ended{out: 12, in: 19, why: tunnelClosed}); got != want {
		t.Errorf("run() = %+v, want %+v", got, want)
	}
}

func TestTunnelParkedHasNoGoroutine(t *testing.T) {
	const tunnels = 20
	lot := &parkingLot{}
	t.Cleanup(lot.waiter.close)
	before := runtime.NumGoroutine()
	for range tunnels {
		tun := &tunnel{lot: lot}
		startTunnel(t, tun)
		park(tun)
		tun.look() // there is nothing left to look at
	}
	settle(runtime.NumGoroutine, before+tunnels+1) // the test's own wait in run, and one for all
	lot.mu.Lock()
	defer lot.mu.Unlock()
	if lot.first != nil {
		t.Error("a parked tunnel is looked at")
	}
}

func TestTunnelParkedIsCut(t *testing.T) {
	tun := parkable(t)
	client, origin, done := startTunnel(t, tun)
	park(tun)
	tun.cut()
	for _, c := range []*net.TCPConn{client, origin} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after cut, read: %v, want a reset", err)
		}
	}
	if got, want := <-done, (ended{why: tunnelCut}); got != want {
		t.Errorf("run() = %+v, want %+v", got, want)
	}
}

func TestTunnelParkedIsReset(t *testing.T) {
	tun := parkable(t)
	client, origin, done := startTunnel(t, tun)
	park(tun)
	client.SetLinger(0)
	client.Close()
	if _, err := origin.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the other side reads %v, want a reset", err)
	}
	if got, want := <-done, (ended{why: tunnelFailed}); got != want {
		t.Errorf("run() = %+v, want %+v", got, want)
	}
}

// TestTunnelParksAnyTime asks for it again and again while bytes move.
func TestTunnelParksAnyTime(t *testing.T) {
	const size = 4 << 20
	tun := parkable(t)
	client, origin, done := startTunnel(t, tun)
	for !tun.begun() {
		runtime.Gosched()
	}
	results := make(chan error, 4)
	for i, way := range [][2]*net.TCPConn{{client, origin}, {origin, client}} {
		sum := make(chan [32]byte, 1)
		go func() { results <- sendRandom(way[0], size, uint64(i), sum) }()
		go func() { results <- receiveRandom(way[1], size, sum) }()
	}
	for {
		select {
		case got := <-done:
			if want := (ended{out: size, in: size, why: tunnelClosed}); got != want {
				t.Errorf("run() = %+v, want %+v", got, want)
			}
			for range 4 {
				if err := <-results; err != nil {
					t.Error(err)
				}
			}
			return
		default:
			tun.look()
			runtime.Gosched()
		}
	}
}

// On a busy machine a look takes longer than the interval, and the next one begins meanwhile.
func TestLooksOverlap(t *testing.T) {
	lot := &parkingLot{}
	t.Cleanup(lot.waiter.close)
	for range 50 {
		startTunnel(t, &tunnel{lot: lot, idle: time.Hour})
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				lot.look()
			}
		})
	}
	wg.Wait()
}

// What a tunnel needs when it lives on is done once, at the first look at it.
func TestTunnelSettles(t *testing.T) {
	tun := parkable(t)
	settled := make(chan net.Conn, 10)
	tun.lot.settled = func(origin net.Conn) { settled <- origin }
	client, _, _ := startTunnel(t, tun)
	if origin := <-settled; origin != tun.origin {
		t.Error("it is not the origin's connection that is to live on")
	}
	for range 3 {
		send(t, client, "x")
		park(tun)
	}
	if len(settled) > 0 {
		t.Error("it settles more than once")
	}
}
