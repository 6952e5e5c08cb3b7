package dashboard

import (
	"context"
	"encoding/json"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/pagestyle"
	"webproxy/internal/setting"
	"webproxy/jobs"
	"webproxy/live"
	"webproxy/policy"
)

// evil is hostile text: markup, a template, terminal escapes, bidirectional controls.
const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>"'&{{.}}` + "\u202e\x1b[31m"

// A site is a dashboard over a log of its own.
type site struct {
	t   *testing.T
	dir string
	srv *Server
	p   *Pages
}

func newSite(t *testing.T, records ...audit.Record) *site {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("lists/approved.txt", "# ours\nok.example.com:443 by=anna reason=CHG-1\n")
	write("webproxy.yaml", `listen: "127.0.0.1:0"
policy:
  clients: { nodes: [10.0.1.0/24], wac: [10.0.2.10] }
  modes: { nodes: enforce, wac: learn }
  phases: { updates: {} }
  rules: [{ id: wild, hosts: ["*.wild.example.com"] }, { id: approved, file: lists/approved.txt }]
audit: { dir: `+filepath.Join(dir, "audit")+` }
`)
	cfg, err := config.Load(filepath.Join(dir, "webproxy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	options := cfg.Audit.WithDefaults()
	log, err := audit.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if err := log.Append(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	feed := &live.Feed{}
	follower := &live.Follower{Dir: options.Dir, Feed: feed}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { follower.Run(ctx) })
	wg.Go(func() { feed.Run(ctx) })
	p := &Pages{Config: func() *config.Config { return cfg }, Audit: options, Live: follower, Feed: feed, Jobs: &jobs.Runner{}, Status: &Status{}, Version: "test"}
	p.Audit.Site = evil
	t.Cleanup(func() { cancel(); p.Jobs.Close(); wg.Wait() })
	screens, err := p.Handler()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t, dir, &Server{Status: p.Status, Pages: screens, Listen: "127.0.0.1:9091"}, p}
	for deadline := time.Now().Add(time.Minute); ; {
		counted := false
		follower.View(func(v *live.View) { counted = v.Counted })
		if counted {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatal("the log was not counted")
		}
	}
}

func (s *site) get(path string) (*http.Response, string) {
	s.t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.Host, r.RemoteAddr = "127.0.0.1:9091", "127.0.0.1:50000"
	w := httptest.NewRecorder()
	s.srv.ServeHTTP(w, r)
	return w.Result(), strings.ReplaceAll(w.Body.String(), "<wbr>", "") // long names may be broken there
}

// request is a record of a request of the node 10.0.1.11.
func request(host string, decision policy.Outcome, reason string) audit.Record {
	return audit.Record{Type: audit.TypeDecision, Client: netip.MustParseAddr("10.0.1.11"), Group: "nodes", Method: "CONNECT", Scheme: "https",
		Host: host, Port: 443, Decision: decision, Reason: reason}
}

// screens are the paths of all screens.
func screens() []string {
	return []string{"/", "/live", "/live?by=host", "/denied", "/denied?period=all", "/learn", "/policy", "/policy?state=unused", "/policy/whatif", "/clients",
		"/clients?a=10.0.1.11&b=10.0.1.12", "/decisions", "/reports", "/why", "/why?q=https://portal.azure.com&client=nodes"}
}

// Hostile text is shown as text on every screen and in every file, without bidirectional controls.
func TestHostileText(t *testing.T) {
	hostile := request(evil, "deny", evil)
	hostile.Group, hostile.ClientName, hostile.Path, hostile.Method, hostile.Rule, hostile.SNI = evil, evil, evil, evil, evil, evil
	long := request(strings.Repeat("<b>x", 16<<10), "deny", "host_not_listed")
	let := request("x.example.com", "would_deny", "host_not_listed")
	let.Rule = evil
	s := newSite(t, hostile, long, let,
		audit.Record{Type: audit.TypeApprove, By: evil, Ticket: evil, Detail: evil, Added: []string{evil}, Removed: []string{evil}},
		audit.Record{Type: audit.TypeShip, Detail: evil})
	paths := append(screens(), "/why?q="+url.QueryEscape(evil), "/denied?q="+url.QueryEscape(evil), "/live?q="+url.QueryEscape(evil),
		"/policy?host="+url.QueryEscape(evil), "/clients?a="+url.QueryEscape(evil)+"&b=x", "/denied?after="+url.QueryEscape(evil)+"&table=denied",
		"/decide?scheme=https&port=443&client=10.0.1.11&host="+url.QueryEscape(evil), "/decide?scheme=https&port=443&client=10.0.1.11&host=a.example.com&x="+url.QueryEscape(evil),
		"/login?next="+url.QueryEscape("/"+evil), "/login/"+url.PathEscape(evil))
	shown := 0
	for _, path := range paths {
		r, text := s.get(path)
		if r.StatusCode != 200 {
			t.Errorf("%s: %d %.200s", path, r.StatusCode, text)
		}
		for _, bad := range []string{"<script>", "<img", "<b>x", "\u202e", "\x1b", "ZgotmplZ"} {
			if i := strings.Index(text, bad); i >= 0 {
				t.Errorf("%s has %q: %.200q", path, bad, text[max(0, i-80):])
			}
		}
		shown += strings.Count(text, "&lt;script&gt;")
		if len(text) > 200<<10 {
			t.Errorf("%s is %d bytes", path, len(text))
		}
	}
	if shown < 20 {
		t.Errorf("what was sent is shown %d times", shown)
	}
	for _, path := range []string{"/denied?format=csv", "/decisions?format=csv", "/live?format=csv", "/denied?format=ndjson"} {
		r, text := s.get(path)
		if r.StatusCode != 200 || !strings.Contains(text, "<script>alert") || strings.ContainsAny(text, "\u202e\x1b") || r.Header.Get("Content-Disposition") == "" {
			t.Errorf("%s: %d, %v %.300q", path, r.StatusCode, r.Header, text)
		}
	}
}

// The Content-Security-Policy permits nothing inline and nothing from other origins. A page of another origin can neither frame, read nor
// write.
func TestPolicyOfContent(t *testing.T) {
	s := newSite(t)
	for _, path := range append(screens(), "/style.css", "/app.js", "/nothing") {
		r, text := s.get(path)
		csp := r.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: Content-Security-Policy %q", path, csp)
		}
		for name, want := range map[string]string{"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s %q, want %q", path, name, got, want)
			}
		}
		for _, bad := range []string{" style=", "<style", "onclick=", "http://", "//cdn"} {
			if strings.Contains(strings.ReplaceAll(text, "http://127.0.0.1", ""), bad) && r.StatusCode == 200 && !strings.HasSuffix(path, ".js") {
				t.Errorf("%s has %q", path, bad)
			}
		}
	}
	for _, tt := range []struct {
		host, site, origin string
		want               int
	}{
		{"127.0.0.1:9091", "same-origin", "http://127.0.0.1:9091", 303},
		{"127.0.0.1:9091", "", "", 303}, // not a browser
		{"127.0.0.1:9091", "cross-site", "https://evil.example", 403},
		{"127.0.0.1:9091", "same-site", "http://127.0.0.1:8080", 403},
		{"127.0.0.1:9091", "", "https://evil.example", 403},
		{"rebind.example:9091", "same-origin", "http://rebind.example:9091", 421},
	} {
		r := httptest.NewRequest("POST", "/learn/read", nil)
		r.Host, r.RemoteAddr = tt.host, "127.0.0.1:50000"
		if tt.site != "" {
			r.Header.Set("Sec-Fetch-Site", tt.site)
		}
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		w := httptest.NewRecorder()
		s.srv.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("POST with Host %s, Sec-Fetch-Site %q, Origin %q: %d, want %d", tt.host, tt.site, tt.origin, w.Code, tt.want)
		}
	}
}

