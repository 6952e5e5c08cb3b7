package proxy

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// bulkReads is how many full buffers in a row make a flow bulk: its bytes are then copied from socket to socket
	// through a pipe, in the kernel (splice(2)), until less than a buffer arrives at a time.
	bulkReads = 2
	// pipeSize is requested, not required: the kernel rations pipe memory for unprivileged users.
	pipeSize = 1 << 20
	// maxPipes bounds the pipes in use: an unprivileged user may have 64 of this size (fs.pipe-user-pages-soft).
	// Flows without a pipe use buffers.
	maxPipes = 64
	// maxIdlePipes bounds the idle pipes that are kept.
	maxIdlePipes = 8

	spliceFlags = unix.SPLICE_F_MOVE | unix.SPLICE_F_NONBLOCK
)

// A rawFlow copies bytes between two sockets. It borrows a buffer or a pipe when src has bytes and gives it back when
// they are delivered, so that an idle flow holds nothing.
//
// Each on function is called by the runtime's poller with a socket; it returns false to be called again when the
// socket is ready. It must try first and wait then: the poller reports changes only.
type rawFlow struct {
	fd       int32           // with which it was parked
	src, dst syscall.RawConn // nil if that side is not a TCP connection
	full     int             // full buffers in a row
	noSplice bool            // the kernel will not splice these two

	onReadable, onBulk, onWritable func(fd uintptr) bool

	buf  *[tunnelBuffer]byte // borrowed by onReadable
	pipe *splicePipe         // borrowed by onBulk
	rest []byte              // for writeNow to write
	n    int                 // bytes in buf, or in pipe
	err  error               // of the last read or write
}

// prepare finds out how the two connections can be copied.
func (f *tunnelFlow) prepare() {
	if tcp, ok := f.src.(*net.TCPConn); ok {
		f.raw.src, _ = tcp.SyscallConn()
		f.raw.onReadable, f.raw.onBulk = f.readNow, f.fillPipe
	}
	if tcp, ok := f.dst.(*net.TCPConn); ok {
		f.raw.dst, _ = tcp.SyscallConn()
		f.raw.onWritable = f.sendNow
	}
}

// move waits until src has bytes and delivers them. The error is io.EOF at src's end.
func (f *tunnelFlow) move() error {
	r := &f.raw
	if r.src == nil {
		return f.moveBuffered()
	}
	ready := r.onReadable
	if r.full >= bulkReads && r.dst != nil && !r.noSplice {
		ready = r.onBulk
	}
	if err := r.wait(ready); err != nil {
		return err
	}
	if r.pipe != nil {
		return f.deliverPipe()
	}
	return f.deliverBuffer()
}

// receive waits until src has bytes and reads some into a borrowed buffer, which the caller gives back. The error is
// io.EOF at src's end.
func (f *tunnelFlow) receive() (buf *[tunnelBuffer]byte, n int, err error) {
	r := &f.raw
	if r.src == nil {
		return f.receiveBuffered()
	}
	if err := r.wait(r.onReadable); err != nil {
		return nil, 0, err
	}
	buf, r.buf = r.buf, nil
	return buf, r.n, nil
}

// wait calls ready when src can be read, until it has borrowed something and filled it. The error is
// io.EOF at src's end.
func (r *rawFlow) wait(ready func(fd uintptr) bool) error {
	r.n, r.err = 0, nil
	err := r.src.Read(ready)
	switch {
	case err != nil || r.pipe != nil || r.buf != nil:
		return err
	case r.err != nil:
		return os.NewSyscallError("read", r.err)
	}
	return io.EOF
}

// readNow reads the available bytes of src into a borrowed buffer.
func (f *tunnelFlow) readNow(fd uintptr) bool {
	r := &f.raw
	buf := f.pools.buffer()
	for {
		r.n, r.err = unix.Read(int(fd), buf[:f.upTo(len(buf))])
		if r.err != unix.EINTR {
			break
		}
	}
	if r.n > 0 {
		r.buf = buf
		return true
	}
	f.pools.giveBack(buf)
	return r.err != unix.EAGAIN
}

func (f *tunnelFlow) deliverBuffer() error {
	r := &f.raw
	if r.n == tunnelBuffer {
		r.full++
	} else {
		r.full = 0
	}
	err := f.write(r.buf[:r.n])
	f.pools.giveBack(r.buf)
	r.buf = nil
	return err
}

// fillPipe moves the available bytes of src into a borrowed pipe; without a pipe, it reads them.
func (f *tunnelFlow) fillPipe(fd uintptr) bool {
	r := &f.raw
	pipe := f.pools.pipes.borrow(f.pools.descriptors)
	if pipe == nil {
		return f.readNow(fd)
	}
	var n int64
	for {
		n, r.err = unix.Splice(int(fd), nil, pipe.w, nil, f.upTo(pipeSize), spliceFlags)
		if r.err != unix.EINTR {
			break
		}
	}
	if n > 0 {
		r.n, r.pipe = int(n), pipe
		return true
	}
	f.pools.pipes.giveBack(pipe) // it is empty
	if r.err == unix.EINVAL {
		r.noSplice = true
		return f.readNow(fd)
	}
	// The pipe was empty, so EAGAIN is about the socket.
	return r.err != unix.EAGAIN
}

