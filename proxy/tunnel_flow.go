package proxy

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// tunnelBuffer is the size of the buffers that tunnels borrow. Larger ones gain little: large transfers go through a
// pipe instead, where the system has splice.
const tunnelBuffer = 32 << 10

// A tunnelFlow is one direction of a tunnel. It belongs to one goroutine, except for fields that are marked as
// guarded.
type tunnelFlow struct {
	dst, src net.Conn
	tunnel   *tunnel       // that it belongs to; nil if it belongs to none
	moved    *atomic.Int64 // bytes delivered to dst
	pools    *tunnelPools
	filled   bool // the last read by moveBuffered filled its buffer
	unpaid   int  // bytes delivered that are not yet paid to pace
	// left is how many bytes are to be read from src; 0 is any number. Whoever sets it calls no more when they have
	// been moved.
	left int64
	// stall ends the flow when a write makes no progress for that time; 0 is no limit.
	stall   time.Duration
	pace    pace      // slows it down
	writeBy time.Time // dst's write deadline; see armWrite
	// undelivered is set if the last error was of dst.
	undelivered bool
	raw         rawFlow // how this system moves bytes between sockets; see prepare

	// For a direction of a tunnel that may be parked; guarded by tunnel.mu.
	state flowState
	seen  int64 // moved at the last look; -1 before the first
	fixed bool  // it cannot be parked
}

// write delivers p. It counts the bytes that arrived, even if not all did.
func (f *tunnelFlow) write(p []byte) error {
	err := f.send(p)
	f.undelivered = err != nil
	return err
}

func (f *tunnelFlow) send(p []byte) error {
	n, err := f.writeNow(p)
	if p = p[n:]; err != nil || len(p) == 0 {
		return err
	}
	for {
		f.armWrite()
		n, err := f.dst.Write(p)
		f.delivered(n)
		if err == nil {
			return nil
		}
		if err := stalled(int64(n), err); err != nil {
			return err
		}
		p = p[n:]
	}
}

func (f *tunnelFlow) delivered(n int) {
	f.moved.Add(int64(n))
	f.unpaid += n
	if f.left > 0 {
		f.left -= int64(n)
	}
}

// pay waits until pace permits what was delivered. It is not called inside the poller.
func (f *tunnelFlow) pay() {
	n := f.unpaid
	f.unpaid = 0
	f.pace.spend(n)
}

// upTo is how many of n bytes may be read from src.
func (f *tunnelFlow) upTo(n int) int {
	n = f.pace.most(n)
	if f.left > 0 {
		return int(min(int64(n), f.left))
	}
	return n
}

// receiveBuffered is receive with a buffer in hand: it works with every net.Conn.
func (f *tunnelFlow) receiveBuffered() (buf *[tunnelBuffer]byte, n int, err error) {
	buf = f.pools.buffer()
	n, err = f.src.Read(buf[:])
	if n > 0 {
		return buf, n, nil // the next read returns the error again
	}
	f.pools.giveBack(buf)
	return nil, 0, err
}

// moveBuffered waits for src with a buffer in hand and delivers what it read: it works with every net.Conn. The error
// is io.EOF at src's end.
func (f *tunnelFlow) moveBuffered() error {
	buf := f.pools.buffer()
	defer f.pools.giveBack(buf)
	n, err := f.src.Read(buf[:f.upTo(len(buf))])
	f.filled = n == len(buf)
	if n > 0 {
		if err := f.write(buf[:n]); err != nil {
			return err
		}
	}
	return err
}

// tunnelPools lends buffers and pipes to tunnels while bytes move. The zero value is empty and ready. It is safe for
// concurrent use, and must not be copied.
type tunnelPools struct {
	buffers sync.Pool // of *[tunnelBuffer]byte
	pipes   pipePool
	// descriptors is the number from which on a pipe's descriptor is refused; 0 is no limit.
	descriptors int
}

func (p *tunnelPools) buffer() *[tunnelBuffer]byte {
	if buf, ok := p.buffers.Get().(*[tunnelBuffer]byte); ok {
		return buf
	}
	return new([tunnelBuffer]byte)
}

func (p *tunnelPools) giveBack(buf *[tunnelBuffer]byte) { p.buffers.Put(buf) }

// close frees what the pools keep. Tunnels may still run; nothing of theirs is pooled from then on.
func (p *tunnelPools) close() { p.pipes.close() }
