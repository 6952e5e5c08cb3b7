package proxy

import (
	"net"
	"syscall"
)

// A rawFlow waits for a socket to become readable without a buffer in hand, so that an idle flow holds nothing.
type rawFlow struct {
	src    syscall.RawConn // nil if src is not a TCP connection
	asked  bool            // onWait was called since the wait began
	onWait func(fd uintptr) bool
}

// prepare finds out how the two connections can be copied.
func (f *tunnelFlow) prepare() {
	if tcp, ok := f.src.(*net.TCPConn); ok {
		f.raw.src, _ = tcp.SyscallConn()
		f.raw.onWait = f.readable
	}
}

// move waits until src has bytes and delivers them. The error is io.EOF at src's end.
func (f *tunnelFlow) move() error {
	// After a full buffer there are probably more bytes: waiting would cost a system call for nothing.
	if !f.filled {
		if err := f.wait(); err != nil {
			return err
		}
	}
	return f.moveBuffered()
}

// receive waits until src has bytes and reads some into a borrowed buffer, which the caller gives back.
// The error is io.EOF at src's end.
func (f *tunnelFlow) receive() (buf *[tunnelBuffer]byte, n int, err error) {
	if err := f.wait(); err != nil {
		return nil, 0, err
	}
	return f.receiveBuffered()
}

// wait waits until src can be read.
func (f *tunnelFlow) wait() error {
	if f.raw.src == nil {
		return nil
	}
	f.raw.asked = false
	return f.raw.src.Read(f.raw.onWait)
}

// readable is called twice: after its first result, false, RawConn.Read reads zero bytes, which on Windows returns
// when there are bytes, or none will come.
func (f *tunnelFlow) readable(uintptr) bool {
	asked := f.raw.asked
	f.raw.asked = true
	return asked
}

// writeNow delivers nothing on this system.
func (f *tunnelFlow) writeNow([]byte) (int, error) { return 0, nil }

// A pipePool has no pipes on this system.
type pipePool struct{}

func (pipePool) close() {}

func (pipePool) shed() bool { return false }
