//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDashboard shows every screen of the dashboard to a browser, light and dark, wide and narrow, by axe-core, and does
// there what a person does: watches a request come, asks why, and without script logs in, approves, rejects, and starts
// and ends a phase. See dashboard/screens.mjs. E2E_PICTURES names a directory for pictures.
func TestDashboard(t *testing.T) {
	modules := os.Getenv("NODE_MODULES")
	if modules == "" {
		t.Skip("no node, or no playwright-core")
	}
	s := newSite(t)
	s.write("lists/approved.txt", "# ours\nsoon.example.com:443 by=anna reason=CHG-7\n")
	s.configure(`policy:
  clients: { nodes: [127.0.0.1] }
  phases: { onboarding: {} }
  rules: [{ id: hci, list: hci }, { id: never, hosts: [pastebin.com], deny: true }, { id: approved, file: lists/approved.txt }]
`)
	p := s.start()
	for _, host := range []string{"a.example.com", "verylonglabel-acct9f3-with-many-words.blob.core.windows.net", "pastebin.com"} {
		run(t, nil, "curl", "-s", "-o", os.DevNull, "-x", "http://"+p.addr, "http://"+host+"/")
	}
	link := run(t, nil, binary(t), "dashboard", "open", "-c", filepath.Join(s.dir, "webproxy.yaml"))
	if link.exit != 0 {
		t.Fatalf("dashboard open: exit %d\n%s", link.exit, link.stderr)
	}
	pictures := t.TempDir()
	if keep := os.Getenv("E2E_PICTURES"); keep != "" {
		pictures = keep
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*patience)
	defer cancel()
	browse := exec.CommandContext(ctx, "node", filepath.Join("dashboard", "screens.mjs"), "http://"+p.admin, strings.TrimSpace(link.stdout), "http://"+p.addr, pictures)
	if out, err := browse.CombinedOutput(); err != nil { // by this environment, which names NODE_MODULES
		t.Errorf("%v\n%s", err, tail(string(out), 4000))
	}
	p.stop()
}
