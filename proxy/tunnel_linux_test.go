package proxy

import (
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openFiles is the number of descriptors this process has.
func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries) - 1 // one is ReadDir's own
}

// openButPipes is the same without pipes: io.Copy, which other tests use, has some that it keeps until a
// garbage collection.
func openButPipes(t testing.TB) int {
	t.Helper()
	n := 0
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(to, "pipe:") {
			n++ // but for ReadDir's own, which is closed by now
		}
	}
	return n
}

// settle waits until the count is want; it fails only by the test's time limit.
func settle(count func() int, want int) {
	for count() > want {
		runtime.Gosched()
	}
}

func TestTunnelsFreeEverything(t *testing.T) {
	pools := &tunnelPools{}
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		ln.Close() // from now on the runtime's poller has its descriptors
	}
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for i := range 500 {
		t.Run("", func(t *testing.T) {
			tun := &tunnel{pools: pools}
			client, origin, done := startTunnel(t, tun)
			send(t, client, "ping")
			expect(t, origin, "ping")
			switch i % 4 {
			case 0:
				client.CloseWrite()
				origin.CloseWrite()
			case 1:
				client.SetLinger(0)
				client.Close()
			case 2:
				tun.cut()
			case 3:
				bulk(t, client, origin)
				origin.Close() // with nothing more to come from it
				client.Close()
			}
			<-done
		})
	}
	pools.close()
	settle(runtime.NumGoroutine, goroutines)
	if n := openFiles(t); n > files {
		t.Errorf("%d descriptors after 500 tunnels, %d before", n, files)
	}
}

// bulkSize is many buffers, and more than the system keeps for a socket.
const bulkSize = 1 << 20

// bulk sends enough for a flow to go through a pipe.
func bulk(t testing.TB, from, to interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
}) {
	t.Helper()
	const size = bulkSize
	sent := make(chan error, 1)
	go func() {
		_, err := from.Write(make([]byte, size))
		sent <- err
	}()
	buf := make([]byte, 64<<10)
	for got := 0; got < size; {
		n, err := to.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got += n
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func TestIdleTunnelHoldsTwoDescriptors(t *testing.T) {
	const tunnels = 20
	pools := &tunnelPools{}
	defer pools.close()
	before := openButPipes(t)
	var all []*tunnel
	for range tunnels {
		tun := &tunnel{pools: pools}
		client, origin, _ := startTunnel(t, tun)
		bulk(t, client, origin) // it was busy once
		bulk(t, origin, client)
		all = append(all, tun)
	}
	for _, tun := range all { // the pipe is given back after its bytes are delivered
		for tun.out.Load() < bulkSize || tun.in.Load() < bulkSize {
			runtime.Gosched()
		}
	}
	pools.pipes.mu.Lock()
	for pools.pipes.lent > 0 {
		pools.pipes.mu.Unlock()
		runtime.Gosched()
		pools.pipes.mu.Lock()
	}
	kept := len(pools.pipes.idle)
	pools.pipes.mu.Unlock()
	if kept == 0 {
		t.Error("no pipe was ever used: bulk bytes were copied")
	}
	if kept > maxIdlePipes {
		t.Errorf("%d pipes kept, want at most %d", kept, maxIdlePipes)
	}
	// Both ends of both connections are in this process: half of their four are the tunnel's.
	// Their pipes are those counted above: lent to nobody.
	if n := openButPipes(t) - before; n != 4*tunnels {
		t.Errorf("%d tunnels hold %d descriptors with those of their peers, want %d", tunnels, n, 4*tunnels)
	}
}

func TestTunnelWithoutPipesCopies(t *testing.T) {
	pools := &tunnelPools{}
	pools.pipes.lent = maxPipes // all taken
	client, origin, done := startTunnel(t, &tunnel{pools: pools})
	bulk(t, client, origin)
	client.CloseWrite()
	origin.CloseWrite()
	if got := <-done; got.out != bulkSize || got.why != tunnelClosed {
		t.Errorf("run() = %+v, want %d bytes out and tunnelClosed", got, bulkSize)
	}
	if pools.pipes.lent != maxPipes || len(pools.pipes.idle) != 0 {
		t.Errorf("%d pipes lent, %d kept; want %d and 0", pools.pipes.lent, len(pools.pipes.idle), maxPipes)
	}
}

func TestPipePoolNeverLendsAUsedPipe(t *testing.T) {
	var p pipePool
	defer p.close()
	first := p.borrow(0)
	unix.Write(first.w, []byte("another tunnel's"))
	p.discard(first)
	second := p.borrow(0)
	if n, err := unix.Read(second.r, make([]byte, 1)); n > 0 || err != unix.EAGAIN {
		t.Errorf("a lent pipe holds bytes (read %d, %v)", n, err)
	}
	p.giveBack(second)
	if p.lent != 0 || len(p.idle) != 1 {
		t.Errorf("%d lent, %d kept; want 0 and 1", p.lent, len(p.idle))
	}
}
