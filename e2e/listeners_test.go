//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/audit"
	"webproxy/internal/certtest"
)

// writePair writes a certificate for name, issued by a, and its key to the site's files NAME.crt and NAME.key.
func (s *site) writePair(a *authority, file, name string) (cert, key string) {
	s.t.Helper()
	c := a.Issue(s.t, name, nil)
	_, private := certtest.Pair(s.t, c)
	s.write(file+".crt", string(certtest.Chain(c)))
	s.write(file+".key", string(private))
	keyFile := filepath.Join(s.dir, file+".key")
	if err := os.Chmod(keyFile, 0o600); err != nil { // a key that others may read is refused
		s.t.Fatal(err)
	}
	return filepath.Join(s.dir, file+".crt"), keyFile
}

// listenersPolicy permits the origin to the group nodes; %d is its port.
const listenersPolicy = `
policy:
  clients: { here: [127.0.0.0/8], nodes: [%s] }
  rules: [{ id: nodes, for: [nodes], hosts: [o.test], ports: [%d], schemes: [http, https], private: allow }]
`

// TestTLSListener has curl speak TLS to the proxy: with a certificate of a node, without one, and with
// one of an unknown authority. Then the proxy's own certificate is replaced by one of another authority.
func TestTLSListener(t *testing.T) {
	origins, proxys, nodes := newAuthority(t), newAuthority(t), newAuthority(t)
	port := serveTLS(t, "127.0.0.1:0", origins, new(guestbook))
	s := newSite(t)
	s.writePair(proxys, "proxy", "localhost")
	cert, key := s.writePair(nodes, "node", "node1.nodes.test")
	strange, strangeKey := s.writePair(newAuthority(t), "stranger", "node1.nodes.test")
	s.configure(fmt.Sprintf(listenersPolicy+`
listen_tls: { listen: "127.0.0.1:0", cert: proxy.crt, key: proxy.key, client_ca: %q, clients: { nodes: ["*.nodes.test"] } }
`, "192.0.2.0/24", port, nodes.file))
	p := s.start()
	_, listening, _ := net.SplitHostPort(p.tls)
	target := fmt.Sprintf("https://o.test:%d/", port)
	curl := func(ca *authority, more ...string) ran {
		t.Helper()
		return run(t, nil, "curl", append([]string{"-q", "-sS", "-v", "--noproxy", "", "--proxy", "https://localhost:" + listening,
			"--proxy-cacert", ca.file, "--cacert", origins.file, target}, more...)...)
	}
	asNode := []string{"--proxy-cert", cert, "--proxy-key", key}
	if r := curl(proxys, asNode...); r.exit != 0 || !strings.HasPrefix(r.stdout, "welcome https://o.test") {
		t.Errorf("with a certificate: %+v", r)
	}
	if r := curl(proxys); r.exit != curlNoTunnel || !strings.Contains(r.stderr, "403 webproxy denied: client_not_allowed") {
		t.Errorf("without a certificate: %+v", r)
	}
	if r := curl(proxys, "--proxy-cert", strange, "--proxy-key", strangeKey); r.exit == 0 {
		t.Errorf("with a strange certificate: %+v", r)
	}
	if r := curl(origins, asNode...); r.exit == 0 || !strings.Contains(r.stderr, "certificate") {
		t.Errorf("a client that does not trust the proxy: %+v", r)
	}

	next := newAuthority(t)
	s.writePair(next, "proxy", "localhost")
	eventually(t, "the new certificate is shown", func() bool { return curl(next, asNode...).exit == 0 })
	if r := curl(proxys, asNode...); r.exit == 0 {
		t.Errorf("the old certificate is still shown: %+v", r)
	}
	p.stop()

	all, _ := decisions(t, records(t, s.audit()))
	by := countBy(all, func(r audit.Record) string {
		return strings.TrimSpace(strings.Join([]string{string(r.Decision), r.Reason, r.Group, r.ClientName}, " "))
	})
	if by["allow allowed_by_rule nodes node1.nodes.test"] < 2 || by["deny client_not_allowed here"] != 1 || by["deny bad_request here"] < 1 {
		t.Errorf("decisions: %v", by)
	}
	delete(by, "allow allowed_by_rule nodes node1.nodes.test")
	delete(by, "deny client_not_allowed here")
	delete(by, "deny bad_request here") // clients that do not trust, or are not trusted
	if len(by) > 0 {
		t.Errorf("other decisions: %v", by)
	}
}

