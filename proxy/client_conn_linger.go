package proxy

import "time"

// How long a client may go on sending after its response is complete: in all, and without sending anything. A client
// that uploads before it reads needs the time that its upload takes.
const (
	lingerTotal = 30 * time.Second
	lingerIdle  = 5 * time.Second
	lingerTime  = time.Second // in all, for connections beyond the limits, and while the proxy stops
)

// lingeringClose discards what the client still sends, until it has ended its side or its time is over (RFC 9112,
// 9.6). Our sending side is closed already.
func (c *clientConn) lingeringClose() {
	began := time.Now()
	b := c.limits.heads.take()
	defer c.limits.heads.give(b)
	for {
		by := began.Add(lingerTotal)
		if short := began.Add(lingerTime); c.overLimit || c.isDraining() {
			by = short
		}
		if idle := time.Now().Add(lingerIdle); idle.Before(by) {
			by = idle
		}
		c.tcp.SetReadDeadline(by)
		if _, err := c.conn.Read(*b); err != nil {
			return
		}
	}
}