// deliverPipe moves all bytes in the pipe to dst.
func (f *tunnelFlow) deliverPipe() error {
	r := &f.raw
	if r.n < tunnelBuffer {
		r.full = 0 // no longer bulk
	}
	err := f.emptyPipe()
	pipe := r.pipe
	r.pipe = nil
	if r.n == 0 {
		f.pools.pipes.giveBack(pipe)
		return nil
	}
	f.undelivered = true
	f.pools.pipes.discard(pipe) // it contains bytes of this tunnel
	if err == nil {
		err = os.NewSyscallError("splice", r.err)
	}
	if err == nil {
		err = io.ErrShortWrite
	}
	return err
}

// sendNow sends the bytes in the pipe or, if none is borrowed, the rest of a write.
func (f *tunnelFlow) sendNow(fd uintptr) bool {
	if f.raw.pipe != nil {
		return f.drainPipe(fd)
	}
	r := &f.raw
	for len(r.rest) > 0 {
		var n int
		n, r.err = unix.Write(int(fd), r.rest)
		switch {
		case n > 0:
			r.rest = r.rest[n:]
		case r.err != unix.EINTR:
			return true // also for EAGAIN: no deadline is set yet for waiting
		}
	}
	return true
}

// writeNow delivers what dst accepts of p without waiting, which is nearly always all of it: that needs no deadline.
// It returns how much that was.
func (f *tunnelFlow) writeNow(p []byte) (int, error) {
	r := &f.raw
	if r.dst == nil {
		return 0, nil
	}
	r.rest, r.err = p, nil
	err := r.dst.Write(r.onWritable)
	n := len(p) - len(r.rest)
	f.delivered(n)
	r.rest = nil
	switch {
	case isDeadline(err): // one of an earlier write, which has passed since
		return n, nil
	case err == nil && n < len(p) && r.err != unix.EAGAIN:
		err = os.NewSyscallError("write", r.err)
	}
	return n, err
}

// emptyPipe waits until dst has taken the bytes in the pipe, as long as it makes progress.
func (f *tunnelFlow) emptyPipe() error {
	r := &f.raw
	for {
		f.armWrite()
		before := r.n
		err := r.dst.Write(r.onWritable)
		if err == nil {
			return nil
		}
		if err := stalled(int64(before-r.n), err); err != nil {
			return err
		}
	}
}

func (f *tunnelFlow) drainPipe(fd uintptr) bool {
	r := &f.raw
	for r.n > 0 {
		var n int64
		n, r.err = unix.Splice(r.pipe.r, nil, int(fd), nil, r.n, spliceFlags)
		switch {
		case n > 0:
			r.n -= int(n)
			f.delivered(int(n))
		case r.err == unix.EAGAIN:
			return false
		case r.err != unix.EINTR:
			return true
		}
	}
	return true
}

// A splicePipe is a pipe that holds bytes on their way from socket to socket.
type splicePipe struct{ r, w int }

// A pipePool lends pipes, at most maxPipes at a time. The zero value is ready.
type pipePool struct {
	mu     sync.Mutex // guards what follows
	idle   []*splicePipe
	lent   int
	closed bool
}

// borrow returns an empty pipe, or nil if there is none: the flow then uses a buffer. A new pipe gets no descriptor
// from limit on, unless limit is 0.
func (p *pipePool) borrow(limit int) *splicePipe {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lent == maxPipes {
		return nil
	}
	if last := len(p.idle) - 1; last >= 0 {
		pipe := p.idle[last]
		p.idle = p.idle[:last]
		p.lent++
		return pipe
	}
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil // out of descriptors
	}
	if limit > 0 && max(fds[0], fds[1]) >= limit {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil
	}
	unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, pipeSize)
	p.lent++
	return &splicePipe{r: fds[0], w: fds[1]}
}

// giveBack takes back an empty pipe.
func (p *pipePool) giveBack(pipe *splicePipe) {
	p.mu.Lock()
	keep := !p.closed && len(p.idle) < maxIdlePipes
	if keep {
		p.idle = append(p.idle, pipe)
		p.lent--
	}
	p.mu.Unlock()
	if !keep {
		p.discard(pipe)
	}
}

// discard takes back a pipe that cannot be used again.
func (p *pipePool) discard(pipe *splicePipe) {
	unix.Close(pipe.r)
	unix.Close(pipe.w)
	p.mu.Lock()
	p.lent--
	p.mu.Unlock()
}

// shed closes the idle pipes, and reports whether there were any.
func (p *pipePool) shed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pipe := range p.idle {
		unix.Close(pipe.r)
		unix.Close(pipe.w)
	}
	any := len(p.idle) > 0
	p.idle = nil
	return any
}

func (p *pipePool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pipe := range p.idle {
		unix.Close(pipe.r)
		unix.Close(pipe.w)
	}
	p.idle, p.closed = nil, true
}
