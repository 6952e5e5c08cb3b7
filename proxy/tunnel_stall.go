package proxy

import (
	"errors"
	"time"
)

// A side that takes no byte of what is to be delivered to it blocks the goroutine that would notice that
// the other side is gone, and TCP itself is content with a peer that says, alive, that its window is
// closed. So a write that does not move ends the tunnel. One that moves may take as long as it needs,
// and a tunnel in which there is nothing to deliver has no such limit.

// errStalled is why a flow ended whose dst took nothing for as long as it may.
var errStalled = errors.New("nothing is taken")

// armWrite sets the write deadline of dst for a write that may have to wait. As in wire.armWrite, the clock is
// looked at for each of those, and the timer set for few: one has between three quarters of f.stall and
// all of it.
func (f *tunnelFlow) armWrite() {
	if f.stall <= 0 {
		return
	}
	if now := time.Now(); f.writeBy.Sub(now) < f.stall*3/4 {
		f.writeBy = now.Add(f.stall)
		f.dst.SetWriteDeadline(f.writeBy)
	}
}

// stalled is what to do about err of a write that delivered n bytes and left some: nil is to go on with
// those. TLS cannot: there, what is written at once must be taken in time as a whole.
func stalled(n int64, err error) error {
	switch {
	case !isDeadline(err):
		return err
	case n == 0:
		return errStalled
	}
	return nil
}
