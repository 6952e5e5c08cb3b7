package proxy

import (
	"net"

	"golang.org/x/sys/unix"
)

// awaitReset waits until the peer resets the connection. A peer may do that long after the end of its sending side,
// or after bytes that nobody reads. It then returns errClientReset; it returns another error when the read deadline
// has passed or c was closed.
func awaitReset(c *net.TCPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	// It is called again after each event on the socket.
	err = raw.Read(func(fd uintptr) bool {
		p := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(p, 0)
		return err == nil && n > 0 && p[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
	})
	if err == nil {
		err = errClientReset
	}
	return err
}
