//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"webproxy/audit"
)

// arrivals is an origin that remembers who came: by the path of a plain request, and by the name in
// TLS. Each request of the test has one of its own.
type arrivals struct {
	count atomic.Int64

	mu   sync.Mutex // guards came
	came map[string]bool
}

func (a *arrivals) note(who string) {
	a.mu.Lock()
	a.came[who] = true
	a.mu.Unlock()
	a.count.Add(1)
}

// ServeHTTP implements http.Handler.
func (a *arrivals) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.TLS == nil {
		a.note(r.URL.Path)
	}
	io.WriteString(rw, "ok")
}

// TestKill kills webproxy in mid-traffic, again and again. Whatever reached an origin must be in the
// audit log, whose numbers have no gap.
func TestKill(t *testing.T) {
	rounds := number(t, "E2E_KILLS", 20)
	ca := newAuthority(t)
	origin := &arrivals{came: make(map[string]bool)}
	hello := ca.config()
	hello.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		origin.note(h.ServerName)
		return nil, nil
	}
	plain := serveHTTP(t, "127.0.0.1:0", origin)
	ln := listen(t, "127.0.0.1:0")
	serve(t, tls.NewListener(ln, hello), origin)
	s := newSite(t)
	s.configure(fmt.Sprintf(`
policy:
  rules:
    - { id: plain, hosts: [plain.test], ports: [%d], schemes: [http], private: allow }
    - { id: tls, hosts: ["*.tls.test"], ports: [%d], private: allow }
`, plain, portOf(ln)))

	moments := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		p := s.start()
		stop := make(chan struct{})
		var clients sync.WaitGroup
		for n := range 6 {
			clients.Go(func() { p.askUntil(stop, ca, plain, portOf(ln), fmt.Sprintf("r%dc%d", round, n)) })
		}
		// The moment is some number of requests away, and then wherever the process happens to be.
		moment := origin.count.Load() + 1 + moments.Int64N(300)
		eventually(t, "requests reach the origin", func() bool { return origin.count.Load() >= moment })
		p.kill()
		close(stop)
		clients.Wait()
	}
	last := s.start()
	last.stop()
	checkArrivals(t, s, origin, rounds)
}

// askUntil makes requests of all kinds, one after the other, until stop is closed. That they fail
// when the proxy is killed is what happens.
func (p *process) askUntil(stop <-chan struct{}, ca *authority, plain, secure int, who string) {
	transport := &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr}),
		TLSClientConfig: &tls.Config{RootCAs: ca.pool()},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		for _, u := range []string{
			fmt.Sprintf("http://plain.test:%d/%s-%d", plain, who, i),
			fmt.Sprintf("https://%s-%d.tls.test:%d/", who, i, secure),
			fmt.Sprintf("http://denied.test:%d/%s-%d", plain, who, i),
		} {
			resp, err := client.Get(u)
			if err != nil {
				continue
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
}

// checkArrivals holds the audit log, which must be whole, against those who came.
func checkArrivals(t *testing.T, s *site, origin *arrivals, rounds int) {
	t.Helper()
	allowed := make(map[string]bool)
	kinds := make(map[audit.Type]int)
	for _, r := range records(t, s.audit()) {
		kinds[r.Type]++
		if r.Type != audit.TypeDecision {
			continue
		}
		if want := map[bool]string{true: "deny", false: "allow"}[r.Host == "denied.test"]; r.Decision != want {
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
	for who := range origin.came {
		if !allowed[who] {
			missing++
			t.Errorf("%s reached the origin and is not in the audit log", who)
		}
	}
	if kinds[audit.TypeStart] != rounds+1 || kinds[audit.TypeStop] != 1 {
		t.Errorf("%d starts and %d stops in the audit log, want %d and 1", kinds[audit.TypeStart], kinds[audit.TypeStop], rounds+1)
	}
	t.Logf("%d kills: %d arrivals, %d of them missing; records %v", rounds, len(origin.came), missing, kinds)
}
