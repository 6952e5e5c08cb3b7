package daemon

import (
	"context"
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/windows"
)

// soExclusiveAddrUse is SO_EXCLUSIVEADDRUSE of Winsock, which package windows does not name: ^SO_REUSEADDR.
const soExclusiveAddrUse = ^windows.SO_REUSEADDR

// ListenTCP listens on addr, and prevents other processes from taking the port by SO_REUSEADDR, which Windows would allow; package
// net enables keep-alive.
func ListenTCP(addr string) (net.Listener, error) {
	lc := net.ListenConfig{
		Control: func(_, _ string, c syscall.RawConn) error {
			var set error
			err := c.Control(func(fd uintptr) {
				set = windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, soExclusiveAddrUse, 1)
			})
			return errors.Join(err, set)
		},
	}
	return lc.Listen(context.Background(), "tcp", addr)
}
