package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
	"weak"

	"webproxy/audit"
	"webproxy/internal/proxytest"
	"webproxy/policy"
)

// submit submits a form and returns the status and the page.
func (s *site) submit(path string, form url.Values) (int, string) {
	s.t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Host, r.RemoteAddr = "127.0.0.1:9091", "127.0.0.1:50000"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.srv.ServeHTTP(w, r)
	return w.Code, strings.ReplaceAll(w.Body.String(), "<wbr>", "")
}

// A row of Policy leads to what would be without its entry: by the counts, by the records, and as files.
func TestWhatIfGone(t *testing.T) {
	const asked = "a.wild.example.com"
	s := newSite(t, request(asked, "allow", "allowed_by_rule"), request("ok.example.com", "allow", "allowed_by_rule"))
	_, page := s.get("/policy")
	link := strings.ReplaceAll(page[strings.Index(page, "/policy/whatif?gone=0"):], "&amp;", "&")
	link = link[:strings.IndexByte(link, '"')]
	_, page = s.get(link)
	if !strings.Contains(page, asked+":443") || !strings.Contains(page, "allow → deny") || strings.Contains(page, "ok.example.com") {
		t.Errorf("without the entry for %s:\n%s", asked, page)
	}
	if !strings.Contains(page, "0 added, 1 removed") {
		t.Errorf("the page does not say that one entry is gone:\n%s", page)
	}
	if resp, text := s.get(link + "&table=quick&format=csv"); resp.StatusCode != 200 || !strings.HasPrefix(text, "target,change,requests,clients,last\n"+asked+":443,") {
		t.Errorf("CSV of the counts: %d\n%s", resp.StatusCode, text)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		resp, text := s.get(link + "&full=1&table=full&format=csv")
		if resp.StatusCode == 503 && time.Now().Before(deadline) { // the log is being read
			continue
		}
		if resp.StatusCode != 200 || !strings.HasPrefix(text, "target,was,is,requests,client,last\n"+asked+":443,") {
			t.Errorf("CSV of the records: %d\n%s", resp.StatusCode, text)
		}
		break
	}
	if _, page = s.get(link + "&full=1"); !strings.Contains(page, "1 the same, 1 newly denied") {
		t.Errorf("by the records:\n%s", page)
	}
	for _, stale := range []string{"/policy/whatif?gone=0&of=0123456789ab", "/policy/whatif?gone=99" + link[strings.Index(link, "&of"):], "/policy/whatif?gone=-1", "/policy/whatif?gone="} {
		if _, page = s.get(stale); !strings.Contains(page, "The policy has changed") || strings.Contains(page, asked) {
			t.Errorf("%s does not say that it is out of date:\n%s", stale, page)
		}
	}
}

// The kept result of a what-if does not keep its policy: there may be many of them, and a policy may be large.
func TestWhatIfKeepsNoPolicy(t *testing.T) {
	s := newSite(t, request("a.wild.example.com", "allow", "allowed_by_rule"))
	name, then := func() (string, weak.Pointer[policy.Set]) {
		then := s.p.Config().Set.Without(0)
		name := "replay " + then.Digest()
		s.p.replay(t.Context(), new(whatIfBody), then)
		s.p.Jobs.Wait(t.Context(), name)
		return name, weak.Make(then)
	}()
	for end := time.Now().Add(proxytest.Patience); then.Value() != nil && time.Now().Before(end); { // its goroutine may be about to end
		runtime.GC()
	}
	result, _ := s.p.Jobs.State(name).Result.(*replayed)
	if then.Value() != nil || result == nil || result.NewlyDenied != 1 {
		t.Errorf("the policy is kept: %v; %+v", then.Value() != nil, result)
	}
}

