package dashboard

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func ask(s *Server, method, host, path string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPaths(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		io.WriteString(w, "webproxy_open_tunnels 0\n")
	})
	s := &Server{Status: &Status{}, Metrics: metrics, Listen: "127.0.0.1:9091"}
	s.Status.SetReady(true)
	for _, tt := range []struct {
		method, path string
		status       int
		text         string
	}{
		{"GET", "/", 200, "/readyz"},
		{"GET", "/healthz", 200, "ok\n"},
		{"HEAD", "/healthz", 200, ""},
		{"GET", "/readyz", 200, "ready\n"},
		{"GET", "/metrics", 200, "webproxy_open_tunnels 0\n"},
		{"GET", "/metrics/", 404, ""},
		{"GET", "/healthz/../readyz", 404, ""},
		{"POST", "/readyz", 405, "nothing here can be changed"},
		{"CONNECT", "/", 405, ""},
	} {
		r := ask(s, tt.method, "127.0.0.1:9091", tt.path)
		if text := body(t, r); r.StatusCode != tt.status || !strings.Contains(text, tt.text) {
			t.Errorf("%s %s: %d %q, want %d %q", tt.method, tt.path, r.StatusCode, text, tt.status, tt.text)
		}
		if got := r.Header.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s %s: X-Content-Type-Options %q", tt.method, tt.path, got)
		}
	}
	if got := ask(s, "GET", "localhost", "/metrics").Header.Get("Content-Type"); got != "text/plain; version=0.0.4" {
		t.Errorf("metrics have Content-Type %q", got)
	}
	s.Metrics = nil
	if r := ask(s, "GET", "localhost", "/metrics"); r.StatusCode != 404 {
		t.Errorf("no metrics: %d", r.StatusCode)
	}
}

// DNS rebinding: a request with the name of another site must be refused.
func TestHost(t *testing.T) {
	s := &Server{Status: &Status{}, Listen: "proxy.corp.example:9091"}
	for host, want := range map[string]int{
		"127.0.0.1:9091":          200,
		"127.0.0.1":               200,
		"[::1]:9091":              200,
		"10.0.0.7:9091":           200,
		"localhost:9091":          200,
		"LocalHost":               200,
		"proxy.corp.example:9091": 200,
		"":                        421,
		"rebind.example:9091":     421,
		"localhost.example":       421,
		"127.0.0.1.example":       421,
		"proxy.corp.example:80":   421,
	} {
		if r := ask(s, "GET", host, "/healthz"); r.StatusCode != want {
			t.Errorf("Host %q: %d, want %d", host, r.StatusCode, want)
		}
	}
}

func TestReadiness(t *testing.T) {
	s := &Server{Status: &Status{}}
	check := func(when string, status int, words ...string) {
		t.Helper()
		r := ask(s, "GET", "localhost", "/readyz")
		text := body(t, r)
		if r.StatusCode != status {
			t.Errorf("%s: %d, want %d", when, r.StatusCode, status)
		}
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in %q", when, w, text)
			}
		}
	}
	now := time.Now()
	check("zero", 503, "not ready")
	s.Status.Installed("sha256:aaaa", now, nil, nil)
	check("not yet serving", 503, "not ready", "policy sha256:aaaa")
	s.Status.SetReady(true)
	check("serving", 200, "ready\n", "configuration on disk: in force")
	s.Status.Refused("webproxy.yaml:3:1: no such setting", now)
	check("refused", 200, "policy sha256:aaaa", "refused 0s ago", "webproxy.yaml:3:1: no such setting")
	s.Status.Installed("sha256:bbbb", now, nil, nil)
	check("mended", 200, "policy sha256:bbbb", "configuration on disk: in force")
	s.Status.Bundle = func() string { return "stable-7; the next is not taken: too new" }
	check("bundle", 200, "ready\n", "\nbundle stable-7; the next is not taken: too new\nconfiguration on disk: in force")
	s.Status.Bundle = func() string { return "" }
	if text := body(t, ask(s, "GET", "localhost", "/readyz")); strings.Contains(text, "bundle") {
		t.Errorf("no bundle: %q", text)
	}
	recording := false
	s.Recording = func() bool { return recording }
	check("disk full", 200, "ready\n", "audit log: the last record could not be written")
	recording = true
	if text := body(t, ask(s, "GET", "localhost", "/readyz")); strings.Contains(text, "audit") {
		t.Errorf("room again: %q", text)
	}
	stalled := true
	s.Stalled = func() bool { return stalled }
	check("disk hangs", 503, "not ready\n", "audit log: its disk does not answer, every request is refused")
	stalled = false
	check("disk answers", 200, "ready\n")
	gone := true
	s.Gone = func() bool { return gone }
	check("directory gone", 503, "not ready\n", "audit log: its directory is not there, every request is refused")
	gone = false
	s.Status.Installed("sha256:bbbb", now, []string{"audit.dir", "listen"}, nil)
	check("needs a restart", 200, "ready\n", "configuration on disk: in force, but for audit.dir, listen: not in force until a restart\n")
	s.Status.Installed("sha256:bbbb", now, nil, []string{"/etc/webproxy/lists/a.txt"})
	check("unsteady", 200, "in force, but for /etc/webproxy/lists/a.txt: changed faster than it could be read")
	s.Status.SetReady(false)
	check("draining", 503, "not ready")
}

// A reload of an unchanged policy keeps its age.
func TestAge(t *testing.T) {
	var s Status
	start := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	s.Installed("sha256:aaaa", start, nil, nil)
	s.Installed("sha256:aaaa", start.Add(time.Hour), nil, nil)
	if got := s.Age(start.Add(2 * time.Hour)); got != 2*time.Hour {
		t.Errorf("read again: %v, want 2h", got)
	}
	s.Installed("sha256:bbbb", start.Add(3*time.Hour), nil, nil)
	if got := s.Age(start.Add(4 * time.Hour)); got != time.Hour {
		t.Errorf("another: %v, want 1h", got)
	}
}
