package daemon

import (
	"context"
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// ListenTCP listens on addr. Keep-alive is set on the listener, and connections inherit it: package net would set four options on
// each.
func ListenTCP(addr string) (net.Listener, error) {
	lc := net.ListenConfig{
		KeepAlive: -1,
		Control: func(_, _ string, c syscall.RawConn) error {
			var set error
			err := c.Control(func(fd uintptr) { set = keepAlive(int(fd)) })
			return errors.Join(err, set)
		},
	}
	lc.SetMultipathTCP(false) // the filter and splice want plain TCP
	return lc.Listen(context.Background(), "tcp", addr)
}

// keepAlive sets keep-alive probes after 15 s of silence, every 15 s, and 9 probes: the defaults of package net.
func keepAlive(fd int) error {
	for _, o := range []struct{ level, option, value int }{
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.option, o.value); err != nil {
			return err
		}
	}
	return nil
}