// The style sheet and the script are within their size limits.
func TestWeight(t *testing.T) {
	if n := len(pagestyle.CSS); n > 10<<10 {
		t.Errorf("the style sheet has %d bytes", n)
	}
	if n := len(script); n > 8<<10 {
		t.Errorf("the script has %d bytes", n)
	}
}

// Overview agrees with /readyz about whether requests are accepted.
func TestOverviewReadiness(t *testing.T) {
	s := newSite(t)
	s.p.Status.SetReady(true)
	refusing := false
	s.p.Refusing = func() bool { return refusing }
	if _, text := s.get("/"); !strings.Contains(text, "Ready.") || strings.Contains(text, "Not ready") {
		t.Errorf("ready:\n%s", text)
	}
	refusing = true
	if _, text := s.get("/"); !strings.Contains(text, "Not ready: every request is refused") {
		t.Errorf("refusing:\n%s", text)
	}
	s.p.Status.SetReady(false)
	refusing = false
	if _, text := s.get("/"); !strings.Contains(text, "Not ready: no request is taken") {
		t.Errorf("not ready:\n%s", text)
	}
}

// A denied host is shown once, with its count, its clients and the current decision. The filter and the
// files have the same rows.
func TestDenied(t *testing.T) {
	s := newSite(t, request("ok.example.com", "deny", "host_not_listed"), request("no.example.com", "deny", "host_not_listed"),
		request("no.example.com", "deny", "host_not_listed"), request("fine.example.com", "allow", "allowed"))
	_, text := s.get("/denied")
	for _, want := range []string{"no.example.com:443", "now allowed by", "lists/approved.txt", "denied: host_not_listed", "10.0.1.11"} {
		if !strings.Contains(text, want) {
			t.Errorf("/denied has no %q", want)
		}
	}
	if strings.Contains(text, "fine.example.com") || strings.Count(text, ">no.example.com:443<") != 1 {
		t.Errorf("/denied:\n%s", text)
	}
	_, text = s.get("/denied?format=ndjson&q=" + url.QueryEscape("host = no.example.com"))
	var row struct {
		Target   string
		Requests int
	}
	if err := json.Unmarshal([]byte(text), &row); err != nil || row.Target != "no.example.com:443" || row.Requests != 2 {
		t.Errorf("filtered: %v %+v\n%s", err, row, text)
	}
	if _, text = s.get("/denied?q=" + url.QueryEscape("bytes_out > 5")); !strings.Contains(text, "knows no other field") {
		t.Error("a filter that counts cannot answer is obeyed")
	}
	if _, text = s.get("/denied?q=hots%3Da"); !strings.Contains(text, "hots") || !strings.Contains(text, "^") {
		t.Errorf("a wrong filter is not pointed at:\n%s", text)
	}
}

