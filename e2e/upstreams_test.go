//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"webproxy/audit"
)

// A squid is an upstream proxy.
type squid struct {
	addr string
	cmd  *exec.Cmd
	once sync.Once
}

// startSquid starts Squid, which requires Basic credentials if secret, user:password, is not empty.
func startSquid(t *testing.T, secret string) *squid {
	t.Helper()
	return runSquid(t, func(file func(name, text string) string) string {
		user, password, ok := strings.Cut(secret, ":")
		if !ok {
			return "http_access allow all\n"
		}
		hash := run(t, nil, "openssl", "passwd", "-apr1", password)
		return "auth_param basic program /usr/lib/squid/basic_ncsa_auth " + file("passwd", user+":"+hash.stdout) + "\n" + knownOnly
	})
}

// startSquidNegotiate starts Squid, which requires tickets of r for HTTP/squid.test.
func startSquidNegotiate(t *testing.T, r *realm) *squid {
	t.Helper()
	keys, err := os.ReadFile(r.keytab("HTTP/squid.test"))
	if err != nil {
		t.Fatal(err)
	}
	conf, err := os.ReadFile(r.conf)
	if err != nil {
		t.Fatal(err)
	}
	return runSquid(t, func(file func(name, text string) string) string {
		return fmt.Sprintf("auth_param negotiate program /usr/bin/env KRB5_CONFIG=%s /usr/lib/squid/negotiate_kerberos_auth -k %s -s HTTP/squid.test@SITE.TEST\n",
			file("krb5.conf", string(conf)), file("http.keytab", string(keys))) + "auth_param negotiate children 2\n" + knownOnly
	})
}

const knownOnly = "acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\n"

// runSquid starts Squid with the lines of access, which may write files that Squid can read.
func runSquid(t *testing.T, access func(file func(name, text string) string) string) *squid {
	t.Helper()
	// Squid drops root, and test directories belong to root.
	dir, err := os.MkdirTemp("", "squid")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := &squid{addr: reserve(t)}
	conf := file("squid.conf", fmt.Sprintf(`http_port %s
hosts_file %s
acl refused dstdomain refused.parent.test
http_access deny refused
%scache deny all
access_log none
cache_log %s/cache.log
pid_filename %s/squid.pid
coredump_dir %s
visible_hostname squid.test
`, s.addr, file("hosts", "127.0.0.1 www.parent.test refused.parent.test\n"), access(file), dir, dir, dir))
	s.cmd = exec.Command("squid", "-N", "-f", conf)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	eventually(t, "squid serves", func() bool {
		c, err := net.Dial("tcp", s.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return s
}

func (s *squid) kill() {
	s.once.Do(func() {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	})
}

// TestUpstreamProxies uses two Squids between webproxy and the origins, one with credentials: CONNECT and plain HTTP,
// refusals by an upstream proxy, and the death of the first one under load.
func TestUpstreamProxies(t *testing.T) {
	ca := newAuthority(t)
	book := new(guestbook)
	plain, secure := serveHTTP(t, "127.0.0.1:0", book), serveTLS(t, "127.0.0.1:0", ca, book)
	first, second := startSquid(t, "alice:s3cret"), startSquid(t, "")
	s := newSite(t)
	s.write("corp.txt", "alice:s3cret\n")
	if err := os.Chmod(filepath.Join(s.dir, "corp.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.settings = strings.Replace(s.settings, "egress: {", fmt.Sprintf(`egress: { upstream_proxies: [
  { id: first, url: "http://%s", credentials: corp.txt },
  { id: second, url: "http://%s" },
],`, first.addr, second.addr), 1)
	s.configure(fmt.Sprintf(`
policy:
  rules:
    - { id: plain, hosts: ["*.parent.test"], ports: [%d], schemes: [http] }
    - { id: secure, hosts: ["*.parent.test"], ports: [%d] }
`, plain, secure))
	p := s.start()

	for _, g := range []guest{{"http", "www.parent.test", plain}, {"https", "www.parent.test", secure}} {
		if c := p.curl(ca, g.String()+"/"); c.Exit != 0 || !strings.HasSuffix(c.text, "welcome "+g.String()) {
			t.Errorf("%s: %s", g, c)
		}
		refused := guest{g.scheme, "refused.parent.test", g.port}
		c := p.curl(ca, refused.String()+"/")
		if !strings.Contains(c.text, "502 webproxy upstream: http_request_denied refused.parent.test") ||
			!strings.Contains(c.text, `next-hop="first"; received-status=403`) {
			t.Errorf("%s: want 502 with the parent's name\n%s", refused, c)
		}
	}
	p.survive(t, ca, first, plain, secure)

	by := countBy(records(t, s.audit()), func(r audit.Record) string { return string(r.Type) + " " + r.Upstream })
	if by["egress.close first"] == 0 || by["egress.close second"] == 0 || by["egress.close "] != 0 {
		t.Errorf("records by parent: %v", by)
	}
	for _, r := range records(t, s.audit()) {
		if strings.Contains(fmt.Sprint(r), "s3cret") {
			t.Errorf("a record has the password: %+v", r)
		}
	}
}

// survive has clients continue while first dies: only requests that it is handling may fail.
func (p *process) survive(t *testing.T, ca *authority, first *squid, plain, secure int) {
	t.Helper()
	const clients, each = 4, 100
	var done, failed atomic.Int64
	var asking sync.WaitGroup
	for range clients {
		asking.Go(func() {
			pool := &http.Transport{
				Proxy:             http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr}),
				TLSClientConfig:   &tls.Config{RootCAs: ca.Pool()},
				DisableKeepAlives: true,
			}
			for i := range each {
				target := fmt.Sprintf("http://www.parent.test:%d/", plain)
				if i%2 == 1 {
					target = fmt.Sprintf("https://www.parent.test:%d/", secure)
				}
				resp, err := (&http.Client{Transport: pool, Timeout: patience}).Get(target)
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				if err != nil || resp.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				if done.Add(1) == clients*each/2 {
					first.kill()
				}
			}
		})
	}
	asking.Wait()
	t.Logf("%d requests, %d failed when the first parent died", done.Load(), failed.Load())
	if failed.Load() > clients {
		t.Errorf("%d requests failed, want at most the %d in flight", failed.Load(), clients)
	}
	for _, up := range p.metric("webproxy_upstream_up") {
		if works := up.labels["upstream"] == "second"; works != (up.value == 1) {
			t.Errorf("webproxy_upstream_up of %s is %v", up.labels["upstream"], up.value)
		}
	}
}
