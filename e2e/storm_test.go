//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"webproxy/audit"
)

// The size of the storm: the number of looping clients, the requests of each, and the hosts of the scanner.
const (
	scanner      = "127.0.2.1"
	quiet        = "127.0.2.2"
	stormClients = 4
	stormLaps    = 400
	scannedHosts = 2500
	permitted    = 100 // requests of one client that are permitted
)

// A denied is what identical denials have in common.
type denied struct {
	client, host string
	port         int
	reason       string
}

func sum(counts map[denied]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// A storm has the responses to denied clients. It is safe for concurrent use.
type storm struct {
	t *testing.T
	p *process

	mu   sync.Mutex // guards both
	told map[denied]int
	ids  map[string][]denied // who was told this id
}

// toldDenied matches a denial in a status line.
var toldDenied = regexp.MustCompile(`webproxy denied: (\S+) (\S+):(\d+) id=(\w{6,})$`)

// from returns a client with the address client, and a function to close it.
func (s *storm) from(client string) (*http.Client, func()) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
	transport := &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: s.p.addr}),
		DialContext:     d.DialContext,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // no tunnel is ever opened
	}
	return &http.Client{Transport: transport, Timeout: patience}, transport.CloseIdleConnections
}

// ask makes a request that must be denied, and records the response.
func (s *storm) ask(c *http.Client, client, target string) {
	var said string
	resp, err := c.Get(target)
	if err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		said = resp.Status
	} else {
		said = err.Error() // for CONNECT it ends with the status line
	}
	m := toldDenied.FindStringSubmatch(said)
	if m == nil {
		s.t.Errorf("%s: %s was told %q", client, target, said)
		return
	}
	port, _ := strconv.Atoi(m[3])
	d := denied{client, m[2], port, m[1]}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told[d]++
	s.ids[m[4]] = append(s.ids[m[4]], d)
}

// loop requests the same few targets repeatedly.
func (s *storm) loop(client string, laps int, targets ...string) {
	c, closeIdle := s.from(client)
	defer closeIdle()
	for range laps {
		for _, target := range targets {
			s.ask(c, client, target)
		}
	}
}

