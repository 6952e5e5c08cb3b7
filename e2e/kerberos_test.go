//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"webproxy/audit"
)

// A realm is SITE.TEST, with a KDC of its own.
type realm struct {
	t    *testing.T
	dir  string
	conf string // its krb5.conf
	addr string // of the KDC
	env  []string
	cmd  *exec.Cmd
	once sync.Once
}

// startRealm makes the realm, in which webproxy and HTTP/squid.test are known, and starts its KDC.
func startRealm(t *testing.T) *realm {
	t.Helper()
	for _, tool := range []string{"krb5kdc", "kdb5_util", "kadmin.local"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: apt-get install krb5-kdc krb5-admin-server", tool)
		}
	}
	r := &realm{t: t, dir: t.TempDir(), addr: reserve(t)}
	r.conf = r.file("krb5.conf", fmt.Sprintf(`[libdefaults]
 default_realm = SITE.TEST
 dns_lookup_kdc = false
[realms]
 SITE.TEST = {
  kdc = %s
 }
`, r.addr))
	kdc := r.file("kdc.conf", fmt.Sprintf(`[kdcdefaults]
 kdc_listen = %[1]s
 kdc_tcp_listen = %[1]s
[realms]
 SITE.TEST = {
  database_name = %[2]s/principal
  key_stash_file = %[2]s/stash
  acl_file = %[2]s/acl
 }
[logging]
 kdc = FILE:%[2]s/kdc.log
`, r.addr, r.dir))
	r.env = []string{"KRB5_CONFIG=" + r.conf, "KRB5_KDC_PROFILE=" + kdc}
	r.must("kdb5_util", "-r", "SITE.TEST", "create", "-s", "-P", "m4ster")
	r.admin("addprinc -randkey +requires_preauth webproxy")
	r.admin("addprinc -randkey HTTP/squid.test")
	r.start()
	return r
}

