package proxy

import (
	"errors"
	"os"
	"time"
)

// arm sets the read deadline, unless the read is being interrupted.
func (c *clientConn) arm(d time.Duration) { c.armAt(deadlineIn(d)) }

func (c *clientConn) armAt(by time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.interrupted {
		c.tcp.SetReadDeadline(by)
	}
}

// SetReadDeadline implements net.Conn. The filter keeps the deadlines of heads and bodies itself. net/http uses it
// only to interrupt a Read, by a time long past, and to undo that.
func (c *clientConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interrupted = !t.IsZero() && t.Before(time.Now())
	c.wake.Broadcast()
	return c.tcp.SetReadDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *clientConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetWriteDeadline implements net.Conn.
func (c *clientConn) SetWriteDeadline(t time.Time) error {
	c.writeBy = t
	return c.tcp.SetWriteDeadline(t)
}

// Write implements net.Conn. It fails if b makes no progress within the stall limit: a client that stops reading ends
// its own response; one that reads slowly may take as long as it needs.
func (c *clientConn) Write(b []byte) (int, error) {
	c.armWrite()
	var n int
	var err error
	if c.reasonPhrase != "" {
		n, err = c.writeStatusLine(b)
	} else {
		n, err = c.conn.Write(b)
	}
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stuck = true
	}
	return n, err
}

func (c *clientConn) armWrite() {
	if c.limits.stall <= 0 {
		return
	}
	// Setting a timer for each write costs more than looking at the clock.
	if now := time.Now(); c.writeBy.Sub(now) < c.limits.stall*3/4 {
		c.SetWriteDeadline(now.Add(c.limits.stall))
	}
}

// deadlineIn is the time d from now; the zero time if d is not positive.
func deadlineIn(d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

func isDeadline(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
