package dashboard

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/config"
)

// A browser is a browser without script.
type browser struct {
	t   *testing.T
	url string
	c   *http.Client
}

func (s *site) visitor() *browser {
	s.t.Helper()
	srv := httptest.NewServer(s.srv)
	s.t.Cleanup(srv.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{s.t, srv.URL, &http.Client{Jar: jar}}
}

func (v *browser) post(path string, pairs ...string) (int, string) {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := v.c.PostForm(v.url+path, form)
	if err != nil {
		v.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

func (s *site) logIn(v *browser, user string) {
	s.t.Helper()
	path, err := s.p.Links.New(user, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	token := strings.TrimPrefix(path, "/login/")
	if code, text := v.post("/login", "token", token); code != 200 || !strings.Contains(text, "You are logged in as "+user) {
		s.t.Fatalf("login: %d\n%s", code, text)
	}
	if code, _ := s.visitor().post("/login", "token", token); code != 403 {
		s.t.Errorf("a link that was used logs in again: %d", code)
	}
}

func (s *site) file(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(name)))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return string(data)
}

// reload applies the changed files, as the proxy does.
func (s *site) reload() {
	s.t.Helper()
	cfg, err := config.Load(filepath.Join(s.dir, "webproxy.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.p.Config = func() *config.Config { return cfg }
}

// On Denied a host can be approved exactly, for four hours or wider, or be rejected: in the name of the logged-in user, with a
// reason. Nobody else can do that.
func TestDecide(t *testing.T) {
	s := newSite(t, request("new.sub.example.com", "deny", "host_not_listed"))
	v := s.visitor()
	form := []string{"host", "new.sub.example.com", "port", "443", "scheme", "https", "client", "10.0.1.11"}
	with := func(more ...string) []string { return append(append([]string{"made", madeNow()}, form...), more...) }
	before := s.file("lists/approved.txt")
	if code, text := v.post("/decide", with("answer", "exact", "reason", "CHG-2")...); code != 403 || !strings.Contains(text, "Nothing was changed") {
		t.Errorf("nobody logged in: %d\n%s", code, text)
	}
	s.logIn(v, "bert")
	for _, bad := range [][]string{with("answer", "exact"), with("answer", "exact", "reason", "  "), with("answer", "all", "reason", "x"), with("reason", "x"),
		{"host", "a b", "port", "443", "scheme", "https", "client", "10.0.1.11", "answer", "exact", "reason", "x"},
		{"host", "a.example.com", "port", "443", "scheme", "https", "client", "192.0.2.1", "answer", "exact", "reason", "x"},
		{"host", "h\n*.example.com", "port", "443", "scheme", "https", "client", "10.0.1.11", "answer", "exact", "reason", "x"}} {
		if code, _ := v.post("/decide", bad...); code != 422 {
			t.Errorf("%q: %d, want 422", bad, code)
		}
	}
	if got := s.file("lists/approved.txt"); got != before {
		t.Fatalf("the list was changed: %s", got)
	}
	if code, text := v.post("/decide", with("answer", "exact", "reason", "CHG-2\nevil.example.com:443")...); strings.Contains(s.file("lists/approved.txt"), "\nevil") {
		t.Errorf("a reason of two lines is two entries: %d %s\n%s", code, text, s.file("lists/approved.txt"))
	}
	for _, tt := range []struct{ answer, reason, want string }{
		{"hours", "CHG-4", "new.sub.example.com:443 expires=2"},
		{"exact", "CHG-3", "new.sub.example.com:443 by=bert reason=CHG-3"},
		{"wider", "CHG-5", "*.sub.example.com:443 by=bert reason=CHG-5"},
	} {
		code, text := v.post("/decide", with("answer", tt.answer, "reason", tt.reason)...)
		list := s.file("lists/approved.txt")
		if code != 200 || !strings.HasPrefix(list, before) || !strings.Contains(list, "reason="+tt.reason) || !strings.Contains(list, strings.Fields(tt.want)[0]) {
			t.Errorf("%s: %d, the list is\n%s\n%.1500s", tt.answer, code, list, text)
		}
		before = list
	}
	if code, _ := v.post("/decide", with("answer", "reject", "reason", "not ours")...); code != 200 || !strings.Contains(s.file("learn.yaml"), "not ours") || !strings.Contains(s.file("learn.yaml"), "bert") {
		t.Errorf("rejected: %d, learn.yaml is\n%s", code, s.file("learn.yaml"))
	}
	s.reload()
	if _, text := s.get("/denied"); !strings.Contains(text, "now allowed by") {
		t.Error("what was approved is not said to be allowed now")
	}
}

// If two people decide about the same host from older pages, the second is told who decided what, and nothing is overwritten.
func TestTwoApprovers(t *testing.T) {
	s := newSite(t, request("new.sub.example.com", "deny", "host_not_listed"), request("one.example.net", "would_deny", "host_not_listed"))
	anna, bert := s.visitor(), s.visitor()
	s.logIn(anna, "anna")
	s.logIn(bert, "bert")
	made := madeNow()
	decide := func(v *browser, host, answer, reason, made string) (int, string) {
		return v.post("/decide", "host", host, "port", "443", "scheme", "https", "client", "10.0.1.11", "answer", answer, "reason", reason, "made", made)
	}
	if code, _ := decide(anna, "new.sub.example.com", "exact", "CHG-1", made); code != 200 {
		t.Fatalf("the first: %d", code)
	}
	for _, answer := range []string{"reject", "exact", "hours"} {
		code, text := decide(bert, "new.sub.example.com", answer, "not ours", made)
		if code != 422 || !strings.Contains(text, "anna approved new.sub.example.com:443 (CHG-1)") || !strings.Contains(text, `value="not ours"`) {
			t.Errorf("the second, %s: %d\n%s", answer, code, text)
		}
	}
	if s.file("learn.yaml") != "" || strings.Contains(s.file("lists/approved.txt"), "not ours") {
		t.Errorf("the second wrote:\n%s%s", s.file("learn.yaml"), s.file("lists/approved.txt"))
	}
	if code, _ := decide(bert, "other.example.com", "exact", "CHG-2", made); code != 200 {
		t.Errorf("about another host: %d", code)
	}
	if code, _ := decide(bert, "new.sub.example.com", "reject", "no more", madeNow()); code != 200 {
		t.Errorf("with a page made after: %d", code)
	}
	for _, bad := range []string{"", "x!", "0"} {
		if code, _ := decide(bert, "third.example.com", "exact", "CHG-3", bad); bad != "0" && code != 422 {
			t.Errorf("made %q: %d", bad, code)
		}
	}
	for _, tt := range []struct{ path, told string }{{"/phase phase=updates act=start for=2h", "anna started phase updates (CHG-9)"}, {"/mode group=wac mode=enforce force=1", "anna switched group wac to enforce (CHG-9)"}} {
		path, rest, _ := strings.Cut(tt.path, " ")
		form := []string{"made", madeNow(), "reason", "CHG-9"}
		for pair := range strings.FieldsSeq(rest) {
			name, value, _ := strings.Cut(pair, "=")
			form = append(form, name, value)
		}
		if _, text := anna.post(path, form...); strings.Contains(text, "Not done") {
			t.Errorf("%s: %.800s", path, text)
		}
		if _, text := bert.post(path, form...); !strings.Contains(text, "Not done: "+tt.told) {
			t.Errorf("%s: the second is not told:\n%s", path, text)
		}
	}
	// Changes made in another way show in the policy.
	made = madeNow()
	s.reload()
	s.p.Status.Installed("another", time.Now(), nil, nil)
	if code, text := decide(bert, "other.example.com", "exact", "CHG-4", made); code != 422 || !strings.Contains(text, "allows it now by approved lists/approved.txt") || !strings.Contains(text, "bert CHG-2") {
		t.Errorf("after a change of the policy: %d\n%s", code, text)
	}
	// Memory is bounded, and a page older than what is remembered is too old.
	for range 2 * maxAnswers {
		s.p.remember("anna", "did", "", "x")
	}
	if code, text := decide(bert, "third.example.com", "exact", "CHG-3", made); len(s.p.answers) != maxAnswers || code != 422 || !strings.Contains(text, "older than") {
		t.Errorf("%d answers, %d %s", len(s.p.answers), code, text)
	}
}

// A user who is not an approver sees no forms that change anything, and is told why.
func TestFormsAreForApprovers(t *testing.T) {
	s := newSite(t, request("new.sub.example.com", "deny", "host_not_listed"), request("one.example.net", "would_deny", "host_not_listed"))
	s.withUsers()
	s.get("/learn")
	s.p.Jobs.Wait(t.Context(), learnJob)
	for _, who := range []string{"", "rita", "anna"} {
		v := s.elsewhere("127.0.0.1", true)
		if who != "" {
			v.post("/login", "user", who, "password", password)
		}
		for _, path := range []string{"/policy", "/learn", "/decide?host=new.sub.example.com&port=443&scheme=https&client=10.0.1.11"} {
			_, text := v.get(path)
			form := strings.Contains(text, `action="/decide"`) || strings.Contains(text, `action="/phase"`) || strings.Contains(text, `action="/mode"`) || strings.Contains(text, `action="/proposal"`)
			if form != (who == "anna") && path != "/learn" || form && who != "anna" {
				t.Errorf("%s: %s has a form: %v\n%s", who, path, form, text)
			}
			if told := strings.Contains(text, "You are a reader") || strings.Contains(text, "log in</a> first"); path != "/learn" && told == (who == "anna") {
				t.Errorf("%s: %s says that one must log in: %v", who, path, told)
			}
		}
	}
}

// Phases and modes are switched by name, with a reason.
func TestPhasesAndModes(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	if code, _ := v.post("/phase", "phase", "updates", "act", "start", "for", "2h", "reason", "x"); code != 403 || s.file("phases.yaml") != "" {
		t.Errorf("nobody logged in: %d %s", code, s.file("phases.yaml"))
	}
	s.logIn(v, "anna")
	for _, bad := range [][]string{{"phase", "updates", "act", "start", "for", "2h"}, {"phase", "updates", "act", "start", "for", "-2h", "reason", "x"},
		{"phase", "none", "act", "start", "for", "2h", "reason", "x"}} {
		if _, text := v.post("/phase", append(bad, "made", madeNow())...); !strings.Contains(text, "Not done") || s.file("phases.yaml") != "" {
			t.Errorf("%q was done", bad)
		}
	}
	v.post("/phase", "made", madeNow(), "phase", "updates", "act", "start", "for", "2h", "reason", "CHG-9")
	if got := s.file("phases.yaml"); !strings.Contains(got, "anna") || !strings.Contains(got, "CHG-9") {
		t.Errorf("phases.yaml is\n%s", got)
	}
	v.post("/phase", "made", madeNow(), "phase", "updates", "act", "stop", "reason", "done")
	if got := s.file("phases.yaml"); strings.Contains(got, "anna") {
		t.Errorf("the phase is still on:\n%s", got)
	}
	if _, text := v.post("/mode", "group", "wac", "mode", "enforce", "reason", "CHG-10", "made", madeNow()); !strings.Contains(text, "Not done") {
		t.Error("a group that is not ready was switched")
	}
	v.post("/mode", "group", "wac", "mode", "enforce", "reason", "CHG-10", "force", "1", "made", madeNow())
	if got := s.file("webproxy.yaml"); !strings.Contains(got, "wac: enforce") || !strings.Contains(s.file("learn.yaml"), "CHG-10") {
		t.Errorf("webproxy.yaml is\n%s\n%s", got, s.file("learn.yaml"))
	}
}

// A reading older than the last answer accepts no answers: a decision made meanwhile would be overwritten.
func TestAnswersOfOldReading(t *testing.T) {
	s := newSite(t, request("one.example.net", "would_deny", "host_not_listed"))
	v := s.visitor()
	s.logIn(v, "anna")
	s.get("/learn")
	s.p.Jobs.Wait(t.Context(), learnJob)
	l := s.p.lastLearnResult()
	if l == nil {
		t.Fatal("nothing was read")
	}
	for _, made := range []string{"", "old"} {
		if _, text := v.post("/proposal", "made", made, "answer", "approve", "reason", "x"); !strings.Contains(text, "look again") {
			t.Errorf("made %q: %.500s", made, text)
		}
	}
	v.post("/decide", "made", madeNow(), "host", "two.example.net", "port", "443", "scheme", "https", "client", "10.0.1.11", "answer", "exact", "reason", "CHG-1")
	if _, text := v.post("/proposal", "made", l.Made(), "answer", "approve", "reason", "x"); !strings.Contains(text, "look again") {
		t.Errorf("after somebody else's: %.500s", text)
	}
}

// Links expire and are limited, and a log out ends the session.
func TestLinks(t *testing.T) {
	var l Links
	now := time.Now()
	path, err := l.New("anna", now)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimPrefix(path, "/login/")
	if got := l.Use(token, now.Add(linkEnds+time.Second)); got != "" {
		t.Errorf("a link that is over is of %q", got)
	}
	for range maxLinks {
		if _, err := l.New("anna", now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.New("anna", now); err != ErrManyLinks {
		t.Errorf("one more: %v", err)
	}
	if _, err := l.New("anna", now.Add(linkEnds+time.Second)); err != nil {
		t.Errorf("after they are over: %v", err)
	}
	s := newSite(t)
	v := s.visitor()
	s.logIn(v, "anna")
	v.post("/logout")
	if code, _ := v.post("/mode", "group", "wac", "mode", "enforce", "reason", "x", "force", "1"); code != 403 {
		t.Errorf("after the session: %d", code)
	}
	tries := 0
	for range 30 {
		if code, _ := v.post("/login", "token", "guess"); code == 429 {
			tries++
		}
	}
	if tries == 0 {
		t.Error("links may be guessed as fast as somebody likes")
	}
}

// learnt are records of a request that was let through in learn mode and got a response.
func learnt(id, host string) []audit.Record {
	r := request(host, "would_deny", "host_not_listed")
	r.ID, r.Group, r.Client = id, "wac", netip.MustParseAddr("10.0.2.10")
	end := r
	end.Type, end.Status, end.BytesIn = audit.TypeClose, 200, 100
	return []audit.Record{r, end}
}

// On Learn a proposal is shown, approved into the list file, or rejected permanently; the second of two people is told of the first.
func TestLearnAnswers(t *testing.T) {
	s := newSite(t, slices.Concat(learnt("S1", "updates.alpha.example"), learnt("S2", "updates.beta.example"), learnt("S3", "updates.gamma.example"))...)
	v := s.visitor()
	s.logIn(v, "anna")
	read := func() string {
		s.get("/learn")
		s.p.Jobs.Wait(t.Context(), learnJob)
		_, text := s.get("/learn")
		return text
	}
	read()
	post := func(name, answer, reason string, l *learnResult) string {
		_, text := v.post("/proposal", "made", l.Made(), "group", "wac", "entry", "updates."+name+".example:443", "answer", answer, "reason", reason)
		return text
	}
	before := s.p.lastLearnResult()
	r, text := v.get("/proposal?group=wac&entry=" + url.QueryEscape("updates.alpha.example:443"))
	for _, want := range []string{"updates.alpha.example:443", "seen: ", "level: ", "look at: ", `action="/proposal"`, "lists/approved.txt"} {
		if r.StatusCode != 200 || !strings.Contains(text, want) {
			t.Errorf("the proposal: %d, no %q in\n%s", r.StatusCode, want, text)
		}
	}
	if text := post("alpha", "approve", "CHG-1", before); !strings.Contains(text, "approved 1") || !strings.Contains(s.file("lists/approved.txt"), "updates.alpha.example:443 by=anna reason=CHG-1") {
		t.Errorf("approved: %.900s\n%s", text, s.file("lists/approved.txt"))
	}
	if text := post("alpha", "reject", "no", before); !strings.Contains(text, "anna approved updates.alpha.example:443 (CHG-1)") || s.file("learn.yaml") != "" {
		t.Errorf("with the page of before: %.900s\n%s", text, s.file("learn.yaml"))
	}
	read() // the proxy has not reloaded it yet
	if text := post("beta", "reject", "not ours", s.p.lastLearnResult()); !strings.Contains(text, "rejected 1") || !strings.Contains(s.file("learn.yaml"), "not ours") {
		t.Errorf("rejected: %.900s\n%s", text, s.file("learn.yaml"))
	}
	if text := read(); strings.Contains(text, "updates.beta") || strings.Contains(text, "updates.alpha") || !strings.Contains(text, "updates.gamma") {
		t.Errorf("what was answered is proposed again, or what was not is not:\n%s", text)
	}
}
