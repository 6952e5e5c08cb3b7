package daemon

import (
	"syscall"
	"testing"

	"go.uber.org/zap"
	"golang.org/x/sys/windows"

	"webproxy/config"
)

// Every listener has SO_EXCLUSIVEADDRUSE: else another process could listen on its port by SO_REUSEADDR, and get its clients.
func TestListenersAreExclusive(t *testing.T) {
	cfg := &config.Config{Listen: []string{"127.0.0.1:0"}}
	cfg.ListenTLS.Listen = []string{"127.0.0.1:0"}
	cfg.Dashboard.Listen = "127.0.0.1:0"
	cfg.PAC.Listen = "127.0.0.1:0"
	ls, err := openListeners(cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer ls.close()
	for name, ln := range map[string]any{"listen": ls.clients[0], "listen_tls": ls.tls[0], "dashboard": ls.dashboard, "pac": ls.pac} {
		conn, ok := ln.(syscall.Conn)
		if !ok {
			t.Errorf("%s: no socket: %T", name, ln)
			continue
		}
		raw, err := conn.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var set int
		var got error
		err = raw.Control(func(fd uintptr) {
			set, got = windows.GetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, soExclusiveAddrUse)
		})
		if err != nil || got != nil || set == 0 {
			t.Errorf("%s: SO_EXCLUSIVEADDRUSE is %d (%v, %v), want it set", name, set, err, got)
		}
	}
}
