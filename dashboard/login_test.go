package dashboard

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/argon2id"

	"webproxy/audit"
	"webproxy/internal/account"
	"webproxy/internal/privatefile"
)

const password = "correct horse battery"

// A kept log has the records that the pages wrote.
type kept struct {
	mu      sync.Mutex
	records []audit.Record
}

func (k *kept) record(r *audit.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.records = append(k.records, *r)
}

// lines are the types and details of the records.
func (k *kept) lines() (lines []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.records {
		lines = append(lines, string(r.Type)+" "+r.By+" "+r.Client.String()+" "+r.Detail)
	}
	return lines
}

// withUsers gives s users with password: rita, a reader, and anna, an approver.
func (s *site) withUsers() (*kept, string) {
	s.t.Helper()
	hash, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		s.t.Fatal(err)
	}
	path := filepath.Join(s.dir, "dashboard-users")
	text := "anna approver 2026-12-01T01:02:03Z root " + hash + "\nrita reader 2026-12-01T01:02:03Z root " + hash + "\n"
	if err := privatefile.Create(path, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
	k := &kept{}
	s.p.Users, s.p.TLS, s.p.Record = &account.Book{Path: path}, true, k.record
	pages, err := s.p.Handler()
	if err != nil {
		s.t.Fatal(err)
	}
	s.srv.Pages = pages
	return k, path
}