func (r *realm) file(name, text string) (path string) {
	r.t.Helper()
	path = filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func (r *realm) must(name string, args ...string) {
	r.t.Helper()
	if done := run(r.t, r.env, name, args...); done.exit != 0 {
		r.t.Fatalf("%s %v: %+v", name, args, done)
	}
}

// admin runs a command of kadmin.
func (r *realm) admin(query string) {
	r.t.Helper()
	r.must("kadmin.local", "-r", "SITE.TEST", "-q", query)
}

// keytab gives the principal new keys and returns a file with them; keys of earlier files are then invalid.
func (r *realm) keytab(principal string) (path string) {
	r.t.Helper()
	f, err := os.CreateTemp(r.dir, "*.keytab")
	if err != nil {
		r.t.Fatal(err)
	}
	f.Close()
	os.Remove(f.Name())
	r.admin("ktadd -k " + f.Name() + " " + principal)
	return f.Name()
}

func (r *realm) start() {
	r.t.Helper()
	r.cmd = exec.Command("krb5kdc", "-n", "-r", "SITE.TEST")
	r.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, r.env...)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.kill)
	eventually(r.t, "the KDC serves", func() bool {
		c, err := net.Dial("tcp", r.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (r *realm) kill() {
	r.once.Do(func() {
		r.cmd.Process.Kill()
		r.cmd.Wait()
	})
}

// parent is the configuration of s as an upstream proxy with a login by the keytab.
func (r *realm) parent(id string, s *squid, keytab string) string {
	return fmt.Sprintf(`{ id: %s, url: "http://%s", negotiate: { keytab: %s, principal: webproxy@SITE.TEST, krb5_conf: %s, spn: HTTP/squid.test } }`,
		id, s.addr, keytab, r.conf)
}

// startBehind starts a webproxy that permits www.parent.test through the upstream proxies.
func startBehind(t *testing.T, plain, secure int, parents ...string) (*site, *process) {
	t.Helper()
	s := newSite(t)
	s.settings = strings.Replace(s.settings, "egress: {", "egress: { upstream_proxies: [ "+strings.Join(parents, ", ")+" ],", 1)
	s.configure(fmt.Sprintf(`
policy:
  rules:
    - { id: plain, hosts: ["*.parent.test"], ports: [%d], schemes: [http] }
    - { id: secure, hosts: ["*.parent.test"], ports: [%d] }
`, plain, secure))
	return s, s.start()
}

// TestKerberos uses a Squid that requires Kerberos: CONNECT and plain HTTP, a keytab
// with old keys, and an unreachable KDC, with and without another upstream proxy.
func TestKerberos(t *testing.T) {
	ca := newAuthority(t)
	book := new(guestbook)
	plain, secure := serveHTTP(t, "127.0.0.1:0", book), serveTLS(t, "127.0.0.1:0", ca, book)
	r := startRealm(t)
	old, now := r.keytab("webproxy"), r.keytab("webproxy")
	strict, open := startSquidNegotiate(t, r), startSquid(t, "")
	guests := []guest{{"http", "www.parent.test", plain}, {"https", "www.parent.test", secure}}
	welcome := func(p *process, when string) {
		t.Helper()
		for range 3 {
			for _, g := range guests {
				if c := p.curl(ca, g.String()+"/"); c.Exit != 0 || !strings.HasSuffix(c.text, "welcome "+g.String()) {
					t.Errorf("%s: %s: %s", when, g, c)
				}
			}
		}
	}
	refused := func(p *process, when string, want ...string) {
		t.Helper()
		for _, g := range guests {
			c := p.curl(ca, g.String()+"/")
			for _, w := range append(want, "502 webproxy upstream: ", `next-hop="strict"`) {
				if !strings.Contains(c.text, w) {
					t.Errorf("%s: %s: want %q\n%s", when, g, w, c)
				}
			}
		}
	}

	if c := run(t, nil, "curl", "-sv", "-x", "http://"+strict.addr, guests[0].String()+"/"); !strings.Contains(c.stderr, "407 ") {
		t.Errorf("without a ticket: %s, want 407", c.stderr)
	}
	site, known := startBehind(t, plain, secure, r.parent("strict", strict, now))
	welcome(known, "with the right keys")
	_, stale := startBehind(t, plain, secure, r.parent("strict", strict, old))
	refused(stale, "with old keys", "proxy_configuration_error", "upstream proxy strict: no Kerberos ticket: the KDC refused")

	r.kill()
	welcome(known, "with a ticket, the KDC gone")
	_, alone := startBehind(t, plain, secure, r.parent("strict", strict, now))
	refused(alone, "without the KDC", "destination_unavailable", "upstream proxy strict: no Kerberos ticket: the KDC cannot be reached")
	spare, both := startBehind(t, plain, secure, r.parent("strict", strict, now), fmt.Sprintf(`{ id: open, url: "http://%s" }`, open.addr))
	welcome(both, "without the KDC, with another parent")

	by := countBy(records(t, site.audit()), func(r audit.Record) string { return string(r.Type) + " " + r.Upstream })
	if by["egress.close strict"] == 0 || by["egress.close "] != 0 {
		t.Errorf("records by parent: %v", by)
	}
	by = countBy(records(t, spare.audit()), func(r audit.Record) string { return string(r.Type) + " " + r.Upstream })
	if by["egress.close open"] == 0 || by["egress.close strict"] != 0 {
		t.Errorf("records by parent when the KDC is gone: %v", by)
	}
	for _, r := range records(t, site.audit()) {
		if strings.Contains(fmt.Sprint(r), "Negotiate YII") {
			t.Errorf("a record has a token: %+v", r)
		}
	}
	for _, p := range []*process{known, stale, alone, both} {
		if strings.Contains(p.said(), "Negotiate YII") {
			t.Errorf("the log has a token:\n%s", p.said())
		}
	}
}