// A large table has pages of 100 rows, which together have each row once, and a file with all rows.
func TestPagesOfTable(t *testing.T) {
	var records []audit.Record
	for i := range 250 {
		records = append(records, request("h"+strings.Repeat("x", i%3)+string(rune('a'+i%26))+string(rune('a'+i/26))+".example.com", "deny", "host_not_listed"))
	}
	s := newSite(t, records...)
	seen := map[string]int{}
	path := "/denied"
	for range 5 {
		_, text := s.get(path)
		rows := 0
		for part := range strings.SplitSeq(text, "<td class=\"h\" data-head=\"Host\">") {
			if i := strings.Index(part, ".example.com:443</a>"); i > 0 {
				seen[part[strings.Index(part, ">")+1:i]]++
				rows++
			}
		}
		if rows > pageRows {
			t.Errorf("%s has %d rows", path, rows)
		}
		_, rest, more := strings.Cut(text, "first page</a>")
		if !more {
			rest = text
		}
		i := strings.Index(rest, `">next page</a>`)
		if i < 0 {
			break
		}
		path = html.UnescapeString(rest[strings.LastIndex(rest[:i], `"`)+1 : i])
	}
	_, csv := s.get("/denied?format=csv")
	if n := strings.Count(csv, "\n"); n != len(seen)+1 || len(seen) < 200 {
		t.Errorf("%d rows on the pages, %d lines in the file", len(seen), n)
	}
	for host, n := range seen {
		if n != 1 {
			t.Errorf("%s is on %d pages", host, n)
		}
	}
}