// What another configuration would change can be had as a file, all of it; the page has its first rows and says how many there are.
func TestWhatIfFiles(t *testing.T) {
	records := make([]audit.Record, pageRows+30)
	for i := range records {
		records[i] = request(fmt.Sprintf("h%03d.wild.example.com", i), "allow", "allowed_by_rule")
	}
	s := newSite(t, records...)
	data, err := os.ReadFile(filepath.Join(s.dir, "webproxy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"candidate": {strings.Replace(string(data), `"*.wild.example.com"`, "other.example.com", 1)}}
	status, page := s.submit("/policy/whatif", form)
	if status != 200 || !strings.Contains(page, fmt.Sprintf("1 to %d of %d", pageRows, len(records))) || strings.Count(page, "allow → deny") != pageRows {
		t.Errorf("%d\n%s", status, page)
	}
	action := regexp.MustCompile(`formaction="([^"]+csv[^"]*)"`).FindStringSubmatch(page)
	if action == nil {
		t.Fatalf("the page leads to no file:\n%s", page)
	}
	status, text := s.submit(strings.ReplaceAll(action[1], "&amp;", "&"), form)
	if lines := strings.Count(text, "\n"); status != 200 || lines != 1+len(records) || !strings.HasPrefix(text, "target,change,") {
		t.Errorf("CSV: %d, %d lines, want %d\n%.300s", status, lines, 1+len(records), text)
	}
}

// The numbers by the hour and the groups of Overview can be had as files.
func TestOverviewFiles(t *testing.T) {
	s := newSite(t, request("ok.example.com", "allow", "allowed_by_rule"))
	for name, want := range map[string]string{"hours": "hour,allow,would_deny,deny\n", "groups": "group,mode,readiness\nnodes,enforce,"} {
		_, page := s.get("/")
		link := "/?format=csv&amp;table=" + name
		if !strings.Contains(page, link) {
			t.Errorf("Overview does not lead to %s", link)
		}
		resp, text := s.get(strings.ReplaceAll(link, "&amp;", "&"))
		if resp.StatusCode != 200 || !strings.HasPrefix(text, want) {
			t.Errorf("%s: %d\n%s", name, resp.StatusCode, text)
		}
		if name == "hours" && (strings.Count(text, "\n") != 25 || !strings.Contains(text, ",1,0,0\n")) {
			t.Errorf("hours:\n%s", text)
		}
	}
}

// The parts of a long text are the text, and each is short; short texts are whole.
func TestSoftly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                                    nil,
		"a.example.com:443":                   {"a.example.com:443"},
		"settings-win.data.microsoft.com:443": {"settings-win.", "data.", "microsoft.", "com:443"},
		"now allowed by hci/blob catalog hci": {"now allowed by hci/", "blob catalog hci"},
	} {
		if got := softly(text); strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{strings.Repeat("x", 1000), strings.Repeat("é", 300), "\xff" + strings.Repeat("\x80", 99), strings.Repeat("a-", 500), evil + strings.Repeat("日本", 80)} {
		parts := softly(text)
		if strings.Join(parts, "") != text {
			t.Errorf("%q is not whole: %q", text, parts)
		}
		for _, p := range parts {
			if longest := strings.FieldsFunc(p, func(r rune) bool { return r == ' ' || r == '-' }); len(longest) > 0 && len(longest[0]) > 28 {
				t.Errorf("a part of %q cannot be broken: %q", text, p)
			}
			if utf8.ValidString(text) && !utf8.ValidString(p) {
				t.Errorf("a rune of %q is broken: %q", text, p)
			}
		}
	}
}

// A form that is too large or malformed is refused; a part of it is not taken for the whole.
func TestWholeForm(t *testing.T) {
	s := newSite(t)
	large := strings.Repeat("a", maxForm)
	multipart := "--x\r\nContent-Disposition: form-data; name=\"candidate\"\r\n\r\n"
	for _, tt := range []struct {
		name, kind, body string
		status           int
	}{
		{"large", "application/x-www-form-urlencoded", "candidate=" + large, http.StatusRequestEntityTooLarge},
		{"large, in parts", "multipart/form-data; boundary=x", multipart + large + "\r\n--x--\r\n", http.StatusRequestEntityTooLarge},
		{"malformed", "application/x-www-form-urlencoded", "candidate=%zz", http.StatusBadRequest},
		{"cut off", "multipart/form-data; boundary=x", multipart + "policy: {}", http.StatusBadRequest},
		{"whole", "multipart/form-data; boundary=x", multipart + "policy: {}\r\n--x--\r\n", http.StatusOK},
	} {
		r := httptest.NewRequest("POST", "/policy/whatif", strings.NewReader(tt.body))
		r.Host, r.RemoteAddr = "127.0.0.1:9091", "127.0.0.1:50000"
		r.Header.Set("Content-Type", tt.kind)
		w := httptest.NewRecorder()
		s.srv.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%s: %d, want %d: %.200s", tt.name, w.Code, tt.status, w.Body)
		}
	}
}

