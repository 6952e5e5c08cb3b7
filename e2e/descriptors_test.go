//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// fewFiles is how many files the proxy may have open in the stories of this file.
const fewFiles = 256

// openFiles is how many descriptors p has open.
func (p *process) openFiles() int {
	p.t.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(all)
}

// dialFrom opens a connection to addr from a loopback address.
func dialFrom(t *testing.T, client, addr string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// With 256 open files, no client can lock out other clients or the operator: not by requests to 1,100 names,
// slow connections to the dashboard, idle or busy connections.
func TestFewDescriptors(t *testing.T) {
	port := serveHTTP(t, "127.0.0.1:0", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "ok") }))
	held := serveRaw(t, func(c *net.TCPConn) { io.Copy(io.Discard, c) })
	s := newSite(t)
	s.files = fewFiles
	s.configure(fmt.Sprintf(`
proxy: { shutdown_grace: 1s }
policy:
  rules:
    - { id: wild, hosts: ["*.wild.test"], ports: [%d], schemes: [http], private: allow }
    - { id: held, hosts: ["held.test"], ports: [%d], private: allow }
`, port, held))
	p := s.start()
	get := func(when, client, host string) {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
		c := http.Client{Timeout: patience, Transport: &http.Transport{
			Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr}), DialContext: d.DialContext, DisableKeepAlives: true,
		}}
		resp, err := c.Get(fmt.Sprintf("http://%s:%d/", host, port))
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		defer resp.Body.Close()
		if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", when, resp.Status, b)
		}
	}
	tell := func(after string) {
		t.Helper()
		if status, body := p.get("/readyz"); status != http.StatusOK {
			t.Errorf("%s: /readyz %d %s", after, status, body)
		}
		t.Logf("%s: %d of %d descriptors", after, p.openFiles(), fewFiles)
	}
	tell("at the start")

	one := dialFrom(t, "127.0.0.1", p.addr)
	r := bufio.NewReader(one)
	for i := range 1100 {
		host := fmt.Sprintf("n%d.wild.test:%d", i, port)
		fmt.Fprintf(one, "GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n", host, host)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("name %d: %v", i, err)
		}
		if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
			t.Fatalf("name %d: %s %s", i, resp.Status, b)
		}
	}
	get("after 1,100 names", "127.0.0.2", "other.wild.test")
	tell("after 1,100 names")

	for i := range 600 {
		c := dialFrom(t, "127.0.0.1", p.admin)
		if i%2 == 0 {
			io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: local")
		}
	}
	tell("600 slow connections to the dashboard")
	get("600 slow connections to the dashboard", "127.0.0.2", "other.wild.test")

	for range 400 { // accepted, and silent
		dialFrom(t, "127.0.0.3", p.addr)
	}
	get("400 silent connections", "127.0.0.2", "other.wild.test")
	tell("400 silent connections")

	refused := 0
	for range 200 {
		c := dialFrom(t, "127.0.0.4", p.addr)
		fmt.Fprintf(c, "CONNECT held.test:%d HTTP/1.1\r\nHost: x\r\n\r\n", held)
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || !strings.Contains(line, " 200 ") {
			refused++
		}
	}
	tell(fmt.Sprintf("200 tunnels of one client, %d of them refused", refused))
	if refused == 0 {
		t.Error("one client has as many tunnels as it likes")
	}
	get("200 tunnels of one client", "127.0.0.2", "other.wild.test")
	if said := p.said(); strings.Contains(said, "too many open files") || strings.Contains(said, "not accepted") {
		t.Errorf("it ran out of descriptors:\n%s", tail(said, 2000))
	}
	p.stop()
}
