//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/setting"
)

// seed writes the log of an earlier proxy: hosts that were allowed and denied for the node 127.0.0.1, and hosts that two
// machines in learn mode, 127.0.0.2 and 127.0.0.3, reached.
func (s *site) seed(hosts int, learnt ...string) {
	s.t.Helper()
	log, err := audit.Open(audit.Options{Dir: s.audit(), Sync: setting.Off, AggregateWindow: setting.Off})
	if err != nil {
		s.t.Fatal(err)
	}
	request := func(client, group, host string, r audit.Record) {
		r.Type, r.Client, r.Group, r.Method, r.Scheme, r.Host, r.Port, r.ClientPort = audit.TypeDecision, netip.MustParseAddr(client), group, "CONNECT", "https", host, 443, 50000
		if err := log.Append(&r); err != nil {
			s.t.Fatal(err)
		}
		if !r.Decision.Permits() {
			return
		}
		end := r
		end.Type, end.Seq, end.Time, end.Status, end.BytesOut, end.BytesIn, end.Duration = audit.TypeClose, 0, time.Time{}, 200, 1200, 5400, 300*time.Millisecond
		if err := log.Append(&end); err != nil {
			s.t.Fatal(err)
		}
	}
	for i := range hosts {
		host := fmt.Sprintf("storage-account-%02d-with-a-name-of-some-length.blob.core.windows.net", i)
		if i%3 == 0 {
			request("127.0.0.1", "nodes", host, audit.Record{Decision: "deny", Reason: "host_not_listed", Mode: "enforce"})
			continue
		}
		request("127.0.0.1", "nodes", host, audit.Record{Decision: "allow", Reason: "allowed_by_rule", Rule: "approved", RuleSource: "lists/approved.txt:2", Mode: "enforce"})
	}
	for _, host := range learnt {
		for _, client := range []string{"127.0.0.2", "127.0.0.3"} {
			request(client, "wac", host, audit.Record{Decision: "would_deny", Reason: "host_not_listed", Mode: "learn"})
		}
	}
	if err := log.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// browse runs a story of the directory dashboard: each line that it prints is an error.
func browse(t *testing.T, story string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{filepath.Join("dashboard", story)}, args...)...) // with this environment, which has NODE_MODULES
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		t.Errorf("%s: %s", story, lines.Text()) // immediately, in case the story hangs later
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v", story, err)
	}
}

// pictures is the directory for the pictures of a story: E2E_PICTURES, or a temporary one.
func pictures(t *testing.T) string {
	t.Helper()
	if keep := os.Getenv("E2E_PICTURES"); keep != "" {
		return keep
	}
	return t.TempDir()
}

