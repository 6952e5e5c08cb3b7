//go:build !windows

package egress

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
)

func TestConnectWord(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("10.0.0.1:443"), netip.MustParseAddrPort("[fd00::1]:443")
	for _, tt := range []struct {
		want  string
		addr  netip.AddrPort
		errno syscall.Errno
	}{
		{"connection_refused", v4, syscall.ECONNREFUSED},
		{"connection_timeout", v4, syscall.ETIMEDOUT},
		{"connection_terminated", v4, syscall.ECONNRESET},
		{"destination_ip_unroutable", v4, syscall.ENETUNREACH},
		{"destination_ip_unroutable", v4, syscall.EHOSTUNREACH},
		{"destination_ip_unroutable", v4, syscall.EACCES},
		{"connection_limit_reached", v4, syscall.EMFILE},
		{"connection_limit_reached", v4, syscall.EADDRNOTAVAIL},
		{"destination_ip_unroutable", v6, syscall.EADDRNOTAVAIL},
		{"connection_limit_reached", v6, syscall.ENOBUFS},
		{"destination_unavailable", v4, syscall.EINVAL},
	} {
		err := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", tt.errno)}
		if got := connectWord(tt.addr, err); got != tt.want {
			t.Errorf("connectWord(%v, %v) = %s, want %s", tt.addr, err, got, tt.want)
		}
	}
}