// Live, grouped by host, counts more requests than a page has rows, and offers its own rows as files, not those of the ungrouped page.
func TestLiveByHost(t *testing.T) {
	var records []audit.Record
	for range 150 {
		records = append(records, request("a.example.com", "deny", "host_not_listed"))
	}
	s := newSite(t, records...)
	_, text := s.get("/live?by=host")
	if n := strings.Count(text, "format=csv"); n != 1 || !strings.Contains(text, "by=host&amp;format=csv") || !strings.Contains(text, "--by host,port,decision,reason") {
		t.Errorf("%d links to CSV:\n%s", n, text)
	}
	if _, csv := s.get("/live?by=host&format=csv"); strings.Count(csv, "\n") != 2 || !strings.Contains(csv, ",150,") {
		t.Errorf("by host:\n%s", csv)
	}
	if _, text := s.get("/live"); strings.Count(text, "format=csv") != 1 || strings.Contains(text, "by=host") {
		t.Errorf("not by host:\n%s", text)
	}
}

// Why explains an id or an address as the commands do, and names the command.
func TestWhyPage(t *testing.T) {
	s := newSite(t, request("no.example.com", "deny", "host_not_listed"))
	id := s.p.Live.Recent(1, func(*audit.Record) bool { return true })[0].ID
	// answer is the page after all lookups have ended.
	answer := func(path string) string {
		for {
			if _, text := s.get(path); !strings.Contains(text, "data-refresh") || t.Context().Err() != nil {
				return text
			}
			for _, job := range []string{"why ", "safe "} {
				s.p.Jobs.Wait(t.Context(), job+strings.ToUpper(strings.TrimPrefix(path, "/why?q=")))
			}
		}
	}
	if text := answer("/why?q=" + strings.ToLower(id)); !strings.Contains(text, "DENIED") || !strings.Contains(text, "webproxy why "+id) || !strings.Contains(text, "safe?") {
		t.Errorf("by id:\n%s", text)
	}
	if _, text := s.get("/why?q=https://ok.example.com&client=nodes"); !strings.Contains(text, "ALLOWED") || !strings.Contains(text, "webproxy explain") {
		t.Errorf("by address:\n%s", text)
	}
	if text := answer("/why?q=ZZZZZZ"); !strings.Contains(text, "no such decision") {
		t.Errorf("an id that is not there:\n%s", text)
	}
}

// The log can be verified, and its report read, from the pages.
func TestReportsPage(t *testing.T) {
	s := newSite(t, request("no.example.com", "deny", "host_not_listed"))
	r := httptest.NewRequest("POST", "/reports/verify", nil)
	r.Host, r.RemoteAddr = "127.0.0.1", "127.0.0.1:50000"
	w := httptest.NewRecorder()
	s.srv.ServeHTTP(w, r)
	s.p.Jobs.Wait(t.Context(), VerifyJob)
	if _, text := s.get("/reports"); w.Code != 303 || !strings.Contains(text, "INTEGRITY OK") {
		t.Errorf("verify: %d\n%s", w.Code, text)
	}
	month := time.Now().UTC().Format("2006-01")
	s.get("/reports/" + month)
	s.p.Jobs.Wait(t.Context(), "report "+month)
	got, text := s.get("/reports/" + month)
	if !strings.Contains(text, "no.example.com") || !strings.Contains(text, "INTEGRITY OK") || strings.Contains(got.Header.Get("Content-Security-Policy"), "unsafe") {
		t.Errorf("report: %v\n%.2000s", got.Header, text)
	}
}

