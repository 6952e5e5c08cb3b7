package proxy

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"

	"webproxy/policy"
)

// goproxy by itself opens nothing: not with a request that nobody decided, not with the environment
// set, not with any of its own defaults.
func TestEngineDialsNothing(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the origin was reached")
	}))
	defer origin.Close()
	t.Setenv("HTTPS_PROXY", origin.URL)
	t.Setenv("HTTP_PROXY", origin.URL)
	engine := newEngine(zap.NewNop())
	front := httptest.NewServer(engine)
	defer front.Close()
	addr := strings.TrimPrefix(origin.URL, "http://")
	for _, r := range []*http.Request{
		httptest.NewRequest("GET", origin.URL+"/", nil),
		httptest.NewRequest("GET", "/x", nil),
	} {
		rec := httptest.NewRecorder()
		engine.ServeHTTP(rec, r)
		if rec.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", r.URL, rec.Code, rec.Body)
		}
	}
	resp := roundTrip(t, front.Listener.Addr().String(), "CONNECT "+addr+" HTTP/1.1\r\nHost: x\r\n\r\n")
	if !strings.HasPrefix(resp, "HTTP/1.1 403 ") {
		t.Errorf("CONNECT: %q", resp)
	}
	if engine.ConnectDial != nil || engine.Verbose || !engine.KeepAcceptEncoding {
		t.Error("a default of goproxy is left")
	}
	if _, err := engine.Tr.RoundTrip(httptest.NewRequest("GET", origin.URL, nil)); err == nil {
		t.Error("its transport dials")
	}
	if _, err := engine.ConnectDialWithReq(nil, "tcp", addr); err == nil {
		t.Error("its dialer dials")
	}
}

// roundTrip sends s to addr and returns what comes back until the end of the connection.
func roundTrip(t *testing.T, addr, s string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, s)
	b, _ := io.ReadAll(c)
	return string(b)
}

// A request that did not come through the filter is refused, decided or not.
func TestServeWithoutWire(t *testing.T) {
	s := &Server{}
	s.Prepare()
	rec := httptest.NewRecorder()
	s.serve(rec, httptest.NewRequest("GET", "http://origin.test/", nil))
	if rec.Code != http.StatusBadRequest {
		t.Errorf("%d", rec.Code)
	}
}

// Every Reason that refuses has a response.
func TestDenialsComplete(t *testing.T) {
	for _, r := range policy.Reasons() {
		d, ok := denials[r]
		if r == policy.AllowedByRule {
			continue
		}
		if !ok || d.status < 400 || d.word == "" || !strings.HasSuffix(d.text, ".") {
			t.Errorf("%s: %+v", r, d)
		}
	}
}

// A reason phrase is ASCII and bounded, whatever the host.
func TestPhrase(t *testing.T) {
	long := strings.Repeat("abcdefghi.", 24) + "example.com"
	for _, host := range []string{"a.example:443", long + ":443", "[2001:db8::1]:443"} {
		target, err := policy.ParseTarget(policy.HTTPS, host)
		if err != nil {
			t.Fatal(err)
		}
		f := &refusal{head: "webproxy denied", code: "service_tag_mismatch", target: target, id: "7Q3F9K"}
		got := f.phrase()
		if len(got) > maxPhrase || !strings.HasPrefix(got, "webproxy denied: service_tag_mismatch ") || !strings.HasSuffix(got, " id=7Q3F9K") {
			t.Errorf("%d bytes: %q", len(got), got)
		}
	}
}
