//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"webproxy/audit"
)

// cliInstaller is the only URL for which Windows Admin Center needs aka.ms.
const cliInstaller = "https://aka.ms/installazurecliwindows"

// inspectionPolicy has a rule that needs inspection, with %s for its inspect setting, and a host that is not
// inspected.
const inspectionPolicy = `
inspection: { roots: [%q] }
policy:
  rules:
    - { id: wac-cli, url: "` + cliInstaller + `"%s, private: allow }
    - { id: other, hosts: [learn.microsoft.com], private: allow }
`

// inspectionSite is a site whose proxy trusts origins, and its authority, as clients trust it; the rule for
// aka.ms has the given setting.
func inspectionSite(t *testing.T, origins *authority, setting string) (s *site, proxys *authority) {
	t.Helper()
	s = newSite(t)
	s.configure(fmt.Sprintf(inspectionPolicy, origins.file, setting))
	for _, args := range [][]string{{"init", "--only", "aka.ms"}, {"export"}} {
		r := run(t, nil, binary(t), append(append([]string{"ca"}, args...), "--config", filepath.Join(s.dir, "webproxy.yaml"))...)
		if r.exit != 0 {
			t.Fatalf("webproxy ca %s: exit %d\n%s", args, r.exit, r.stderr)
		}
		s.write("proxy-ca.pem", r.stdout)
	}
	return s, &authority{file: filepath.Join(s.dir, "proxy-ca.pem")}
}

// startOrigin serves HTTPS on port 443 under every name, in place of the hosts of the rules, and returns
// each request's path.
func startOrigin(t *testing.T) *authority {
	t.Helper()
	ca := newAuthority(t)
	serveTLS(t, "127.0.0.1:443", ca, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, "%s says %s", r.TLS.ServerName, r.URL.Path)
	}))
	return ca
}

// only returns the one decision record that matches, with its close record, if it has one.
func only(t *testing.T, s *site, what string, match func(audit.Record) bool) (decided, closed audit.Record) {
	t.Helper()
	all, ends := decisions(t, records(t, s.audit()))
	found := 0
	for _, r := range all {
		if match(r) {
			decided, closed, found = r, ends[r.ID], found+1
		}
	}
	if found != 1 {
		t.Fatalf("%s: %d decision records, want 1", what, found)
	}
	return decided, closed
}

// TestInspection: a rule permits one path of a host. curl gets that path and no other, is told
// why, and finds the reason by its id. Hosts of other rules show their own certificate.
func TestInspection(t *testing.T) {
	origins := startOrigin(t)
	s, proxys := inspectionSite(t, origins, ", inspect: true")
	p := s.start()

	if c := p.curl(proxys, cliInstaller); c.Exit != 0 || c.Code != 200 || !strings.HasSuffix(c.text, "aka.ms says /installazurecliwindows") {
		t.Errorf("the path of the rule: %s", c)
	}
	refused := p.curl(proxys, "https://aka.ms/somethingelse")
	said := regexp.MustCompile(`webproxy denied: path_not_allowed aka\.ms:443\r?\n.*\r?\nid: (\w+)\r?\n`).FindStringSubmatch(refused.text)
	if refused.Code != 403 || refused.Connect != 200 || said == nil {
		t.Fatalf("another path: want 403 in the tunnel, with the reason; got %s", refused)
	}
	id := said[1]
	if c := p.curl(proxys, "--http1.1", "-v", "https://aka.ms/another"); !strings.Contains(c.stderr, "< HTTP/1.1 403 webproxy denied: path_not_allowed aka.ms:443 id=") {
		t.Errorf("another path by HTTP/1.1: %s", c)
	}

	// The client sees a certificate of the proxy, which clients that trust only the origin's authority refuse.
	if c := p.curl(origins, cliInstaller); c.Exit == 0 {
		t.Errorf("a client that does not trust the proxy: %s", c)
	}
	// For another rule's host, the client sees the origin's certificate.
	if c := p.curl(origins, "https://learn.microsoft.com/azure"); c.Exit != 0 || !strings.HasSuffix(c.text, "learn.microsoft.com says /azure") {
		t.Errorf("a host that is not inspected: %s", c)
	}
	if c := p.curl(proxys, "https://learn.microsoft.com/azure"); c.Exit == 0 {
		t.Errorf("the proxy's authority vouches for a host that is not inspected: %s", c)
	}
	p.issuedBy("aka.ms", "webproxy inspection")
	p.issuedBy("learn.microsoft.com", "webproxy e2e")

	why := run(t, nil, binary(t), "why", id, "--config", filepath.Join(s.dir, "webproxy.yaml"))
	for _, want := range []string{"DENIED", id, "path_not_allowed", "GET aka.ms:443/somethingelse", "only the path /installazurecliwindows", "add to a list file:  https://aka.ms:443/somethingelse reason"} {
		if !strings.Contains(why.stdout, want) {
			t.Errorf("webproxy why %s: no %q in\n%s%s", id, want, why.stdout, why.stderr)
		}
	}
	p.stop()
	d, c := only(t, s, "the path of the rule", func(r audit.Record) bool { return r.Path == "/installazurecliwindows" })
	if d.Scheme != "https" || d.Method != "GET" || d.Decision != "allow" || d.Rule != "wac-cli" || !d.Inspected || !d.PathEnforced || c.Status != 200 {
		t.Errorf("the path of the rule: %+v, then %+v", d, c)
	}
	d, _ = only(t, s, "another path", func(r audit.Record) bool { return r.Path == "/somethingelse" })
	if d.Scheme != "https" || d.Decision != "deny" || d.Reason != "path_not_allowed" || d.ID != id || !d.Inspected || d.Status != 403 {
		t.Errorf("another path: %+v", d)
	}
	for _, r := range records(t, s.audit()) {
		if r.Host == "learn.microsoft.com" && (r.Inspected || r.Path != "") {
			t.Errorf("a host that is not inspected: %+v", r)
		}
	}
}

// issuedBy has openssl show the issuer of the certificate of host, through the proxy.
func (p *process) issuedBy(host, issuer string) {
	p.t.Helper()
	r := run(p.t, nil, "sh", "-c", "openssl s_client -proxy "+p.addr+" -connect "+host+":443 -servername "+host+" </dev/null 2>/dev/null | openssl x509 -noout -issuer -ext subjectAltName")
	if !strings.Contains(r.stdout, "CN = "+issuer) || !strings.Contains(r.stdout, "DNS:"+host) {
		p.t.Errorf("certificate for %s: want one by %q; got %s%s", host, issuer, r.stdout, r.stderr)
	}
}

// TestWithoutInspection: without inspection the path of the same rule cannot be enforced, and
// the record says so.
func TestWithoutInspection(t *testing.T) {
	origins := startOrigin(t)
	s, _ := inspectionSite(t, origins, "")
	p := s.start()
	for _, path := range []string{"/installazurecliwindows", "/somethingelse"} {
		if c := p.curl(origins, "https://aka.ms"+path); c.Exit != 0 || !strings.HasSuffix(c.text, "aka.ms says "+path) {
			t.Errorf("%s: %s", path, c)
		}
	}
	p.issuedBy("aka.ms", "webproxy e2e")
	p.stop()
	all, _ := decisions(t, records(t, s.audit()))
	if len(all) != 3 {
		t.Errorf("%d decisions, want 3", len(all))
	}
	for _, r := range all {
		if r.Decision != "allow" || r.Rule != "wac-cli" || r.PathEnforced || r.Inspected || r.Path != "" {
			t.Errorf("%+v", r)
		}
	}
}
