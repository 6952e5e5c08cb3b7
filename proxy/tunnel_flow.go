package proxy

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// tunnelBuffer is the size of the buffers that tunnels borrow. Larger ones gain little: what is
// large goes through a pipe instead, where the system has such a thing.
const tunnelBuffer = 32 << 10

// A tunnelFlow is one direction of a tunnel. It belongs to one goroutine, but for what is said to be guarded.
type tunnelFlow struct {
	dst, src net.Conn
	tunnel   *tunnel       // that it is a direction of; nil if it is of none
	moved    *atomic.Int64 // bytes delivered to dst
	pools    *tunnelPools
	filled   bool // the last read by moveBuffered filled its buffer
	unpaid   int  // bytes delivered that pace was not told of
	// left is how many bytes are to be taken from src; 0 is any number. Whoever sets it asks for no more
	// when they have been moved.
	left int64
	// stall ends the flow when a write does not move for so long; 0 is no limit.
	stall   time.Duration
	pace    pace      // slows it down
	writeBy time.Time // dst's write deadline; see armWrite
	// undelivered tells that the last error was of dst.
	undelivered bool
	raw         rawFlow // how this system moves bytes between sockets; see prepare

	// Of a direction of a tunnel that may be parked; guarded by tunnel.mu.
	state flowState
	seen  int64 // moved at the last look; -1 if there was none
	fixed bool  // it cannot be parked
}

// write delivers p, counting what arrived even if not all of it did.
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

// pay waits for what was delivered, as pace demands. It is not called inside of the poller.
func (f *tunnelFlow) pay() {
	n := f.unpaid
	f.unpaid = 0
	f.pace.spend(n)
}

// upTo is how many of n bytes may be taken from src.
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
		return buf, n, nil // an error will come again
	}
	f.pools.giveBack(buf)
	return nil, 0, err
}

// moveBuffered waits for src with a buffer in hand and delivers what it read: it works with every
// net.Conn. The error is io.EOF at src's end.
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

// tunnelPools lends buffers and pipes to tunnels while bytes move. The zero value is empty and
// ready. It is safe for concurrent use, and must not be copied.
type tunnelPools struct {
	buffers sync.Pool // of *[tunnelBuffer]byte
	pipes   pipePool
	// descriptors is the number from which on pipes may have none; 0 is no limit.
	descriptors int
}

func (p *tunnelPools) buffer() *[tunnelBuffer]byte {
	if buf, ok := p.buffers.Get().(*[tunnelBuffer]byte); ok {
		return buf
	}
	return new([tunnelBuffer]byte)
}

func (p *tunnelPools) giveBack(buf *[tunnelBuffer]byte) { p.buffers.Put(buf) }

// close gives up what the pools keep. Tunnels may still run; they then keep nothing for others.
func (p *tunnelPools) close() { p.pipes.close() }
