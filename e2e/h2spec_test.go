//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"webproxy/audit"
)

// TestH2Spec runs h2spec, in strict mode, against HTTP/2 inside inspected TLS. It does not support proxies, so it connects to
// a forwarder that tunnels through webproxy. The name must be the same on both sides: for h2spec localhost is the forwarder, for
// webproxy an origin on another address of this machine.
func TestH2Spec(t *testing.T) {
	h2spec := os.Getenv("H2SPEC")
	if h2spec == "" {
		t.Skip("set H2SPEC to a built h2spec; e2e/run does")
	}
	origins := newAuthority(t)
	port := serveTLS(t, "127.0.0.2:0", origins, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(rw, strings.Repeat("a page\n", 100))
	}))
	s := newSite(t)
	s.settings = strings.Replace(s.settings, "egress: { ", "egress: { hosts: { localhost: [127.0.0.2] }, ", 1)
	s.configure(fmt.Sprintf(`
inspection: { roots: [%q] }
proxy: { shutdown_grace: 1s }
policy: { rules: [ { id: inside, url: "https://localhost:%d/allowed", inspect: true, private: allow } ] }
`, origins.file, port))
	if r := run(t, nil, binary(t), "ca", "init", "--only", "localhost", "--config", filepath.Join(s.dir, "webproxy.yaml")); r.exit != 0 {
		t.Fatalf("webproxy ca init: %s", r.stderr)
	}
	p := s.start()
	target := fmt.Sprintf("localhost:%d", port)
	serveRawOn(t, fmt.Sprintf("127.0.0.1:%d", port), func(client *net.TCPConn) {
		tunnel, err := p.tunnel(target)
		if err != nil {
			t.Error(err)
			return
		}
		defer tunnel.Close()
		var back sync.WaitGroup
		back.Go(func() {
			io.Copy(client, tunnel)
			client.CloseWrite()
		})
		io.Copy(tunnel, client)
		tunnel.(*net.TCPConn).CloseWrite()
		back.Wait()
	})
	r := run(t, nil, h2spec, "-h", "localhost", "-p", fmt.Sprint(port), "-P", "/allowed", "-t", "-k", "-S", "-o", "10")
	// Go's net/http refuses a setting that occurs twice in one frame; by RFC 9113, 6.5.3 they are processed in order.
	const repeated = "Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE"
	summary := regexp.MustCompile(`(\d+) tests, (\d+) passed, 0 skipped, (\d+) failed`).FindStringSubmatch(r.stdout)
	if summary == nil || summary[1] != "146" || summary[3] != "0" && (summary[3] != "1" || strings.Count(r.stdout, "× ") != 2 || !strings.Contains(r.stdout, "× 1: "+repeated)) {
		t.Errorf("h2spec: exit %d\n%s\n%s", r.exit, r.stdout, r.stderr)
	}
	p.stop()
	malformed, served := 0, 0
	for _, r := range records(t, s.audit()) {
		switch {
		case r.Type == audit.TypeDecision && r.Reason == "bad_request":
			malformed++
		case r.Type == audit.TypeDecision && r.Method != http.MethodConnect && r.Decision == "allow":
			served++
		}
	}
	if malformed < 20 || served < 20 {
		t.Errorf("%d records of malformed requests, %d of permitted ones", malformed, served)
	}
}