// Pages of other origins can read nothing, also in browsers that name the origin alone.
func TestOtherOrigins(t *testing.T) {
	s := newSite(t)
	for origin, want := range map[string]int{"": 200, "http://127.0.0.1:9091": 200, "http://evil.example": 403, "null": 403, "http://127.0.0.1:9090": 403, "http://127.0.0.1:9091.evil.example": 403, ":": 403} {
		for _, path := range []string{"/denied", "/denied?format=csv", "/live"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Host, r.RemoteAddr = "127.0.0.1:9091", "127.0.0.1:50000"
			if origin != "" {
				r.Header.Set("Origin", origin)
			}
			w := httptest.NewRecorder()
			s.srv.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s for %q: %d, want %d", path, origin, w.Code, want)
			}
		}
	}
}

// A candidate, which anybody may submit, cannot have other files read than those in force: their problems quote them.
func TestWhatIfReadsNoOtherFile(t *testing.T) {
	s := newSite(t)
	if err := os.WriteFile(filepath.Join(s.dir, "secret.txt"), []byte("hunter.example.com two words\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(s.dir, "webproxy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, page := s.submit("/policy/whatif", url.Values{"candidate": {strings.Replace(string(data), "lists/approved.txt", "secret.txt", 1)}})
	if !strings.Contains(page, "no file of the configuration in force") || strings.Contains(page, "hunter") {
		t.Errorf("the page is\n%s", page)
	}
}

// A waitingContext says when somebody asks for its end.
type waitingContext struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

func (c *waitingContext) Done() <-chan struct{} {
	c.once.Do(func() { close(c.waits) })
	return c.Context.Done()
}

// One candidate is loaded at a time, and the records are read for a few policies at a time: the others are told, and their turn comes.
func TestWhatIfOneAtATime(t *testing.T) {
	s := newSite(t, request("a.wild.example.com", "allow", "allowed_by_rule"))
	ask := func(ctx context.Context) whatIfBody {
		var b whatIfBody
		form := url.Values{"candidate": {"policy: { rules: [] }\n"}}
		r := httptest.NewRequestWithContext(ctx, "POST", "/policy/whatif", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if then := s.p.candidate(&b, r, s.p.Config()); then != nil {
			s.p.replay(ctx, &b, then)
		}
		return b
	}
	ctx, cancel := context.WithCancel(t.Context())
	waits := &waitingContext{Context: ctx, waits: make(chan struct{})}
	s.p.candidates <- struct{}{}
	answer := make(chan whatIfBody)
	go func() { answer <- ask(waits) }()
	<-waits.waits
	cancel()
	if b := <-answer; !strings.Contains(b.Wrong, "too many others") {
		t.Errorf("while another is loaded: %q", b.Wrong)
	}
	<-s.p.candidates
	s.p.replays.Store(mostReplays)
	if b := ask(t.Context()); !strings.Contains(b.Wrong, "for other policies") {
		t.Errorf("while the log is read for others: %q", b.Wrong)
	}
	s.p.replays.Store(0)
	if b := ask(t.Context()); b.Wrong != "" || b.Full == nil && b.Running == "" {
		t.Errorf("after them: %+v", b)
	}
}
