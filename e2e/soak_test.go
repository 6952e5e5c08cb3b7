//go:build e2e

package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"webproxy/audit"
)

const (
	soakClients   = 8
	soakLife      = 45 * time.Second // how long a process runs before it is killed
	soakReloads   = 1200 * time.Millisecond
	soakBodyBytes = 200 << 10
)

// A soaker has the results of the clients of TestSoak. It is safe for concurrent use.
type soaker struct {
	origin *arrivals
	opened int // port of the origin whose TLS is inspected
	trust  *tls.Config

	mu     sync.Mutex
	served map[string]bool // by request
	denied map[string]bool // by id of the record
	kinds  map[string]int  // of responses
	failed int             // no complete response: the process was killed
}

// soakAsk is a kind of request. Its response is 200 with the body "ok" and more, or a denial.
type soakAsk struct {
	kind   string
	method string
	url    func(s *soaker, who string) string
	body   int
	denied bool
}

var soakAsks = []soakAsk{
	{"plain GET", "GET", func(s *soaker, who string) string { return fmt.Sprintf("http://plain.test:%d/%s", s.origin.plain, who) }, 0, false},
	{"plain POST", "POST", func(s *soaker, who string) string { return fmt.Sprintf("http://plain.test:%d/%s", s.origin.plain, who) }, soakBodyBytes, false},
	{"tunnel GET", "GET", func(s *soaker, who string) string {
		return fmt.Sprintf("https://%s.tls.test:%d/", who, s.origin.secure)
	}, 0, false},
	{"opened GET", "GET", func(s *soaker, who string) string { return fmt.Sprintf("https://opened.test:%d/in/%s", s.opened, who) }, 0, false},
	{"opened POST", "POST", func(s *soaker, who string) string { return fmt.Sprintf("https://opened.test:%d/in/%s", s.opened, who) }, soakBodyBytes, false},
	{"opened denied", "GET", func(s *soaker, who string) string { return fmt.Sprintf("https://opened.test:%d/out/%s", s.opened, who) }, 0, true},
	{"plain denied", "GET", func(s *soaker, who string) string {
		return fmt.Sprintf("http://denied.test:%d/%s", s.origin.plain, who)
	}, 0, true},
}

var soakID = regexp.MustCompile(`\bid[=:] ?(\w{6,})`)

// ask makes one request and notes its result.
func (s *soaker) ask(c *http.Client, a soakAsk, who string) {
	req, err := http.NewRequest(a.method, a.url(s, who), bytes.NewReader(make([]byte, a.body)))
	if err != nil {
		panic(err) // the URLs are ours
	}
	resp, err := c.Do(req)
	var b []byte
	if err == nil {
		b, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch id := soakID.FindSubmatch(b); {
	case err != nil:
		s.failed++
	case resp.StatusCode == 403 && id != nil:
		s.denied[string(id[1])] = a.denied
		s.kinds[a.kind]++
	case resp.StatusCode == 200 && string(b) == "ok":
		s.served[who] = !a.denied
		s.kinds[a.kind]++
	default: // the proxy is stopping
		s.failed++
	}
}

// run makes requests until stop is closed, by HTTP/1.1 and HTTP/2.
func (s *soaker) run(p *process, stop <-chan struct{}, name string, h2 bool) {
	transport := &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr}), TLSClientConfig: s.trust.Clone(), ForceAttemptHTTP2: h2,
	}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport, Timeout: patience}
	for i := 0; ; i++ {
		for k, a := range soakAsks {
			select {
			case <-stop:
				return
			default:
			}
			s.ask(c, a, fmt.Sprintf("%s-%d-%d", name, i, k))
		}
	}
}

