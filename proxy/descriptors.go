package proxy

import (
	"sync/atomic"
	"syscall"
	"time"
)

// descriptors is the budget of everything that is a file to the system: connections of clients and to origins, in
// use or at rest, of DNS, of upstream proxies, the ends of pipes, the dashboard's connections, and files.
//
// Nothing is counted. The system gives a new descriptor the lowest number that is free (POSIX, 2.14), so the number
// tells: all below are in use. What has a number of the reserve has come too late, whoever holds the
// others. Then something at rest is closed in its stead, and only if nothing is, it is refused. The reserve is for
// the proxy itself: the audit log, listeners, the dashboard, files of a reload.
type descriptors struct {
	limit   int // the numbers from here on are not for traffic
	surplus int // those from limit+surplus on not even for clients that are to be told so
	// reclaim closes something that is at rest, and reports whether it did.
	reclaim   func() bool
	reclaimed atomic.Int64 // how often it did
}

const (
	assumedOpenFiles = 1024
	manyOpenFiles    = 2 << 20 // more than anybody has connections

	// reservedFiles are for the proxy itself; of few, a quarter.
	reservedFiles = 384
	// surplusLimit bounds the connections beyond the limits that are being told so; of few, a sixteenth.
	surplusLimit = 256
)

// setLimits divides the open files that the process may have.
func (d *descriptors) setLimits(open int) {
	d.surplus = min(surplusLimit, open/16)
	d.limit = open - d.surplus - reserved(open)
}

func reserved(open int) int { return min(reservedFiles, open/4) }

// DashboardConns is how many of the descriptors that the proxy keeps for itself may be connections of the dashboard.
func DashboardConns() int {
	const others = 96 // the audit log, listeners, files of a reload
	r := reserved(openFilesLimit())
	return max(r-others, r/2)
}

// connections is how many connections of clients there may be if nothing else is said: each may need one more,
// to an origin.
func (d *descriptors) connections() int { return max(d.limit/2, 16) }

// admits reports whether there is room for c, which was just opened, if need be because something at rest was closed.
func (d *descriptors) admits(c syscall.RawConn) bool {
	if descriptorOf(c) < d.limit {
		return true
	}
	return d.makeRoom()
}

// makeRoom closes something at rest, and reports whether there was any.
func (d *descriptors) makeRoom() bool {
	if !d.reclaim() {
		return false
	}
	d.reclaimed.Add(1)
	return true
}

// isFull reports whether c is beyond what is kept for telling clients that there are too many.
func (d *descriptors) isFull(c syscall.RawConn) bool { return descriptorOf(c) >= d.limit+d.surplus }

// reclaim closes what is at rest, one thing or one kind at a time, the cheapest to open again first: connections to
// origins, pipes, and at last a client's that waits for its next request.
func (s *Server) reclaim() bool {
	return s.origins.shed() || s.shedInside() || s.tunnelPools.pipes.shed() || s.conns.shed(nil)
}

// shedInterval is how long opened tunnels are not asked again, which is much work, when they had nothing at rest.
const shedInterval = 100 * time.Millisecond

// shedInside closes the connections to origins at rest of all opened tunnels.
func (s *Server) shedInside() bool {
	now := time.Now().UnixNano()
	if now-s.insideBusy.Load() < int64(shedInterval) {
		return false
	}
	before := s.insideClosed.Load()
	for _, x := range s.tracked() {
		if n := x.inspection.Load(); n != nil {
			n.shed()
		}
	}
	if s.insideClosed.Load() == before {
		s.insideBusy.Store(now)
		return false
	}
	return true
}
