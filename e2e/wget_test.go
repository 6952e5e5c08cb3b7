//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// wgetRefused is wget's exit code for an error response.
const wgetRefused = 8

// TestWget uses a client that takes the proxy from its environment.
func TestWget(t *testing.T) {
	ca := newAuthority(t)
	book := new(guestbook)
	plain, secure := serveHTTP(t, "127.0.0.1:0", book), serveTLS(t, "127.0.0.1:0", ca, book)
	s := newSite(t)
	s.configure(fmt.Sprintf(`
policy:
  rules:
    - { id: plain, hosts: [www.wget.test], ports: [%d], schemes: [http], private: allow }
    - { id: secure, hosts: [www.wget.test], ports: [%d], private: allow }
`, plain, secure))
	p := s.start()
	proxy := "http://" + p.addr
	wget := func(url string) ran {
		return run(t, []string{"http_proxy=" + proxy, "https_proxy=" + proxy},
			"wget", "--no-config", "-nv", "-S", "-t", "1", "-O", "-", "--ca-certificate="+ca.file, url)
	}

	for _, g := range []guest{{"http", "www.wget.test", plain}, {"https", "www.wget.test", secure}} {
		if r := wget(g.String() + "/"); r.exit != 0 || r.stdout != "welcome "+g.String() {
			t.Errorf("%s: exit %d, %q\n%s", g, r.exit, r.stdout, r.stderr)
		}
	}
	if r := wget(fmt.Sprintf("http://wget.test:%d/", plain)); r.exit != wgetRefused || !strings.Contains(r.stderr, "403 webproxy denied: host_not_listed wget.test") {
		t.Errorf("plain HTTP: exit %d, want %d and why\n%s", r.exit, wgetRefused, r.stderr)
	}
	// wget treats a refused CONNECT as a network failure, exit 4; it still shows the status line.
	if r := wget(fmt.Sprintf("https://wget.test:%d/", secure)); r.exit == 0 || !strings.Contains(r.stderr, "webproxy denied: host_not_listed wget.test") {
		t.Errorf("CONNECT: exit %d\n%s", r.exit, r.stderr)
	}
	if n := len(book.guests()); n != 2 {
		t.Errorf("%d guests at the origin, want 2: %v", n, book.guests())
	}
}