// loopPermitted makes requests that must be permitted.
func (s *storm) loopPermitted(client, target string) {
	c, closeIdle := s.from(client)
	defer closeIdle()
	for range permitted {
		resp, err := c.Get(target)
		if err != nil || resp.StatusCode != http.StatusOK {
			s.t.Errorf("%s: %v, %v", target, resp, err)
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// scan requests always different hosts: every step-th, from first on.
func (s *storm) scan(client string, first, step int) {
	c, closeIdle := s.from(client)
	defer closeIdle()
	for i := first; i < scannedHosts; i += step {
		s.ask(c, client, fmt.Sprintf("http://h%d.scan.test/", i))
	}
}

// TestStorm makes thousands of denied requests from several clients at once: some in a loop, one with always
// different hosts, and one that makes a single request. Each is counted once for its client, in /metrics and in
// the log, even during the storm, and none is hidden. Permitted requests are
// recorded individually.
func TestStorm(t *testing.T) {
	book := new(guestbook)
	port := serveHTTP(t, "127.0.0.1:0", book)
	site := newSite(t)
	site.settings = strings.Replace(site.settings, recordEach, "", 1) // the default
	site.configure(fmt.Sprintf(`
policy:
  rules:
    - { id: open, hosts: [open.test], ports: [%d], schemes: [http], private: allow }
    - { id: never, deny: true, hosts: [never.test] }
`, port))
	p := site.start()
	s := &storm{t: t, p: p, told: make(map[denied]int), ids: make(map[string][]denied)}
	var clients sync.WaitGroup
	for n := range stormClients {
		clients.Go(func() {
			s.loop(fmt.Sprintf("127.0.1.%d", n+1), stormLaps,
				"http://shut.test/", "https://shut.test/", "http://never.test/", "http://open.test:1/")
		})
	}
	for n := range 2 { // the storm must exceed the individual records of its window
		clients.Go(func() { s.scan(scanner, n, 2) })
	}
	clients.Go(func() { s.loopPermitted(quiet, fmt.Sprintf("http://open.test:%d/", port)) })
	clients.Go(func() { s.loop(quiet, 1, "http://h1.scan.test/", "https://once.test/") })
	clients.Wait()
	total := sum(s.told)
	if want := stormClients*stormLaps*4 + scannedHosts + 2; total != want {
		t.Errorf("clients were told of %d denials, want %d", total, want)
	}
	differ(t, "the origin", book.guests(), "its client", map[guest]int{{"http", "open.test", port}: permitted})
	s.checkMetrics()
	eventually(t, fmt.Sprintf("the live log tells of %d denials", total), func() bool { return s.toldBy(site) == total })
	folded := p.gauge("webproxy_audit_folded_total")
	s.mustExplain(site, "127.0.1.1", " fix ")
	s.mustExplain(site, scanner, "hosts", ".scan.test", "webproxy explain HOST --client "+scanner)
	p.stop()
	all := records(t, site.audit())
	s.check(all)
	repeats := 0
	for _, r := range all {
		repeats += int(r.Count)
	}
	if repeats == 0 || repeats != int(folded) {
		t.Errorf("the log has %d denials that were counted, /metrics %v", repeats, folded)
	}
}

// checkMetrics compares /metrics with the responses.
func (s *storm) checkMetrics() {
	s.t.Helper()
	counted := make(map[string]int)
	for _, m := range s.p.metric("webproxy_decisions_total") {
		counted[m.labels["reason"]] += int(m.value)
	}
	want := map[string]int{"allowed_by_rule": permitted}
	for d, n := range s.told {
		want[d.reason] += n
	}
	differ(s.t, "/metrics", counted, "what clients were told", want)
}

// toldBy is the number of denials in the log of a running proxy.
func (s *storm) toldBy(site *site) (n int) {
	_, err := audit.Scan(site.audit(), audit.ScanOptions{}, func(r audit.Record) error {
		switch {
		case r.Type == audit.TypeRepeat:
			n += int(r.Count)
		case r.Type == audit.TypeDecision && r.Decision == "deny":
			n++
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// mustExplain asks about an aggregated denial, by the id in the client's response.
func (s *storm) mustExplain(site *site, client string, want ...string) {
	s.t.Helper()
	for id, who := range s.ids {
		if len(who) == 1 || who[0].client != client {
			continue
		}
		why := run(s.t, nil, binary(s.t), "why", id, "--config", filepath.Join(site.dir, "webproxy.yaml"), "--dir", site.audit())
		times := len(who)
		if who[0].client == scanner { // the decision was for one host, and is not counted with the others
			times--
		}
		for _, w := range append(want, fmt.Sprintf("DENIED %d times", times), who[0].reason) {
			if why.exit != 4 || !strings.Contains(why.stdout, w) {
				s.t.Errorf("why %s: want exit 4 and %q; got %d\n%s%s", id, w, why.exit, why.stdout, why.stderr)
			}
		}
		return
	}
	s.t.Errorf("no denial of %s was counted", client)
}

// check compares the log with the responses.
func (s *storm) check(all []audit.Record) {
	s.t.Helper()
	decided, closed := decisions(s.t, all)
	if len(closed) != permitted {
		s.t.Errorf("%d permitted requests are recorded, want %d", len(closed), permitted)
	}
	told, logged, named := make(map[denied]int), make(map[denied]int), make(map[denied]bool)
	for d, n := range s.told {
		if d.client == scanner { // not all of its hosts are named
			d = denied{client: scanner, reason: d.reason}
		}
		told[d] += n
	}
	records := make(map[string]audit.Record)
	for _, r := range all {
		d := denied{r.Client.String(), r.Host, int(r.Port), r.Reason}
		if d.client == scanner {
			d = denied{client: scanner, reason: r.Reason}
		}
		switch {
		case r.Type == audit.TypeDecision && r.Decision == "deny":
			logged[d]++
			named[d] = true
			records[r.ID] = r
		case r.Type == audit.TypeRepeat:
			logged[d] += int(r.Count)
		}
	}
	differ(s.t, "the audit log", logged, "what clients were told", told)
	for d := range told {
		if !named[d] {
			s.t.Errorf("%+v: no decision record", d)
		}
	}
	for id, who := range s.ids {
		r := records[id]
		for _, d := range who {
			same := r.Host == d.host && int(r.Port) == d.port || d.client == scanner && strings.Contains(r.Detail, "counted")
			if r.Client.String() != d.client || r.Reason != d.reason || !same {
				s.t.Errorf("%+v was told %s, which is %s %s:%d, %s", d, id, r.Client, r.Host, r.Port, r.Reason)
				break
			}
		}
	}
	s.t.Logf("%d denials, %d of %d clients and hosts; %d decision records", sum(s.told), len(s.told), stormClients+2, len(decided))
}
