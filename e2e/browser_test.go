//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A browser is chromium behind the proxy.
type browser struct {
	*process
	ca  *authority
	dir string // of screenshots
}

// args are those of every run: no background traffic of chromium, no upgrade of plain HTTP.
func (b *browser) args() []string {
	return []string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-features=HttpsUpgrades", // plain HTTP is intended
		"--user-data-dir=" + b.t.TempDir(),
		"--ignore-certificate-errors-spki-list=" + b.ca.pin(),
		"--proxy-server=http://" + b.addr,
		"--timeout=20000",
	}
}

// fail opens a page that cannot be loaded, and returns the error of chromium.
func (b *browser) fail(url string) string {
	b.t.Helper()
	return run(b.t, nil, "chromium", append(b.args(), "--dump-dom", url)...).stderr
}

// open opens a page and returns its document. With a name it also takes a screenshot.
func (b *browser) open(url, picture string) string {
	b.t.Helper()
	args := b.args()
	if picture == "" {
		args = append(args, "--dump-dom", url)
	} else {
		args = append(args, "--window-size=1000,640", "--screenshot="+filepath.Join(b.dir, picture), url)
	}
	r := run(b.t, nil, "chromium", args...)
	if r.exit != 0 {
		b.t.Fatalf("chromium %s: exit %d\n%s", url, r.exit, tail(r.stderr, 3000))
	}
	return r.stdout
}

// TestBrowser opens a permitted page with its subresources, and a denied one, which tells the
// reader the reason and the id of the record.
func TestBrowser(t *testing.T) {
	ca := newAuthority(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, `<!doctype html><title>portal</title><p id=out>script not run</p><script src=/page.js></script>`)
	})
	mux.HandleFunc("GET /page.js", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(rw, `document.getElementById("out").textContent = "the script of " + location.hostname`)
	})
	port := serveTLS(t, "127.0.0.1:0", ca, mux)
	s := newSite(t)
	s.configure(fmt.Sprintf("policy: { rules: [{ id: portal, hosts: [portal.test], ports: [%d], private: allow }] }\n", port))
	b := &browser{process: s.start(), ca: ca, dir: t.TempDir()}
	if keep := os.Getenv("E2E_PICTURES"); keep != "" {
		b.dir = keep
	}

	if page := b.open(fmt.Sprintf("https://portal.test:%d/", port), ""); !strings.Contains(page, "the script of portal.test") {
		t.Errorf("the permitted page is\n%s", page)
	}
	page := b.open("http://denied.test/", "")
	id := regexp.MustCompile(`webproxy why (\w{6,})`).FindStringSubmatch(page)
	if id == nil || !strings.Contains(page, "host_not_listed") || !strings.Contains(page, "denied.test:80") || !strings.Contains(page, "<html") {
		t.Fatalf("the denied page does not say why:\n%s", page)
	}
	// For a refused CONNECT a browser shows its own page, as docs/rules.md says.
	if said := b.fail("https://denied.test/"); !strings.Contains(said, "Page load failed: net::ERR_TUNNEL_CONNECTION_FAILED") {
		t.Errorf("of a refused CONNECT chromium says\n%s", tail(said, 3000))
	}
	b.open("http://denied.test/", "denied.png")
	if info, err := os.Stat(filepath.Join(b.dir, "denied.png")); err != nil || info.Size() < 5000 {
		t.Errorf("no picture of the denied page: %v", err)
	}

	b.stop()
	decided, _ := decisions(t, records(t, s.audit()))
	for _, r := range decided {
		if r.ID == id[1] {
			if r.Host != "denied.test" || r.Reason != "host_not_listed" || r.Method != "GET" {
				t.Errorf("the id on the page is of %+v", r)
			}
			return
		}
	}
	t.Errorf("the audit log has no record %s", id[1])
}
