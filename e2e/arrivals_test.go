//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"webproxy/audit"
)

// arrivals is an origin that records its requests: by the path of a plain request, and by the name in
// TLS. Each request of the test has its own.
type arrivals struct {
	ca                  *authority
	plain, secure, echo int // ports
	count               atomic.Int64

	mu   sync.Mutex // guards came
	came map[string]bool
}

func (a *arrivals) note(who string) {
	a.mu.Lock()
	a.came[who] = true
	a.mu.Unlock()
	a.count.Add(1)
}

// newArrivals starts an arrivals, with an echo beside it, and makes a site whose policy permits requests to both.
func newArrivals(t *testing.T) (*site, *arrivals) {
	t.Helper()
	a := &arrivals{ca: newAuthority(t), came: make(map[string]bool)}
	a.plain = serveHTTP(t, "127.0.0.1:0", a)
	hello := a.ca.config()
	hello.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		a.note(h.ServerName)
		return nil, nil
	}
	ln := listen(t, "127.0.0.1:0")
	serve(t, tls.NewListener(ln, hello), a)
	a.secure, a.echo = portOf(ln), serveRaw(t, echo)
	s := newSite(t)
	s.configure(fmt.Sprintf(`
policy:
  rules:
    - { id: plain, hosts: [plain.test], ports: [%d], schemes: [http], private: allow }
    - { id: tls, hosts: ["*.tls.test"], ports: [%d], private: allow }
    - { id: echo, hosts: [echo.test], ports: [%d], private: allow }
`, a.plain, a.secure, a.echo))
	return s, a
}

// urls are a request by plain HTTP and one in a tunnel, both permitted.
func (a *arrivals) urls(who string) []string {
	return []string{fmt.Sprintf("http://plain.test:%d/%s", a.plain, who), fmt.Sprintf("https://%s.tls.test:%d/", who, a.secure)}
}

// ServeHTTP implements http.Handler.
func (a *arrivals) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.TLS == nil {
		a.note(r.URL.Path)
	}
	io.WriteString(rw, "ok")
}

// askUntil makes requests of all kinds, one after the other, until stop is closed. They may fail
// when the proxy is killed.
func (p *process) askUntil(stop <-chan struct{}, a *arrivals, who string) {
	transport := &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr}),
		TLSClientConfig: &tls.Config{RootCAs: a.ca.Pool()},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		denied := fmt.Sprintf("http://denied.test:%d/%s-%d", a.plain, who, i)
		for _, u := range append(a.urls(fmt.Sprintf("%s-%d", who, i)), denied) {
			resp, err := client.Get(u)
			if err != nil {
				continue
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
}

// check compares the audit log, which must be complete, with the recorded requests, and returns how many records it has of
// each type.
func (a *arrivals) check(t *testing.T, s *site) (kinds map[audit.Type]int) {
	t.Helper()
	allowed := make(map[string]bool)
	kinds = make(map[audit.Type]int)
	for _, r := range records(t, s.audit()) {
		kinds[r.Type]++
		if r.Type != audit.TypeDecision {
			continue
		}
		if want := map[bool]string{true: "deny", false: "allow"}[r.Host == "denied.test"]; string(r.Decision) != want {
			t.Errorf("seq %d: %s %s%s: %s, want %s", r.Seq, r.Method, r.Host, r.Path, r.Decision, want)
		}
		who := r.Host
		if r.Method == "GET" {
			who = r.Path
		}
		if r.Decision == "allow" {
			allowed[who] = true
		}
	}
	missing := 0
	for who := range a.came {
		if !allowed[who] {
			missing++
			t.Errorf("%s reached the origin and is not in the audit log", who)
		}
	}
	t.Logf("%d arrivals, %d of them missing in the audit log; its records %v", len(a.came), missing, kinds)
	return kinds
}
