//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"webproxy/audit"
)

// A talk is a tunnel to an echoing origin, in use.
type talk struct {
	t    *testing.T
	conn net.Conn
}

// talkTo opens a tunnel and uses it once.
func (p *process) talkTo(hostport string) *talk {
	p.t.Helper()
	conn, err := p.tunnel(hostport)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	k := &talk{p.t, conn}
	k.say("hello")
	return k
}

// say sends words and reads them back.
func (k *talk) say(words string) {
	k.t.Helper()
	back := make([]byte, len(words))
	k.conn.SetDeadline(time.Now().Add(patience)) // an error shows below
	if _, err := io.WriteString(k.conn, words); err != nil {
		k.t.Fatalf("the tunnel is cut: %v", err)
	}
	if _, err := io.ReadFull(k.conn, back); err != nil || string(back) != words {
		k.t.Fatalf("the tunnel is cut: %q comes back as %q (%v)", words, back, err)
	}
}

// mustEnd waits until the other side ends the tunnel.
func (k *talk) mustEnd() {
	k.t.Helper()
	k.conn.SetReadDeadline(time.Now().Add(patience)) // an error shows in the read
	n, err := io.Copy(io.Discard, k.conn)
	if n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		k.t.Fatalf("the tunnel does not end: %d bytes nobody sent, then %v", n, err)
	}
}

// startEcho starts a proxy in front of an echoing origin, with further sections of its configuration.
func startEcho(t *testing.T, sections string) (*site, *process, string) {
	t.Helper()
	port := serveRaw(t, echo)
	s := newSite(t)
	s.configure(fmt.Sprintf("policy: { rules: [{ id: echo, hosts: [echo.test], ports: [%d], private: allow }] }\n", port) + sections)
	return s, s.start(), fmt.Sprintf("echo.test:%d", port)
}

// draining waits until the process says that it accepts no more requests, and checks that.
func (p *process) draining(hostport string) {
	p.t.Helper()
	eventually(p.t, "/readyz fails", func() bool {
		status, _ := p.get("/readyz")
		return status == http.StatusServiceUnavailable
	})
	if status, _ := p.get("/healthz"); status != http.StatusOK {
		p.t.Errorf("/healthz: status %d: it is alive, but drains", status)
	}
	eventually(p.t, "no new tunnels", func() bool {
		conn, err := p.tunnel(hostport)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
}

// lastWords checks the log's records of the stop and of the open tunnel.
func lastWords(t *testing.T, s *site, stop, end string) {
	t.Helper()
	all := records(t, s.audit())
	if last := all[len(all)-1]; last.Type != audit.TypeStop || !strings.Contains(last.Detail, stop) {
		t.Errorf("the last record is %s %q, want a stop with %q", last.Type, last.Detail, stop)
	}
	decided, closed := decisions(t, all)
	if len(decided) == 0 || closed[decided[0].ID].Error != end {
		t.Errorf("the close record has %q, want %q", closed[decided[0].ID].Error, end)
	}
}

// TestDrain stops a proxy with an open tunnel: that may finish, no others may begin.
func TestDrain(t *testing.T) {
	s, p, target := startEcho(t, "")
	k := p.talkTo(target)
	p.signal(syscall.SIGTERM)
	p.draining(target)
	k.say("still here")
	k.conn.Close()
	p.mustExit()
	lastWords(t, s, "stopped on request", "")
}

// TestDrainCut signals twice: the second stop does not wait.
func TestDrainCut(t *testing.T) {
	s, p, target := startEcho(t, "proxy: { shutdown_grace: \"off\" }\n") // it would wait forever
	k := p.talkTo(target)
	p.signal(syscall.SIGTERM)
	p.draining(target)
	k.say("still here")
	p.signal(syscall.SIGTERM)
	k.mustEnd()
	p.mustExit()
	lastWords(t, s, "open exchanges were cut", "shutdown")
}

// TestDrainGrace lets the grace period expire.
func TestDrainGrace(t *testing.T) {
	s, p, target := startEcho(t, "proxy: { shutdown_grace: 1s }\n")
	k := p.talkTo(target)
	p.signal(syscall.SIGTERM)
	k.mustEnd()
	p.mustExit()
	lastWords(t, s, "open exchanges were cut", "shutdown")
}
