package proxy

import (
	"errors"
	"time"
)

// A side that reads nothing blocks the goroutine that would notice that the other side is gone, and TCP itself is
// content with a peer that is alive and keeps its window closed. So a write that makes no progress ends the tunnel.
// One that makes progress may take as long as it needs, and a tunnel with nothing to deliver has no such limit.

// errStalled is why a flow ended whose dst read nothing for too long.
var errStalled = errors.New("nothing is taken")

// armWrite sets the write deadline of dst for a write that may have to wait. As in clientConn.armWrite, each such
// write reads the clock, and few set the timer: a write has between three quarters of f.stall and all of it.
func (f *tunnelFlow) armWrite() {
	if f.stall <= 0 {
		return
	}
	if now := time.Now(); f.writeBy.Sub(now) < f.stall*3/4 {
		f.writeBy = now.Add(f.stall)
		f.dst.SetWriteDeadline(f.writeBy)
	}
}

// stalled decides about err of a write that delivered n bytes and left some: nil means to go on with those. TLS
// cannot: there, a write must be accepted in time as a whole.
func stalled(n int64, err error) error {
	switch {
	case !isDeadline(err):
		return err
	case n == 0:
		return errStalled
	}
	return nil
}
