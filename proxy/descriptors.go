package proxy

import (
	"sync/atomic"
	"syscall"
	"time"
)

// descriptors is the budget of open file descriptors: connections of clients and to origins, in use or idle, of DNS
// and upstream proxies, the ends of pipes, the dashboard's connections, and files.
//
// Nothing is counted. The system gives a new descriptor the lowest number that is free (POSIX, 2.14), so the number
// itself tells how many are in use at least. A descriptor whose number is in the reserve came too late. Then
// something idle is closed in its stead; if nothing is idle, it is refused. The reserve is for the proxy itself: the
// audit log, listeners, the dashboard, files of a reload.
type descriptors struct {
	limit   int // numbers from here on are not for traffic
	surplus int // numbers from limit+surplus on are not even for clients that are to be told so
	// reclaim closes something idle, and reports whether it did.
	reclaim   func() bool
	reclaimed atomic.Int64 // how often it did
}

const (
	assumedOpenFiles = 1024
	manyOpenFiles    = 2 << 20 // more than there are ever connections

	// reservedFiles are for the proxy itself; at most a quarter of all.
	reservedFiles = 384
	// surplusLimit bounds the connections beyond the limits that are being told so; at most a sixteenth of all.
	surplusLimit = 256
)

// setLimits divides the open files that the process may have.
func (d *descriptors) setLimits(open int) {
	d.surplus = min(surplusLimit, open/16)
	d.limit = open - d.surplus - reserved(open)
}

func reserved(open int) int { return min(reservedFiles, open/4) }

// DashboardConns is how many descriptors of the reserve may be connections of the dashboard.
func DashboardConns() int {
	const others = 96 // the audit log, listeners, files of a reload
	r := reserved(openFilesLimit())
	return max(r-others, r/2)
}

// connections is the default limit on client connections: each may need one more descriptor, to an origin.
func (d *descriptors) connections() int { return max(d.limit/2, 16) }

// admits reports whether there is room for c, which was just opened; if need be, something idle is closed for it.
func (d *descriptors) admits(c syscall.RawConn) bool {
	if descriptorOf(c) < d.limit {
		return true
	}
	return d.makeRoom()
}

// makeRoom closes something idle, and reports whether there was anything to close.
func (d *descriptors) makeRoom() bool {
	if !d.reclaim() {
		return false
	}
	d.reclaimed.Add(1)
	return true
}

// isFull reports whether c is beyond what is kept for telling clients that there are too many.
func (d *descriptors) isFull(c syscall.RawConn) bool { return descriptorOf(c) >= d.limit+d.surplus }

// reclaim closes what is idle, one thing or one kind at a time, in the order of how cheaply it is opened again:
// connections to origins, pipes, and last a client's that waits for its next request.
func (s *Server) reclaim() bool {
	return s.origins.shed() || s.shedInside() || s.tunnelPools.pipes.shed() || s.conns.shed(nil)
}

// shedInterval is how long inspected tunnels are not searched again for idle connections, which is much work, after a
// search found none.
const shedInterval = 100 * time.Millisecond

// shedInside closes the idle origin connections of all inspected tunnels.
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
