//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"webproxy/audit"
)

// denialPolicy has, for each reason, a request that is refused for it; %d is the port of an origin.
const denialPolicy = `
policy:
  clients: { here: [127.0.0.0/8], there: [10.0.0.0/8] }
  phases: { night: { active: false } }
  rules:
    - { id: open, hosts: [open.test], ports: [%[1]d], schemes: [http, https], private: allow }
    - { id: path, url: "http://path.test:%[1]d/pub", private: allow }
    - { id: read, hosts: [read.test], ports: [%[1]d], schemes: [http], methods: [GET], private: allow }
    - { id: theirs, for: [there], hosts: [theirs.test], private: allow }
    - { id: night, hosts: [night.test], phase: night, private: allow }
    - { id: past, hosts: [past.test], expires: 2020-01-01, private: allow }
    - { id: never, deny: true, hosts: ["*.open.test"] }
    - { id: public, hosts: [public.test], ports: [%[1]d] }
    - { id: closed, hosts: [closed.test], ports: [1], schemes: [http, https], private: allow }
    - { id: unknown, hosts: [www.nowhere.test], schemes: [http, https], private: allow }
`

// phraseID finds the id in a status line.
var phraseID = regexp.MustCompile(`^HTTP/1\.1 \d+ webproxy [^\r\n]* id=(\w{6,})\r\n`)

// TestDenials checks every reason of the rules as curl -v shows it, and finds each by its id
// in the audit log.
func TestDenials(t *testing.T) {
	port := serveHTTP(t, "127.0.0.1:0", new(guestbook))
	s := newSite(t)
	s.configure(fmt.Sprintf(denialPolicy, port))
	p := s.start()
	tests := []struct {
		reason string
		args   string // of curl; PORT is the origin's port
	}{
		{"host_not_listed", "https://other.test"},
		{"host_not_listed", "http://other.test"},
		{"port_not_allowed", "https://open.test:1"},
		{"scheme_not_allowed", "https://read.test:PORT"},
		{"path_not_allowed", "http://path.test:PORT/private"},
		{"path_not_allowed", "--path-as-is http://path.test:PORT/pub/../private"},
		{"method_not_allowed", "-d x http://read.test:PORT/"},
		{"method_not_allowed", "-X TRACE http://open.test:PORT/"},
		{"client_not_allowed", "https://theirs.test"},
		{"phase_inactive", "https://night.test"},
		{"rule_expired", "https://past.test"},
		{"denied_by_rule", "https://a.open.test"},
		{"ip_literal", "https://192.0.2.1"},
		{"ip_literal", "https://[2001:db8::1]"},
	}
	var ids []string
	for _, tt := range tests {
		args := strings.Fields(strings.ReplaceAll(tt.args, "PORT", fmt.Sprint(port)))
		c := p.curl(nil, append([]string{"-v"}, args...)...)
		if m := regexp.MustCompile(`< HTTP/1.1 403 webproxy denied: (\S+) (\S+:\d+) id=(\w+)`).FindStringSubmatch(c.stderr); m == nil || m[1] != tt.reason {
			t.Errorf("curl -v %s: want the reason %s in the status line; got %v", tt.args, tt.reason, c)
			continue
		}
		ids = append(ids, checkDenial(t, tt.args, tt.reason, c))
	}
	p.stop()
	decided, _ := decisions(t, records(t, s.audit()))
	if len(decided) != len(tests) {
		t.Errorf("%d decisions in the audit log, want %d", len(decided), len(tests))
	}
	for i, r := range decided {
		if i < len(ids) && (r.ID != ids[i] || r.Reason != tests[i].reason || r.Decision != "deny" || r.Status != 403) {
			t.Errorf("%s: the audit log has %s %s %s %d", tests[i].args, r.ID, r.Decision, r.Reason, r.Status)
		}
	}
}

// checkDenial checks what every denial has, and returns its id.
func checkDenial(t *testing.T, what, reason string, c curled) string {
	t.Helper()
	m := phraseID.FindStringSubmatch(c.text)
	if m == nil {
		t.Errorf("%s: no id in the status line of %v", what, c)
		return ""
	}
	for _, field := range []string{"Server: webproxy\r\n", "Proxy-Status: webproxy; error=", "Cache-Control: no-store\r\n", "Content-Length: "} {
		if !strings.Contains(c.text, "\r\n"+field) {
			t.Errorf("%s: no %q in %v", what, field, c)
		}
	}
	if !regexp.MustCompile(`Proxy-Status: [^\r\n]*details="` + reason + ` \S+ id=` + m[1] + `"`).MatchString(c.text) {
		t.Errorf("%s: Proxy-Status does not have reason and id: %v", what, c)
	}
	return m[1]
}