// TestBalancer puts HAProxy in front, which sends both versions of the PROXY protocol header, and health
// checks. A client without a header is not served.
func TestBalancer(t *testing.T) {
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed: nobody to send the PROXY protocol")
	}
	origins := newAuthority(t)
	port := serveTLS(t, "127.0.0.1:0", origins, new(guestbook))
	s := newSite(t)
	s.configure(fmt.Sprintf(listenersPolicy+"proxy: { balancers: [127.0.0.1] }\n", "127.0.0.7", port))
	p := s.start()
	v1, v2 := startHAProxy(t, s, p.addr)

	target := fmt.Sprintf("https://o.test:%d/", port)
	curl := func(via, from string) ran {
		t.Helper()
		return run(t, nil, "curl", "-q", "-sS", "-v", "--noproxy", "", "--proxy", "http://"+via, "--interface", from, "--cacert", origins.file, target)
	}
	for _, via := range []string{v1, v2} {
		if r := curl(via, "127.0.0.7"); r.exit != 0 || !strings.HasPrefix(r.stdout, "welcome https://o.test") {
			t.Errorf("a node: %+v", r)
		}
		if r := curl(via, "127.0.0.8"); r.exit != curlNoTunnel || !strings.Contains(r.stderr, "403 webproxy denied: client_not_allowed") {
			t.Errorf("somebody else: %+v", r)
		}
	}
	if r := curl(p.addr, "127.0.0.1"); r.exit != curlNoTunnel || !strings.Contains(r.stderr, "400 webproxy denied: bad_request") {
		t.Errorf("from the balancer's address, without a header: %+v", r)
	}
	if r := curl(p.addr, "127.0.0.7"); r.exit != 0 {
		t.Errorf("past the balancer: %+v", r)
	}
	p.stop()

	all, _ := decisions(t, records(t, s.audit()))
	differ(t, "the audit log", countBy(all, func(r audit.Record) string {
		return strings.Join([]string{r.Client.String(), r.Group, string(r.Decision), r.Reason}, " ")
	}), "what was asked", map[string]int{
		"127.0.0.7 nodes allow allowed_by_rule":  3,
		"127.0.0.8 here deny client_not_allowed": 2,
		"127.0.0.1 here deny bad_request":        1,
	})
}

// startHAProxy starts HAProxy in front of a proxy, and returns its addresses for headers of version 1 and 2. Before
// it returns, a health check has passed; they continue.
func startHAProxy(t *testing.T, s *site, addr string) (v1, v2 string) {
	t.Helper()
	for _, at := range []*string{&v1, &v2} {
		*at = reserve(t)
	}
	s.write("haproxy.cfg", fmt.Sprintf(`
defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen one
  bind %[1]s
  server webproxy %[3]s send-proxy check inter 50ms
listen two
  bind %[2]s
  server webproxy %[3]s send-proxy-v2 check inter 50ms
`, v1, v2, addr))
	cmd := exec.Command("haproxy", "-db", "-f", filepath.Join(s.dir, "haproxy.cfg"))
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("what haproxy said:\n%s", said.String())
		}
	})
	for _, at := range []string{v1, v2} {
		eventually(t, "haproxy serves", func() bool {
			c, err := net.Dial("tcp", at)
			if err == nil {
				c.Close()
			}
			return err == nil
		})
	}
	return v1, v2
}