// elsewhere is a browser at another address, with or without TLS.
func (s *site) elsewhere(addr string, secure bool) *browser {
	s.t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = addr + ":50000"
		s.srv.ServeHTTP(w, r)
	}))
	if secure {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	s.t.Cleanup(srv.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := srv.Client()
	c.Jar = jar
	return &browser{s.t, srv.URL, c}
}

func (v *browser) get(path string) (*http.Response, string) {
	v.t.Helper()
	r, err := v.c.Get(v.url + path)
	if err != nil {
		v.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return r, string(text)
}

// writes are all requests that change something, each with a valid form.
var writes = [][]string{
	{"/decide", "made", "zzzzzzzzzzzz", "host", "new.sub.example.com", "port", "443", "scheme", "https", "client", "10.0.1.11", "answer", "exact", "reason", "CHG-2"},
	{"/proposal", "answer", "approve", "reason", "x", "made", "x"},
	{"/phase", "made", "zzzzzzzzzzzz", "phase", "updates", "act", "start", "for", "1h", "reason", "x"},
	{"/mode", "made", "zzzzzzzzzzzz", "group", "wac", "mode", "enforce", "force", "1", "reason", "x"},
}

// Every path of the mux that needs a login is closed to a remote client without one.
func TestElsewhere(t *testing.T) {
	s := newSite(t, request("secret.example.com", "deny", "host_not_listed"))
	k, _ := s.withUsers()
	paths := append(screens(), "/live/events", "/reports/2026-12", "/decide?host=a&port=1&scheme=https&client=10.0.1.11", "/proposal", "/nothing",
		"/denied?format=csv", "/denied?format=ndjson", "/login", "/login/ABC")
	before := s.file("lists/approved.txt") + s.file("phases.yaml") + s.file("webproxy.yaml")
	for _, secure := range []bool{false, true} {
		v := s.elsewhere("192.0.2.7", secure)
		for _, path := range paths {
			r, text := v.get(path)
			if strings.Contains(text, "secret.example.com") || strings.Contains(text, "figures as of") || strings.Contains(text, "onerror") {
				t.Errorf("TLS %v: %s is shown to somebody: %d\n%s", secure, path, r.StatusCode, text)
			}
			switch login := secure && r.Request.URL.Path == "/login" || strings.HasPrefix(r.Request.URL.Path, "/login/"); {
			case !secure && (r.StatusCode != 403 || !strings.Contains(text, "dashboard.cert")):
				t.Errorf("without TLS %s: %d %s", path, r.StatusCode, text)
			case secure && !login && r.StatusCode != 403:
				t.Errorf("%s: %d %s", path, r.StatusCode, text)
			}
		}
		for _, form := range append(writes, []string{"/learn/read"}, []string{"/reports/verify"}, []string{"/policy/whatif"}) {
			if code, text := v.post(form[0], form[1:]...); code != 403 {
				t.Errorf("TLS %v: %s: %d %s", secure, form[0], code, text)
			}
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			if r, _ := v.get(path); r.StatusCode != 200 && path == "/healthz" || r.StatusCode == 403 {
				t.Errorf("TLS %v: %s: %d", secure, path, r.StatusCode)
			}
		}
	}
	// Nor is a password accepted without TLS.
	if code, _ := s.elsewhere("192.0.2.7", false).post("/login", "user", "anna", "password", password); code != 403 || len(k.lines()) != 0 {
		t.Errorf("a password without TLS: %d, %q", code, k.lines())
	}
	if got := s.file("lists/approved.txt") + s.file("phases.yaml") + s.file("webproxy.yaml"); got != before {
		t.Error("something was changed")
	}
	// A request through another proxy on this machine does not count as local.
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"} {
		r := httptest.NewRequest("GET", "/denied", nil)
		r.Host, r.RemoteAddr = "127.0.0.1:9091", "127.0.0.1:50000"
		r.Header.Set(name, "192.0.2.7")
		w := httptest.NewRecorder()
		s.srv.ServeHTTP(w, r)
		if w.Code != 403 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// A user who logs in with a password sees everything; only an approver can change anything. A log out, a new password or
// role, and a removal end the session.
func TestLogin(t *testing.T) {
	s := newSite(t, request("new.sub.example.com", "deny", "host_not_listed"))
	k, path := s.withUsers()
	for _, user := range []string{"rita", "anna"} {
		v := s.elsewhere("192.0.2.7", true)
		r, text := v.get("/denied?q=" + url.QueryEscape("host = new.sub.example.com"))
		if r.Request.URL.Path != "/login" || !strings.Contains(text, `type="password"`) {
			t.Fatalf("led to %s\n%s", r.Request.URL, text)
		}
		for _, wrong := range []struct{ user, password string }{{user, "wrong password"}, {"nobody", password}, {user, ""}, {"", ""}} {
			if code, text := v.post("/login", "user", wrong.user, "password", wrong.password); code != 403 && code != 422 || strings.Contains(text, "figures") {
				t.Errorf("%q: %d\n%s", wrong, code, text)
			}
		}
		code, text := v.post("/login", "user", strings.ToUpper(user), "password", password, "next", r.Request.URL.Query().Get("next"))
		if code != 200 || !strings.Contains(text, "You are logged in as "+user) || !strings.Contains(text, "new.sub.example.com:443") {
			t.Fatalf("login of %s: %d\n%s", user, code, text)
		}
		u, err := url.Parse(v.url)
		if err != nil {
			t.Fatal(err)
		}
		if c := v.c.Jar.Cookies(u); len(c) != 1 || c[0].Name != "__Host-webproxy" {
			t.Errorf("cookies %v", c)
		}
		for _, path := range screens() {
			if r, _ := v.get(path); r.StatusCode != 200 || r.Request.URL.Path == "/login" {
				t.Errorf("%s: %s: %d", user, path, r.StatusCode)
			}
		}
		for _, form := range writes {
			code, text := v.post(form[0], form[1:]...)
			if user == "rita" && (code != 403 || !strings.Contains(text, "is a reader")) || user == "anna" && code != 200 {
				t.Errorf("%s: %s: %d\n%s", user, form[0], code, text)
			}
		}
		v.post("/logout")
		if r, _ := v.get("/denied"); r.Request.URL.Path != "/login" {
			t.Errorf("after the log out: %s", r.Request.URL)
		}
	}
	if !strings.Contains(s.file("lists/approved.txt"), "by=anna") || strings.Contains(s.file("lists/approved.txt"), "rita") {
		t.Errorf("the list:\n%s", s.file("lists/approved.txt"))
	}
	lines := strings.Join(k.lines(), "\n")
	for _, want := range []string{"admin.login rita 192.0.2.7 logged in to the dashboard with a password, as reader", "admin.logout anna 192.0.2.7",
		"admin.login_failed  192.0.2.7 a login of rita to the dashboard failed: wrong password", "a login of an unknown user"} {
		if !strings.Contains(lines, want) {
			t.Errorf("no record %q in\n%s", want, lines)
		}
	}
	if strings.Contains(lines, "nobody") || strings.Contains(lines, password) {
		t.Errorf("a record has what was typed:\n%s", lines)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ old, new string }{{"anna approver", "anna reader"}, {"01:02:03Z", "01:02:04Z"}, {"anna", "bert"}} {
		v := s.elsewhere("192.0.2.8", true)
		if code, _ := v.post("/login", "user", "anna", "password", password); code != 200 {
			t.Fatalf("login: %d", code)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), change.old, change.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.p.Users.Reload(""); err != nil {
			t.Fatal(err)
		}
		r, page := v.get("/denied")
		if reader := change.new == "anna reader"; !reader && r.Request.URL.Path != "/login" || reader && strings.Contains(page, "anna, approver") {
			t.Errorf("%v: %s\n%s", change, r.Request.URL, page)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.p.Users.Reload(""); err != nil {
			t.Fatal(err)
		}
	}
}

// Guessing locks the user out at that address; others, and the user at another address, are not affected.
func TestLockout(t *testing.T) {
	s := newSite(t)
	k, _ := s.withUsers()
	v := s.elsewhere("192.0.2.7", true)
	for range 5 {
		if code, _ := v.post("/login", "user", "anna", "password", "a guess at it"); code != 403 {
			t.Errorf("a guess: %d", code)
		}
	}
	if code, text := v.post("/login", "user", "anna", "password", password); code != 429 || !strings.Contains(text, "Locked out") {
		t.Errorf("the right password after five wrong ones: %d\n%s", code, text)
	}
	if code, _ := v.post("/login", "user", "rita", "password", password); code != 200 {
		t.Errorf("another user at that address: %d", code)
	}
	if code, _ := s.elsewhere("192.0.2.9", true).post("/login", "user", "anna", "password", password); code != 200 {
		t.Errorf("the user at another address: %d", code)
	}
	if n := strings.Count(strings.Join(k.lines(), "\n"), "admin.lockout"); n != 1 {
		t.Errorf("%d records of a lock-out:\n%q", n, k.lines())
	}
}

// Of many failures, the first are recorded, and the number of the rest.
func TestManyFailures(t *testing.T) {
	s := newSite(t)
	k, _ := s.withUsers()
	r := httptest.NewRequest("POST", "/login", nil)
	for range 1000 {
		s.p.recordFailure(r, "", "wrong password")
	}
	if n := len(k.lines()); n < 30 || n > 60 {
		t.Errorf("%d records of 1000 failures", n)
	}
}

// A link also logs in from another machine, by TLS.
func TestLinkElsewhere(t *testing.T) {
	s := newSite(t)
	s.withUsers()
	v := s.elsewhere("192.0.2.7", true)
	path, err := s.p.Links.New("root", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if r, text := v.get(path); r.StatusCode != 200 || !strings.Contains(text, "Log in") {
		t.Errorf("the link: %d\n%s", r.StatusCode, text)
	}
	if code, text := v.post("/login", "token", strings.TrimPrefix(path, "/login/")); code != 200 || !strings.Contains(text, "root, approver") {
		t.Errorf("login: %d\n%s", code, text)
	}
}

// A login never redirects to another server.
func TestNextPath(t *testing.T) {
	for _, ok := range []string{"/denied", "/denied?q=host+%3D+a&period=all", "/why?q=https%3A%2F%2Fportal.azure.com"} {
		if got := nextPath(ok); got != ok {
			t.Errorf("%q: %q", ok, got)
		}
	}
	for _, bad := range []string{"", "denied", "//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "/%2f/../\r\nx", "/login?next=/", "/a\nb",
		"\t//evil.example", "/\u202etxt", "/a b", "http:/evil", "/" + strings.Repeat("a", 3000)} {
		if got := nextPath(bad); got != "/" {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

// A session ends after 30 minutes without use, and after 8 hours.
func TestSessionEnds(t *testing.T) {
	m := newSessions(true) // outside of the bubble: it has a goroutine
	synctest.Test(t, func(t *testing.T) {
		h := m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/login" {
				m.Put(r.Context(), userKey, "anna")
			}
			io.WriteString(w, m.GetString(r.Context(), userKey))
		}))
		var cookie *http.Cookie
		ask := func(path string) string {
			r := httptest.NewRequest("GET", path, nil)
			if cookie != nil {
				r.AddCookie(cookie)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			for _, c := range w.Result().Cookies() {
				cookie = c
			}
			return w.Body.String()
		}
		ask("/login")
		if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Name != "__Host-webproxy" || !cookie.Expires.IsZero() {
			t.Errorf("cookie %v", cookie)
		}
		time.Sleep(sessionIdle - time.Second)
		if got := ask("/"); got != "anna" {
			t.Errorf("before 30 minutes: %q", got)
		}
		time.Sleep(sessionIdle + time.Second)
		if got := ask("/"); got != "" {
			t.Errorf("after 30 minutes without use: %q", got)
		}
		cookie = nil
		ask("/login")
		began := time.Now()
		for ask("/") == "anna" {
			time.Sleep(10 * time.Minute)
			if time.Since(began) > 2*sessionEnds {
				t.Fatal("a session that is used goes on for ever")
			}
		}
		if d := time.Since(began); d < sessionEnds-10*time.Minute || d > sessionEnds+10*time.Minute {
			t.Errorf("a session that is used ended after %s", d)
		}
		if n := len(m.Store.(*sessionStore).open); n != 0 {
			t.Errorf("%d sessions are kept after their end", n)
		}
	})
}

// Sessions are limited, for a user and in all; one without a user is not kept.
func TestSessionsAreBounded(t *testing.T) {
	m := newSessions(false)
	store := m.Store.(*sessionStore)
	open := func(user string) error {
		data, err := m.Codec.Encode(time.Now().Add(time.Hour), map[string]any{userKey: user})
		if err != nil {
			t.Fatal(err)
		}
		return store.Commit(user+time.Now().String()+strings.Repeat("x", len(store.open)), data, time.Now().Add(time.Hour))
	}
	for range 100 {
		if err := open("anna"); err != nil {
			t.Fatal(err)
		}
		open("")
	}
	if len(store.open) != userSessions {
		t.Errorf("one user has %d sessions", len(store.open))
	}
	var err error
	for i := range 2 * maxSessions {
		if err = open("u" + string(rune('a'+i))); err != nil {
			break
		}
	}
	if err != errManySessions || len(store.open) != maxSessions {
		t.Errorf("%d sessions, %v", len(store.open), err)
	}
	if data, found, _ := store.Find("none"); found || data != nil {
		t.Error("a session that there is not")
	}
}

// Subresource requests from pages of other origins are refused; navigation is not.
func TestIsolated(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct {
		site, mode, dest string
		want             int
	}{
		{"", "", "", 200}, {"none", "navigate", "document", 200}, {"same-origin", "cors", "empty", 200}, {"cross-site", "navigate", "document", 200},
		{"cross-site", "no-cors", "image", 403}, {"cross-site", "no-cors", "script", 403}, {"same-site", "cors", "empty", 403}, {"cross-site", "navigate", "iframe", 403},
		{"same-site", "websocket", "websocket", 403},
	} {
		r := httptest.NewRequest("GET", "/why?q=ABCDEF", nil)
		r.Host, r.RemoteAddr = "127.0.0.1:9091", "127.0.0.1:50000"
		for name, value := range map[string]string{"Sec-Fetch-Site": tt.site, "Sec-Fetch-Mode": tt.mode, "Sec-Fetch-Dest": tt.dest} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		s.srv.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%v: %d", tt, w.Code)
		}
	}
}

// Requests by TLS may name a host of the certificate, and no other.
func TestNamed(t *testing.T) {
	srv := &Server{Status: &Status{}, Listen: "0.0.0.0:9091", Named: func(name string) bool { return slices.Contains([]string{"proxy.example.com"}, name) }}
	for _, tt := range []struct {
		url, host string
		want      int
	}{{"https://x/healthz", "proxy.example.com:9091", 200}, {"https://x/healthz", "proxy.example.com", 200}, {"https://x/healthz", "rebind.example:9091", 421},
		{"http://x/healthz", "proxy.example.com:9091", 421}, {"http://x/healthz", "10.0.0.5:9091", 200}} {
		r := httptest.NewRequest("GET", tt.url, nil)
		r.Host = tt.host
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%v: %d", tt, w.Code)
		}
	}
}
