package proxy

import (
	"errors"
	"os"
	"time"
)

// arm sets the read deadline, unless somebody is interrupting the read that it is for.
func (w *wire) arm(d time.Duration) { w.armAt(deadlineIn(d)) }

func (w *wire) armAt(by time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.interrupted {
		w.tcp.SetReadDeadline(by)
	}
}

// SetReadDeadline implements net.Conn. The filter keeps the deadlines of heads and bodies itself;
// what remains for net/http is to interrupt a Read, by a time long past, and to take that back.
func (w *wire) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.interrupted = !t.IsZero() && t.Before(time.Now())
	w.wake.Broadcast()
	return w.tcp.SetReadDeadline(t)
}

// SetDeadline implements net.Conn.
func (w *wire) SetDeadline(t time.Time) error {
	return errors.Join(w.SetReadDeadline(t), w.SetWriteDeadline(t))
}

// SetWriteDeadline implements net.Conn.
func (w *wire) SetWriteDeadline(t time.Time) error {
	w.writeBy = t
	return w.tcp.SetWriteDeadline(t)
}

// Write implements net.Conn. It fails if b does not move within the stall limit: a client that
// stops reading ends its own answer, while one that reads slowly may take as long as it needs.
func (w *wire) Write(b []byte) (int, error) {
	w.armWrite()
	var n int
	var err error
	if w.reason != "" {
		n, err = w.writeStatus(b)
	} else {
		n, err = w.conn.Write(b)
	}
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.stuck = true
	}
	return n, err
}

func (w *wire) armWrite() {
	if w.limits.stall <= 0 {
		return
	}
	// Setting a timer for each write costs more than looking at the clock.
	if now := time.Now(); w.writeBy.Sub(now) < w.limits.stall*3/4 {
		w.SetWriteDeadline(now.Add(w.limits.stall))
	}
}

// deadlineIn is the time in d from now, or none if d is not positive.
func deadlineIn(d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

func isDeadline(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
