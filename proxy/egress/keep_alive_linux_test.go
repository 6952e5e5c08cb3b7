package egress

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A connection has its keep-alive from the start, unless its opener sees to that.
func TestKeepAliveIsSet(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	e, err := New(Options{KeepAlive: 7 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for _, late := range []bool{false, true} {
		conn, err := e.Open(t.Context(), &Route{Decision: decideFor(t, ln.Addr().String(), true), LateKeepAlive: late})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		check := func(want bool) {
			t.Helper()
			on, idle := keepAliveOf(t, conn)
			if on != want || want && idle != 7 {
				t.Errorf("late=%v: keep-alive %v after %d s, want %v after 7", late, on, idle, want)
			}
		}
		check(!late)
		e.KeepAlive(conn)
		check(true)
	}
}

func keepAliveOf(t *testing.T, conn net.Conn) (on bool, idle int) {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		n, _ := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE)
		on = n != 0
		idle, _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE)
	})
	return on, idle
}