// validHTML checks the pages that a story saved with the Nu HTML checker, which must also find a fault in a broken page.
func validHTML(t *testing.T, dir string) {
	t.Helper()
	jar := filepath.Join(os.Getenv("NODE_MODULES"), "vnu-jar", "build", "dist", "vnu.jar")
	if _, err := os.Stat(jar); err != nil {
		t.Log("no vnu.jar: the HTML is not checked")
		return
	}
	if _, err := exec.LookPath("java"); err != nil {
		t.Log("no java: the HTML is not checked")
		return
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil || len(pages) < 4 {
		t.Fatalf("%d pages to check: %v", len(pages), err)
	}
	bad := filepath.Join(t.TempDir(), "bad.html")
	if err := os.WriteFile(bad, []byte("<!DOCTYPE html><html lang=en><title>x</title><p><table></p>"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, nil, "java", append([]string{"-Xmx400m", "-jar", jar, "--errors-only", "--format", "gnu", bad}, pages...)...)
	found := false
	for line := range strings.Lines(r.stderr) {
		if strings.Contains(line, "bad.html") {
			found = true
		} else {
			t.Errorf("HTML: %s", line)
		}
	}
	if !found {
		t.Errorf("the checker finds no fault in bad HTML: %s", r.stderr)
	}
}

func skipWithoutBrowser(t *testing.T) {
	t.Helper()
	if os.Getenv("NODE_MODULES") == "" {
		t.Skip("no node, or no playwright-core")
	}
}

// TestDashboard opens every screen of the dashboard in a browser, light and dark, wide and narrow, with axe-core and an HTML
// checker, and does what a person does: watches a request, asks why, and without script approves, rejects, and
// starts and ends a phase. See dashboard/screens.mjs. E2E_PICTURES names a directory for pictures.
func TestDashboard(t *testing.T) {
	skipWithoutBrowser(t)
	s := newSite(t)
	s.write("lists/approved.txt", "# ours\nsoon.example.com:443 by=anna reason=CHG-7\n*.blob.core.windows.net:443 by=anna reason=CHG-8\n")
	s.configure(`policy:
  clients: { nodes: [127.0.0.1], wac: [127.0.0.2, 127.0.0.3] }
  modes: { wac: learn }
  phases: { onboarding: {} }
  rules: [{ id: hci, list: hci }, { id: never, hosts: [pastebin.com], deny: true }, { id: approved, file: lists/approved.txt }]
`)
	s.seed(40, "updates.alpha.example", "telemetry.beta.example")
	p := s.start()
	for _, host := range []string{"a.example.com", "verylonglabel-acct9f3-with-many-words.blob.core.windows.net", "pastebin.com"} {
		run(t, nil, "curl", "-s", "-o", os.DevNull, "-x", "http://"+p.addr, "http://"+host+"/")
	}
	link := run(t, nil, binary(t), "dashboard", "open", "-c", filepath.Join(s.dir, "webproxy.yaml"))
	if link.exit != 0 {
		t.Fatalf("dashboard open: exit %d\n%s", link.exit, link.stderr)
	}
	dir := pictures(t)
	browse(t, "screens.mjs", "http://"+p.admin, strings.TrimSpace(link.stdout), "http://"+p.addr, dir)
	p.stop()
	validHTML(t, filepath.Join(dir, "html"))
	printed(t, filepath.Join(dir, "report.pdf"), 40, 47) // and seven that the story requests
}

var pdfPage = regexp.MustCompile(`/Type\s*/Page\b[^s]`)

// printed reports whether the printed report is short and has the full names of all seeded hosts.
func printed(t *testing.T, path string, seeded, all int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n, most := len(pdfPage.FindAll(data, -1)), 2*((all+39)/40); n == 0 || n > most {
		t.Errorf("the report of %d hosts has %d pages, want %d at most", all, n, most)
	}
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Log("no pdftotext: the text of the report is not looked at")
		return
	}
	text := strings.Join(strings.Fields(run(t, nil, "pdftotext", "-raw", path, "-").stdout), "") // names may be broken at the end of a line
	for i := range seeded {
		if host := fmt.Sprintf("storage-account-%02d-with-a-name-of-some-length.blob.core.windows.net", i); !strings.Contains(text, host) {
			t.Errorf("the printed report has no whole %s", host)
		}
	}
}

// TestDashboardPeople logs people in to the dashboard: a wrong password, a lock-out, a reader, two approvers, with and
// without script. Approvals on Denied and on Learn are in the list file and take effect, rejections are
// remembered, and if two decide at once the second is told what the first did. See dashboard/people.mjs.
func TestDashboardPeople(t *testing.T) {
	skipWithoutBrowser(t)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "here I am") }))
	t.Cleanup(origin.Close)
	_, port, err := net.SplitHostPort(origin.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	s.write("lists/approved.txt", "# ours\nsoon.example.com:443 by=anna reason=CHG-7\n")
	s.configure(`policy:
  clients: { nodes: [127.0.0.1], wac: [127.0.0.2, 127.0.0.3] }
  modes: { wac: learn }
  phases: { onboarding: {} }
  rules: [{ id: approved, file: lists/approved.txt, private: allow }]
`)
	s.seed(0, "login.microsoftonline.com", "management.azure.com", "updates.alpha.example", "updates.beta.example", "updates.gamma.example",
		"updates.delta.example", "updates.epsilon.example", "updates.zeta.example")
	config := filepath.Join(s.dir, "webproxy.yaml")
	s.write("password", "correct horse battery\n")
	for name, role := range map[string]string{"anna": "approver", "bert": "approver", "rita": "reader", "lena": "approver"} {
		if r := run(t, nil, binary(t), "dashboard", "user", "add", name, "--role", role, "--password-file", filepath.Join(s.dir, "password"), "-c", config); r.exit != 0 {
			t.Fatalf("dashboard user add: %s", r.stderr)
		}
	}
	p := s.start()
	dir := pictures(t)
	browse(t, "people.mjs", "http://"+p.admin, "http://"+p.addr, s.dir, port, dir)
	p.stop()
	validHTML(t, filepath.Join(dir, "html"))

	// The decisions have taken effect for requests.
	got := map[string]string{}
	for _, r := range records(t, s.audit()) {
		if r.Type == audit.TypeDecision {
			got[r.Host] += string(r.Decision) + " "
		}
	}
	for host, last := range map[string]string{"one.example.com": "allow", "two.example.com": "allow", "no-one.example.com": "deny", "updates.alpha.example": "allow", "updates.gamma.example": "allow"} {
		if all := strings.Fields(got[host]); len(all) == 0 || all[len(all)-1] != last {
			t.Errorf("%s: %q, want %s in the end", host, got[host], last)
		}
	}

	// The next process remembers rejections too; unanswered proposals are shown again.
	p = s.start()
	page := ""
	eventually(t, "the log is read for Learn", func() bool {
		_, page = p.get("/learn")
		return strings.Contains(page, "updates.zeta.example")
	})
	for _, name := range []string{"alpha", "beta", "gamma", "delta", "epsilon"} {
		if strings.Contains(page, "updates."+name+".example") {
			t.Errorf("updates.%s.example was answered, and is proposed again", name)
		}
	}
	p.stop()
}
