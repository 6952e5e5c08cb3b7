//go:build unix

package proxy

import (
	"net"

	"golang.org/x/sys/unix"
)

// fastGetsWork is set where plain GETs are served on the fast path.
const fastGetsWork = true

// isIdleAlive reports whether an idle connection may be used again: its peer has neither closed it nor sent
// unsolicited bytes. Those would be taken for the response to the next request.
func isIdleAlive(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	var n int
	var peekErr error
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, peekErr = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})
	return err == nil && n <= 0 && peekErr == unix.EAGAIN
}