// TestSoak has clients make requests in all ways for E2E_SOAK_MINUTES, while the policy is reloaded and the process killed. Then
// the responses, the requests at origins and the log must agree, and the last process must have
// no more descriptors than at its start. See e2e/soak.
func TestSoak(t *testing.T) {
	minutes, _ := strconv.Atoi(os.Getenv("E2E_SOAK_MINUTES"))
	if minutes == 0 {
		t.Skip("E2E_SOAK_MINUTES is not set: see e2e/soak")
	}
	s, origin := newArrivals(t)
	opened := serveTLS(t, "127.0.0.1:0", origin.ca, origin)
	rules := fmt.Sprintf(`
inspection: { roots: [%q] }
policy:
  rules:
    - { id: plain, hosts: [plain.test], ports: [%d], schemes: [http], private: allow }
    - { id: tls, hosts: ["*.tls.test"], ports: [%d], private: allow }
    - { id: opened, url: "https://opened.test:%d/in", inspect: true, private: allow }
`, origin.ca.file, origin.plain, origin.secure, opened)
	s.configure(rules)
	for _, args := range [][]string{{"init", "--only", "opened.test"}, {"export"}} {
		r := run(t, nil, binary(t), append(append([]string{"ca"}, args...), "--config", filepath.Join(s.dir, "webproxy.yaml"))...)
		if r.exit != 0 {
			t.Fatalf("webproxy ca %s: exit %d\n%s", args, r.exit, r.stderr)
		}
		s.write("proxy-ca.pem", r.stdout)
	}
	pool := origin.ca.Pool()
	pem, err := os.ReadFile(filepath.Join(s.dir, "proxy-ca.pem"))
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("proxy-ca.pem: %v", err)
	}
	k := &soaker{
		origin: origin, opened: opened, trust: &tls.Config{RootCAs: pool},
		served: map[string]bool{}, denied: map[string]bool{}, kinds: map[string]int{},
	}
	began, kills, reloads := time.Now(), 0, 0
	maxFiles, maxRSS := 0, 0
	var last *process
	for round := 0; ; round++ {
		p := s.start()
		atStart := p.openFiles()
		stop := make(chan struct{})
		var clients sync.WaitGroup
		for n := range soakClients {
			clients.Go(func() { k.run(p, stop, fmt.Sprintf("r%dc%d", round, n), n%2 == 1) })
		}
		ends := time.Since(began) + soakLife
		for tick := time.NewTicker(soakReloads); time.Since(began) < ends && time.Since(began) < time.Duration(minutes)*time.Minute; <-tick.C {
			reloads++
			s.configure(rules + fmt.Sprintf("    - { id: more, hosts: [more%d.test], private: allow }\n", reloads))
			maxFiles, maxRSS = max(maxFiles, p.openFiles()), max(maxRSS, p.memory("VmRSS"))
		}
		if time.Since(began) < time.Duration(minutes)*time.Minute {
			p.kill()
			kills++
		}
		close(stop)
		clients.Wait()
		if time.Since(began) >= time.Duration(minutes)*time.Minute {
			eventually(t, "clients have gone", func() bool { return p.gauge("webproxy_open_connections") == 0 })
			// The next policy closes pooled connections.
			s.configure(rules)
			eventually(t, "as few descriptors as at the start", func() bool { return p.openFiles() <= atStart+8 })
			t.Logf("descriptors: %d at the start of the last process, %d at its end; %d at most", atStart, p.openFiles(), maxFiles)
			last = p
			break
		}
	}
	last.stop()
	k.check(t, records(t, s.audit()), kills)
	t.Logf("%d minutes: %d answers %v, %d failed when the process was killed; %d kills, %d reloads; %d MiB at most",
		minutes, len(k.served)+len(k.denied), k.kinds, k.failed, kills, reloads, maxRSS>>10)
}

// memory is a figure of /proc/PID/status, in KiB.
func (p *process) memory(field string) int {
	p.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var n int
		if _, err := fmt.Sscanf(line, field+": %d kB", &n); err == nil {
			return n
		}
	}
	p.t.Fatalf("/proc tells no %s", field)
	return 0
}

// check compares responses, requests at origins, and the log.
func (k *soaker) check(t *testing.T, all []audit.Record, kills int) {
	t.Helper()
	allowed, denials, ended, decided, open := map[string]bool{}, map[string]bool{}, map[string]bool{}, 0, 0
	for _, r := range all {
		ended[r.ID] = ended[r.ID] || r.Type == audit.TypeClose
	}
	for _, r := range all {
		if r.Type != audit.TypeDecision {
			continue
		}
		decided++
		if r.Decision == "deny" {
			denials[r.ID] = true
			continue
		}
		// Requests have their id in the path, tunnels in the host.
		who := strings.TrimPrefix(strings.TrimPrefix(r.Path, "/in"), "/")
		if r.Method == "CONNECT" {
			who = strings.TrimSuffix(r.Host, ".tls.test")
		}
		allowed[who] = true
		if !ended[r.ID] {
			open++
		}
	}
	wrong := 0
	complain := func(format string, args ...any) {
		if wrong++; wrong <= 20 {
			t.Errorf(format, args...)
		}
	}
	for who, ok := range k.served {
		if !ok || !allowed[who] {
			complain("%s was served, to be denied: %v; allowed in the log: %v", who, !ok, allowed[who])
		}
	}
	for id, ok := range k.denied {
		if !ok || !denials[id] {
			complain("denial %s: to be served: %v; in the log: %v", id, !ok, denials[id])
		}
	}
	for _, who := range slices.Sorted(maps.Keys(k.origin.came)) {
		name := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(who, "/in"), "/"), ".tls.test")
		if name != "opened.test" && !allowed[name] {
			complain("%s reached an origin and is not allowed in the log", who)
		}
	}
	if kills == 0 && open > 0 {
		complain("%d requests have no end in the log", open)
	}
	t.Logf("log: %d records, %d decisions, %d denials, %d without an end when the process was killed; %d arrivals; %d disagree",
		len(all), decided, len(denials), open, len(k.origin.came), wrong)
}
