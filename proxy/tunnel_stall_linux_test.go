package proxy

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A lateConn is a socket whose write deadline passes each time when it would have to wait.
type lateConn struct {
	syscall.RawConn
	late func() // called then
}

// Write implements syscall.RawConn.
func (c *lateConn) Write(ready func(fd uintptr) bool) error {
	var done bool
	if err := c.Control(func(fd uintptr) { done = ready(fd) }); err != nil || done {
		return err
	}
	c.late()
	return os.ErrDeadlineExceeded
}

// What goes through a pipe goes on if any of it was taken in time, and only then.
func TestTunnelStallOfPipe(t *testing.T) {
	for _, reads := range []bool{true, false} {
		var pools tunnelPools
		pipe := pools.pipes.borrow(0)
		unix.SetNonblock(pipe.w, true)
		inner, peer := tcpPair(t)
		inner.SetWriteBuffer(4 << 10)
		raw, err := inner.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var moved atomic.Int64
		f := &tunnelFlow{dst: inner, pools: &pools, moved: &moved}
		var taken int64
		f.raw.dst = &lateConn{RawConn: raw, late: func() {
			if !reads {
				return
			}
			// All that was sent so far is taken, so that there is room again.
			n, err := io.CopyN(io.Discard, peer, moved.Load()-taken)
			if taken += n; err != nil {
				t.Error(err)
			}
			waitWritable(t, raw)
		}}
		f.raw.onWritable = f.sendNow
		f.raw.pipe = pipe
		// As much as the pipe takes; more than the socket does.
		for {
			n, err := unix.Write(pipe.w, make([]byte, 4<<10))
			if err != nil {
				break
			}
			f.raw.n += n
		}
		total := int64(f.raw.n)
		err = f.deliverPipe()
		if reads && (err != nil || moved.Load() != total) {
			t.Errorf("a peer that reads: %d of %d bytes, %v", moved.Load(), total, err)
		}
		if !reads && !errors.Is(err, errStalled) {
			t.Errorf("a peer that does not: %d of %d bytes, %v; want errStalled", moved.Load(), total, err)
		}
		pools.close()
	}
}

// waitWritable waits until there is room in the socket's buffer.
func waitWritable(t *testing.T, raw syscall.RawConn) {
	t.Helper()
	err := raw.Write(func(fd uintptr) bool {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, _ := unix.Poll(p, 0)
		return n > 0
	})
	if err != nil {
		t.Error(err)
	}
}
