//go:build e2e && linux

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A supervised is a webproxy started as systemd does: with a listening socket, and a notification socket.
type supervised struct {
	cmd    *exec.Cmd
	notify *net.UnixConn
}

func startSupervised(t *testing.T, s *site, ln *net.TCPListener, program string) *supervised {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	f, err := ln.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" serve -c webproxy.yaml`, program)
	cmd.Dir, cmd.Stderr = s.dir, os.Stderr
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+path, "LISTEN_FDS=1", "LISTEN_FDNAMES=proxy", "WATCHDOG_USEC=3000000")
	cmd.ExtraFiles = []*os.File{f}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return &supervised{cmd, conn}
}

// told waits for a notification that begins with a text.
func (s *supervised) told(t *testing.T, want string) {
	t.Helper()
	s.notify.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 4096)
	for {
		n, err := s.notify.Read(b)
		if err != nil {
			t.Fatalf("waiting to be told %s: %v", want, err)
		}
		if strings.HasPrefix(string(b[:n]), want) {
			return
		}
	}
}

// connectTo sends a request on a connection of its own, and returns the status line.
func connectTo(t *testing.T, addr string) func() string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("a client is refused: %v", err)
	}
	fmt.Fprintf(c, "CONNECT nobody.example:443 HTTP/1.1\r\nHost: nobody.example:443\r\n\r\n")
	return func() string {
		defer c.Close()
		c.SetReadDeadline(time.Now().Add(patience))
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil {
			t.Fatalf("no response: %v", err)
		}
		return line
	}
}

// While the proxy restarts, the service manager holds its socket: clients wait, and none is refused. Reloads and the watchdog are notified.
func TestSupervised(t *testing.T) {
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	addr := ln.Addr().String()
	s := newSite(t)
	s.settings = strings.Replace(s.settings, `listen: "127.0.0.1:0"`, fmt.Sprintf("listen: %q", addr), 1)
	s.configure("policy: { rules: [] }\n")
	const denied = "HTTP/1.1 403 "

	first := startSupervised(t, s, ln, binary(t))
	first.told(t, "READY=1\nSTATUS=serving "+addr)
	if got := connectTo(t, addr)(); !strings.HasPrefix(got, denied) {
		t.Errorf("%q, want %s", got, denied)
	}
	first.told(t, "WATCHDOG=1")
	first.cmd.Process.Signal(syscall.SIGHUP)
	first.told(t, "RELOADING=1\nMONOTONIC_USEC=")
	first.told(t, "READY=1")
	first.cmd.Process.Signal(syscall.SIGTERM)
	first.told(t, "STOPPING=1\nEXTEND_TIMEOUT_USEC=")
	if err := first.cmd.Wait(); err != nil {
		t.Errorf("stop: %v", err)
	}

	var waiting []func() string
	for range 50 {
		waiting = append(waiting, connectTo(t, addr))
	}
	second := startSupervised(t, s, ln, binary(t))
	second.told(t, "READY=1")
	for _, answer := range waiting {
		if got := answer(); !strings.HasPrefix(got, denied) {
			t.Errorf("a client that came during the restart: %q, want %s", got, denied)
		}
	}
	second.cmd.Process.Signal(syscall.SIGTERM)
	if err := second.cmd.Wait(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// An upgrade under load: the program is replaced while it runs, and restarted as the package scripts do it. No connection
// is refused, and an open tunnel continues until it is done. A client that the old program had accepted and that sends its request only
// while it stops gets 503 or is closed: the test logs how many.
func TestUpgrade(t *testing.T) {
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	addr := ln.Addr().String()
	s := newSite(t)
	s.settings = strings.Replace(s.settings, `listen: "127.0.0.1:0"`, fmt.Sprintf("listen: %q", addr), 1)
	port := serveRaw(t, echo)
	s.configure(fmt.Sprintf("policy: { rules: [{ id: echo, hosts: [echo.test], ports: [%d], private: allow }] }\n", port))
	target := fmt.Sprintf("echo.test:%d", port)
	program := filepath.Join(t.TempDir(), "webproxy")
	replace := func() {
		text, err := os.ReadFile(binary(t))
		if err == nil {
			err = os.WriteFile(program+".new", text, 0o755)
		}
		if err == nil {
			err = os.Rename(program+".new", program) // as packages do it
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	replace()
	first := startSupervised(t, s, ln, program)
	first.told(t, "READY=1")
	p := &process{t: t, addr: addr}
	open := p.talkTo(target)

	stop := make(chan struct{})
	var clients sync.WaitGroup
	var served, late atomic.Int64
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				conn, err := p.tunnel(target)
				if errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("a client during the upgrade: %v", err)
					return
				}
				if err != nil {
					late.Add(1)
					continue
				}
				conn.Close()
				served.Add(1)
			}
		})
	}
	eventually(t, "clients are served", func() bool { return served.Load() > 100 })
	replace()
	first.cmd.Process.Signal(syscall.SIGTERM)
	first.told(t, "STOPPING=1")
	open.say("still here, in the old program")
	open.conn.Close()
	if err := first.cmd.Wait(); err != nil {
		t.Errorf("stop: %v", err)
	}
	second := startSupervised(t, s, ln, program)
	second.told(t, "READY=1")
	before := served.Load()
	eventually(t, "clients are served by the new program", func() bool { return served.Load() > before+100 })
	close(stop)
	clients.Wait()
	t.Logf("%d clients served, %d not: they asked while the old program stopped", served.Load(), late.Load())
	second.cmd.Process.Signal(syscall.SIGTERM)
	if err := second.cmd.Wait(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// systemd accepts the unit and rates it as well confined.
func TestUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze here")
	}
	out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--threshold=20", "../internal/install/units/webproxy.service").CombinedOutput()
	if err != nil {
		t.Errorf("exposure above 2.0: %v\n%s", err, out)
	}
}
