//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/audit"
)

// webproxy runs a command of webproxy with the site's configuration.
func (s *site) webproxy(args ...string) string {
	s.t.Helper()
	r := run(s.t, nil, binary(s.t), append(args, "--config", filepath.Join(s.dir, "webproxy.yaml"))...)
	if r.exit != 0 {
		s.t.Fatalf("webproxy %s: exit %d\n%s", strings.Join(args, " "), r.exit, r.stderr)
	}
	return r.stdout
}

// TestInspectionByReload adds the first inspecting rule while the proxy runs: without an authority it is
// refused, with one it is applied. Then an authority of origins is removed.
func TestInspectionByReload(t *testing.T) {
	origins := startOrigin(t)
	s := newSite(t)
	s.configure("policy: { rules: [] }\n")
	p := s.start()
	if c := p.curl(origins, cliInstaller); c.Connect != 403 {
		t.Errorf("without a rule: %s", c)
	}
	s.configure(fmt.Sprintf(inspectionPolicy, origins.file, ", inspect: true"))
	eventually(t, "the reload is refused for want of an authority", func() bool {
		_, body := p.get("/readyz")
		return strings.Contains(body, "refused") && strings.Contains(body, "webproxy ca init")
	})
	if c := p.curl(origins, cliInstaller); c.Connect != 403 {
		t.Errorf("with a refused rule: %s", c)
	}
	s.webproxy("ca", "init", "--only", "aka.ms")
	s.write("proxy-ca.pem", s.webproxy("ca", "export"))
	proxys := &authority{file: filepath.Join(s.dir, "proxy-ca.pem")}
	eventually(t, "the rule holds once there is an authority", func() bool {
		c := p.curl(proxys, cliInstaller)
		return c.Exit == 0 && strings.HasSuffix(c.text, "aka.ms says /installazurecliwindows")
	})

	// Another authority of origins replaces the one that signed aka.ms: in the same file, and by another file name.
	other := newAuthority(t)
	untrusted := func() bool {
		c := p.curl(proxys, cliInstaller)
		return c.Connect == 502 && strings.Contains(c.text, "tls_certificate_error") && strings.Contains(c.text, "not trusted")
	}
	s.configure(fmt.Sprintf(inspectionPolicy, other.file, ", inspect: true"))
	eventually(t, "the authority is not trusted when another is named", untrusted)
	s.configure(fmt.Sprintf(inspectionPolicy, origins.file, ", inspect: true"))
	eventually(t, "it is trusted again", func() bool { return p.curl(proxys, cliInstaller).Code == 200 })
	text, err := os.ReadFile(other.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(origins.file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the authority is not trusted when its file has another", untrusted)
	if strings.Contains(p.said(), "only after a restart") {
		t.Error("the operator is told to restart")
	}
	p.stop()
	found := false
	for _, r := range records(t, s.audit()) {
		found = found || r.Type == audit.TypeReload && strings.Contains(r.Detail, "refused") && strings.Contains(r.Detail, "webproxy ca init")
	}
	if !found {
		t.Error("no record of the refused reload names webproxy ca init")
	}
}