// A viewer is sent each new request, and the stream ends with the viewer.
func TestEvents(t *testing.T) {
	s := newSite(t)
	srv := httptest.NewServer(s.srv)
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/live/events?q=" + url.QueryEscape("decision = deny"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type %q", got)
	}
	log, err := audit.Open(audit.Options{Dir: s.p.Audit.Dir, Key: s.p.Audit.Key})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, r := range []audit.Record{request("fine.example.com", "allow", "allowed"), request(evil, "deny", "host_not_listed")} {
		if err := log.Append(&r); err != nil {
			t.Fatal(err)
		}
	}
	var got string
	buf := make([]byte, 4096)
	for !strings.Contains(got, "\n\n") || !strings.Contains(got, "data:") {
		n, err := resp.Body.Read(buf)
		got += string(buf[:n])
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
	}
	if strings.Contains(got, "fine.example") || !strings.Contains(got, `\u003cscript\u003e`) || strings.Contains(got, "<script") {
		t.Errorf("the stream is %q", got)
	}
}

// writesOf is a listener whose connections report what is written to them, each write on its own.
type writesOf struct {
	net.Listener
	report func(string)
}

func (l writesOf) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &reportedConn{c, l.report}, err
}

type reportedConn struct {
	net.Conn
	report func(string)
}

func (c *reportedConn) Write(b []byte) (int, error) {
	c.report(string(b))
	return c.Conn.Write(b)
}

// A frame, even a large one, is written at once: with 200 viewers each further write is what watching costs.
func TestFrameIsOneWrite(t *testing.T) {
	s := newSite(t)
	srv := httptest.NewUnstartedServer(s.srv)
	var mu sync.Mutex
	var writes []string
	srv.Listener = writesOf{srv.Listener, func(text string) {
		mu.Lock()
		defer mu.Unlock()
		writes = append(writes, text)
	}}
	srv.Start()
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/live/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	log, err := audit.Open(audit.Options{Dir: s.p.Audit.Dir, Key: s.p.Audit.Key, AggregateWindow: setting.Off})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	const rows = 20
	for range rows {
		r := request("a.example.com", "deny", strings.Repeat("r", 200))
		r.Path, r.ClientName = "/"+strings.Repeat("p", 200), strings.Repeat("c", 200)
		if err := log.Append(&r); err != nil {
			t.Fatal(err)
		}
	}
	seen, buf := 0, make([]byte, 64<<10)
	for seen < rows {
		n, err := resp.Body.Read(buf)
		seen += strings.Count(string(buf[:n]), `"target"`)
		if err != nil {
			t.Fatalf("%v after %d rows", err, seen)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	large := 0
	for _, w := range writes[1:] { // the first is the head, with what follows it
		if len(w) > 4096 {
			large++
		}
		if w != ": \n\n" && (!strings.HasPrefix(w, "data: ") || !strings.HasSuffix(w, "}\n\n")) {
			t.Errorf("%d bytes are no whole frame: %.40q ... %q", len(w), w, w[max(len(w)-20, 0):])
		}
	}
	if large == 0 {
		t.Errorf("%d writes, none of which is large", len(writes))
	}
}

// A decision that is no longer in force is shown as such, with the time at which it ended.
func TestDecisionsPage(t *testing.T) {
	s := newSite(t, audit.Record{Type: audit.TypeApprove, By: "anna", Ticket: "CHG-1", Detail: "1 entry approved",
		Added: []string{"allow approved old.example.com:443 expires=1796097684", "phase x active=true"}})
	_, text := s.get("/decisions")
	if !strings.Contains(text, "old.example.com:443 expires=2026-12-01T04:01:24Z (no longer in force)") || strings.Contains(text, "active=true (no") || !strings.Contains(text, "anna") {
		t.Errorf("/decisions:\n%s", text)
	}
}
