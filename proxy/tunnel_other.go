//go:build !linux && !windows

package proxy

// A rawFlow is empty on this system: bytes go through buffers.
type rawFlow struct{}

func (f *tunnelFlow) prepare() {}

// move waits until src has bytes and delivers them. The error is io.EOF at src's end.
func (f *tunnelFlow) move() error { return f.moveBuffered() }

// receive waits until src has bytes and reads some into a borrowed buffer, which the caller gives back.
// The error is io.EOF at src's end.
func (f *tunnelFlow) receive() (buf *[tunnelBuffer]byte, n int, err error) {
	return f.receiveBuffered()
}

// writeNow delivers nothing on this system.
func (f *tunnelFlow) writeNow([]byte) (int, error) { return 0, nil }

// A pipePool has no pipes on this system.
type pipePool struct{}

func (pipePool) close() {}

func (pipePool) shed() bool { return false }
