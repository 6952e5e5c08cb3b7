package daemon

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A socket that was passed on serves the setting that names its address, in whatever form.
func TestSameAddress(t *testing.T) {
	for _, tt := range []struct {
		want bool
		got  string // of the socket
		addr string // of the setting
	}{
		{true, "[::]:9090", ":9090"},
		{true, "0.0.0.0:9090", ":9090"},
		{true, "[::]:9090", "0.0.0.0:9090"},
		{true, "127.0.0.1:9091", "127.0.0.1:9091"},
		{true, "[::1]:9091", "[::1]:9091"},
		{false, "[::]:9090", ":9091"},
		{false, "127.0.0.1:9090", ":9090"},
		{false, "[::]:9090", "127.0.0.1:9090"},
		{false, "127.0.0.1:9090", "127.0.0.2:9090"},
		{false, "[::]:9090", "no such address"},
	} {
		got, err := net.ResolveTCPAddr("tcp", tt.got)
		if err != nil {
			t.Fatal(err)
		}
		if same := sameAddress(got, tt.addr); same != tt.want {
			t.Errorf("socket %s, setting %s: %v, want %v", tt.got, tt.addr, same, tt.want)
		}
	}
}

// What systemd is told, in the form of sd_notify(3).
func TestTell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	for _, tt := range []struct {
		tell func()
		want []string
	}{
		{func() { tellReady("serving :9090\nREADY=0") }, []string{"READY=1\n", "STATUS=serving :9090 READY=0"}},
		{tellReloading, []string{"RELOADING=1\n", "MONOTONIC_USEC="}},
		{func() { tellStopping(time.Minute) }, []string{"STOPPING=1\n", "EXTEND_TIMEOUT_USEC=92000000"}},
	} {
		tt.tell()
		b := make([]byte, 1024)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if got := string(b[:n]); !strings.Contains(got, want) {
				t.Errorf("told %q, want %q", got, want)
			}
		}
	}
}
