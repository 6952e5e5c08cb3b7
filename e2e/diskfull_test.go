//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"webproxy/audit"
)

// TestFullDisk fills the audit log's disk under load. Then requests are refused, with the reason, and open exchanges
// continue. When there is room again, requests are permitted without intervention. Whatever reached an
// origin is in the log, which says when it could not be written.
func TestFullDisk(t *testing.T) {
	const rounds = 3
	s, origin := newArrivals(t)
	smallDisk(t, s.audit(), 32<<10)
	p := s.start()
	begun := p.talkTo(fmt.Sprintf("echo.test:%d", origin.echo))
	stop := make(chan struct{})
	var clients sync.WaitGroup
	quiet := sync.OnceFunc(func() { close(stop); clients.Wait() })
	t.Cleanup(quiet)
	for n := range 4 {
		clients.Go(func() { p.askUntil(stop, origin, fmt.Sprintf("c%d", n)) })
	}
	refused := 0
	for round := range rounds {
		moment := origin.count.Load() + 50
		eventually(t, "requests reach the origin", func() bool { return origin.count.Load() >= moment })
		ballast := filepath.Join(s.audit(), "ballast")
		fillDisk(t, ballast)
		eventually(t, "on a full disk nothing is let through", func() bool { return p.letThrough(origin, round) == 0 })
		refused += p.mustRefuseUnrecorded(origin, round)
		begun.say(fmt.Sprintf("still here in round %d", round))
		if n := p.gauge("webproxy_audit_write_errors_total"); int(n) < refused {
			t.Errorf("%v audit_write_errors_total after %d refusals", n, refused)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if n := p.letThrough(origin, round); n != 2 {
			t.Errorf("round %d: with room again %d of 2 requests are let through", round, n)
		}
	}
	quiet()
	begun.conn.Close()
	p.stop()

	kinds := origin.check(t, s)
	if kinds[audit.TypeGap] < rounds || kinds[audit.TypeStart] != 1 {
		t.Errorf("the audit log tells of %d gaps and %d starts, want at least %d, and 1", kinds[audit.TypeGap], kinds[audit.TypeStart], rounds)
	}
	if v := run(t, nil, binary(t), "audit", "verify", s.audit(), "--pub", filepath.Join(s.dir, "audit-key", "audit.pub")); v.exit != 0 {
		t.Errorf("audit verify: exit %d\n%s%s", v.exit, v.stdout, v.stderr)
	}
	if n := strings.Count(p.said(), "audit record not written"); n < 1 || n > 2*rounds {
		t.Errorf("the operator was told %d times that records are not written, want it once each time", n)
	}
}

// TestStartOnFullDisk starts on a full disk: the proxy serves, refuses every request with the reason, and recovers by
// itself when there is room. Refusing to start would be no safer, and would give clients no explanation.
func TestStartOnFullDisk(t *testing.T) {
	s, origin := newArrivals(t)
	smallDisk(t, s.audit(), 1<<10)
	ballast := filepath.Join(s.audit(), "ballast")
	fillDisk(t, ballast)
	p := s.start()
	p.mustRefuseUnrecorded(origin, 0)
	if n := origin.count.Load(); n != 0 {
		t.Errorf("%d requests reached the origin without a record", n)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if n := p.letThrough(origin, 1); n != 2 {
		t.Errorf("with room again %d of 2 requests are let through", n)
	}
	p.stop()
	if kinds := origin.check(t, s); kinds[audit.TypeGap] == 0 {
		t.Errorf("no record says that others were lost: %v", kinds)
	}
	if v := run(t, nil, binary(t), "audit", "verify", s.audit(), "--pub", filepath.Join(s.dir, "audit-key", "audit.pub")); v.exit != 0 {
		t.Errorf("audit verify: exit %d\n%s%s", v.exit, v.stdout, v.stderr)
	}
}

// letThrough makes permitted requests, by plain HTTP and by CONNECT, and returns how many were let through.
func (p *process) letThrough(origin *arrivals, round int) (n int) {
	p.t.Helper()
	for _, c := range p.curls(origin.ca, origin.urls(fmt.Sprintf("curl-%d", round))...) {
		if c.Exit == 0 && c.Code == http.StatusOK {
			n++
		}
	}
	return n
}

// mustRefuseUnrecorded makes the same requests on a full disk. It returns how many were refused.
func (p *process) mustRefuseUnrecorded(origin *arrivals, round int) int {
	p.t.Helper()
	all := p.curls(origin.ca, origin.urls(fmt.Sprintf("curl-%d", round))...)
	for i, c := range all {
		if !strings.HasPrefix(c.text, "HTTP/1.1 503 webproxy denied: audit_unavailable ") || c.Exit != []int{0, curlNoTunnel}[i] {
			p.t.Errorf("on a full disk: want 503 and audit_unavailable; got %v", c)
		}
	}
	if status, text := p.get("/readyz"); status != http.StatusOK || !strings.Contains(text, "audit log: the last record could not be written") {
		p.t.Errorf("on a full disk /readyz says %d %q", status, text)
	}
	return len(all)
}

// smallDisk mounts a file system of the given size in kB as the directory dir until the test ends.
func smallDisk(t *testing.T, dir string, kilobytes int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dk", kilobytes)); err != nil {
		t.Skipf("no small disk can be mounted here, so nobody knows what happens on a full one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// fillDisk writes a file until its disk is full, to the last byte.
func fillDisk(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		switch _, err := f.Write(make([]byte, size)); {
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case err != nil:
			t.Fatal(err)
		}
	}
}