// TestAddressDenial requests a listed host whose address is not public: it is
// refused when it is dialled, and the close record says so.
func TestAddressDenial(t *testing.T) {
	book := new(guestbook)
	port := serveHTTP(t, "127.0.0.1:0", book)
	s := newSite(t)
	s.configure(fmt.Sprintf(denialPolicy, port))
	p := s.start()
	c := p.curl(nil, fmt.Sprintf("https://public.test:%d", port))
	id := checkDenial(t, "a private address", "private_address", c)
	p.stop()
	if len(book.guests()) != 0 {
		t.Error("it reached the origin")
	}
	for _, r := range records(t, s.audit()) {
		if r.ID == id && r.Type == audit.TypeClose && r.Reason == "private_address" && r.Decision == "deny" {
			return
		}
	}
	t.Errorf("no close record %s with the reason private_address", id)
}

// TestDenialPage requests the page in its three formats.
func TestDenialPage(t *testing.T) {
	s := newSite(t)
	s.configure("policy: { rules: [] }\n")
	p := s.start()
	for _, tt := range []struct{ accept, want string }{
		{"*/*", "text/plain; charset=utf-8"},
		{"application/json", "application/json"},
		{"text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"},
	} {
		c := p.curl(nil, "-H", "Accept: "+tt.accept, "http://other.test/x")
		id := checkDenial(t, tt.accept, "host_not_listed", c)
		head, body, _ := strings.Cut(c.text, "\r\n\r\n")
		if !strings.Contains(head, "\r\nContent-Type: "+tt.want) {
			t.Errorf("Accept: %s: want %s; got\n%s", tt.accept, tt.want, head)
		}
		for _, word := range []string{"host_not_listed", "other.test:80", id, "webproxy explain http://other.test --client 127.0.0.1"} {
			if !strings.Contains(body, word) {
				t.Errorf("Accept: %s: no %q in the page:\n%s", tt.accept, word, body)
			}
		}
		if tt.want == "application/json" && !json.Valid([]byte(body)) {
			t.Errorf("not JSON: %s", body)
		}
	}
}

// TestDenialStatus: for clients that take a proxy's 403 for the origin's, plain HTTP can be
// refused with 503. CONNECT never is.
func TestDenialStatus(t *testing.T) {
	s := newSite(t)
	s.configure("policy: { rules: [] }\ndenial: { http_status: 503 }\n")
	p := s.start()
	if c := p.curl(nil, "http://other.test"); c.Code != 503 || !strings.Contains(c.text, "denied: host_not_listed other.test:80") {
		t.Errorf("plain HTTP: want 503; got %v", c)
	}
	if c := p.curl(nil, "https://other.test"); c.Connect != 403 {
		t.Errorf("CONNECT: want 403; got %v", c)
	}
}

// TestTrouble requests permitted origins that cannot be reached: the response must not look like
// a denial.
func TestTrouble(t *testing.T) {
	port := serveHTTP(t, "127.0.0.1:0", new(guestbook))
	s := newSite(t)
	s.configure(fmt.Sprintf(denialPolicy, port))
	p := s.start()
	tests := []struct {
		url, word string
		exit      int // of curl
	}{
		{"http://closed.test:1", "connection_refused", 0},
		{"https://closed.test:1", "connection_refused", curlNoTunnel},
		{"http://www.nowhere.test", "dns_error", 0},
		{"https://www.nowhere.test", "dns_error", curlNoTunnel},
	}
	for _, tt := range tests {
		c := p.curl(nil, tt.url)
		if m := phraseID.FindStringSubmatch(c.text); m == nil || !strings.HasPrefix(c.text, "HTTP/1.1 502 webproxy upstream: "+tt.word+" ") || c.Exit != tt.exit {
			t.Errorf("%s: want 502 and %s; got %v", tt.url, tt.word, c)
		}
		if !strings.Contains(c.text, "Proxy-Status: webproxy; error="+tt.word) || strings.Contains(c.text, "127.0.0.1:") {
			t.Errorf("%s: want a Proxy-Status with %s, and no address of the inside; got %v", tt.url, tt.word, c)
		}
	}
	p.stop()
	decided, closed := decisions(t, records(t, s.audit()))
	for i, r := range decided {
		if end := closed[r.ID]; r.Decision != "allow" || end.Decision != "allow" || end.Error != tests[i].word || end.Status != 502 {
			t.Errorf("%s: the audit log has %s, then %s %q %d", tests[i].url, r.Decision, end.Decision, end.Error, end.Status)
		}
	}
}
