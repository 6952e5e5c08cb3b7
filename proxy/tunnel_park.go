package proxy

import (
	"net"
	"sync"
	"time"
)

// Most tunnels are quiet most of the time. A direction in which no byte has moved for a moment gives up its
// goroutine, where the system has another way to wait: it is parked. The first byte, or the end of the stream,
// resumes it in a new goroutine. Work that only long-lived tunnels need is done at the first look too.

// parkingInterval is the time between two looks at the tunnels. A direction is parked when no byte has moved in it
// between two looks.
const parkingInterval = 250 * time.Millisecond

// A parkingLot watches tunnels while bytes move in them, and holds the parked directions. The zero value is ready.
type parkingLot struct {
	// settled is called for each tunnel at the first look at it; it may be nil.
	settled func(origin net.Conn)

	mu    sync.Mutex // guards what follows, and the links of tunnels; taken after tunnel.mu
	first *tunnel    // of the watched tunnels
	timer *time.Timer
	looks []*tunnel // memory of the last look, for the next one

	waiter flowWaiter
}

// A flowState is where a tunnelFlow is.
type flowState uint8

const (
	flowOpening flowState = iota // its first bytes are being checked, or it has not begun
	flowMoving                   // a goroutine moves its bytes
	flowParking                  // the same, and it was asked to park
	flowParked                   // it has no goroutine
	flowEnded
)

// watch has t looked at regularly, until leave.
func (l *parkingLot) watch(t *tunnel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.watched {
		return
	}
	t.watched, t.next = true, l.first
	if l.first != nil {
		l.first.prev = t
	} else if l.timer == nil {
		l.timer = time.AfterFunc(parkingInterval, l.look)
	} else {
		l.timer.Reset(parkingInterval)
	}
	l.first = t
}

func (l *parkingLot) leave(t *tunnel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !t.watched {
		return
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		l.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.watched, t.prev, t.next = false, nil, nil
}

// look looks at all tunnels in which bytes may move.
func (l *parkingLot) look() {
	l.mu.Lock()
	all := l.looks
	l.looks = nil // the next look may begin before a long one has ended
	for t := l.first; t != nil; t = t.next {
		all = append(all, t)
	}
	l.mu.Unlock()
	for _, t := range all {
		t.look()
	}
	clear(all)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looks = all[:0]
	if l.first != nil {
		l.timer.Reset(parkingInterval)
	}
}

// look asks those directions to park in which no byte has moved since the last look.
func (t *tunnel) look() {
	t.mu.Lock()
	if t.end != tunnelOpen {
		t.mu.Unlock()
		return
	}
	settles := !t.settled
	t.settled = true
	busy := false
	for _, f := range t.flows {
		moved := f.moved.Load()
		if f.state == flowMoving && f.canPark() && moved == f.seen {
			f.state = flowParking
			f.src.SetReadDeadline(time.Unix(1, 0)) // its goroutine parks it
		}
		f.seen = moved
		busy = busy || f.state != flowParked && f.state != flowEnded
	}
	if !busy {
		t.lot.leave(t) // a direction that is resumed watches t again
	}
	t.mu.Unlock()
	if settles && t.lot.settled != nil {
		t.lot.settled(t.origin)
	}
}

// park parks f, whose read has ended with err, if look has asked for that. It reports whether f is parked; then the
// caller must return. If goesOn is set, the read is to be repeated.
func (t *tunnel) park(f *tunnelFlow, err error) (parked, goesOn bool) {
	if t.lot == nil || !isDeadline(err) || f.undelivered {
		return false, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.state != flowParking || t.end != tunnelOpen {
		return false, false
	}
	f.src.SetReadDeadline(noDeadline)
	f.dropRaw()
	f.state = flowParked
	if t.lot.waiter.wait(f) {
		return true, false
	}
	f.state, f.fixed = flowMoving, true
	f.prepare()
	return false, true
}

// unpark resumes f if it is parked. t.mu is held.
func (t *tunnel) unpark(f *tunnelFlow) {
	if f.state != flowParked {
		return
	}
	f.state, f.seen = flowMoving, -1
	go t.resume(f)
}

// resume is the goroutine of f after it was parked.
func (t *tunnel) resume(f *tunnelFlow) {
	t.lot.watch(t)
	f.prepare()
	t.copy(f, nil)
}

// unparkAll resumes all parked directions when t has ended.
func (t *tunnel) unparkAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.flows {
		if f != nil && f.state == flowParked {
			t.lot.waiter.forget(f)
			t.unpark(f)
		}
	}
}
