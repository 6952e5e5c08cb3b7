package proxy_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
)

// What an origin says in this proxy's name does not pass; what others say, does.
func TestOriginCannotSpeakForTheProxy(t *testing.T) {
	tests := []struct {
		want []string
		sent []string
	}{
		{nil, []string{`webproxy; error=http_request_denied; details="host_not_listed id=1"`}},
		{nil, []string{`WebProxy`}},
		{nil, []string{`"webproxy";error=dns_error`}},
		{nil, []string{`"web\proxy"`}},
		{nil, []string{`"web`, `webproxy; error=http_request_denied`}},
		{[]string{"cdn; error=dns_error"}, []string{`cdn; error=dns_error, webproxy`}},
		{[]string{`a;details="x, webproxy", b`}, []string{`a;details="x, webproxy"`, "webproxy ;error=x", "b"}},
		{[]string{"webproxy-2", "webproxy2;x"}, []string{"webproxy-2", "webproxy2;x"}},
	}
	status := http.StatusForbidden
	var sent []string
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/early" {
			rw.Header()["Proxy-Status"] = sent
			rw.WriteHeader(http.StatusEarlyHints)
		}
		rw.Header()["Proxy-Status"] = sent
		rw.Header().Set("Server", "webproxy")
		rw.Header().Set("Trailer", "Proxy-Status")
		rw.WriteHeader(status)
		io.WriteString(rw, "no")
		rw.Header()["Proxy-Status"] = sent
	})})
	for _, tt := range tests {
		sent = tt.sent
		for _, path := range []string{"/", "/early"} {
			c := p.Dial()
			c.Send(p.Get(path))
			resp := c.Response("GET")
			for {
				if got := resp.Header["Proxy-Status"]; !slices.Equal(got, []string{strings.Join(tt.want, ", ")}) && len(got)+len(tt.want) > 0 {
					t.Errorf("%d with Proxy-Status %q passed as %q, want %q", resp.StatusCode, tt.sent, got, tt.want)
				}
				if resp.StatusCode >= 200 {
					break
				}
				resp = c.Response("GET")
			}
			c.Body(resp)
			if resp.StatusCode != status || resp.Header["Server"] != nil || len(resp.Trailer) != 0 {
				t.Errorf("%s, Server %q, trailer %v", resp.Status, resp.Header["Server"], resp.Trailer)
			}
		}
	}
}

// Another server's name passes.
func TestServerPasses(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Server", "webproxy/2")
	})})
	c := p.Dial()
	c.Send(p.Get("/"))
	if resp := c.Response("GET"); resp.Header.Get("Server") != "webproxy/2" {
		t.Errorf("Server %q", resp.Header["Server"])
	}
}

// An origin that asks for a proxy's credentials would have clients look for some for this proxy.
func TestOriginAsksForProxyCredentials(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Proxy-Authenticate", "Basic")
		rw.WriteHeader(http.StatusProxyAuthRequired)
		io.WriteString(rw, "who are you?")
	})})
	for i, lines := range [][]string{nil, {"Connection: Upgrade", "Upgrade: websocket"}} {
		c := p.Dial()
		c.Send(p.Get("/", lines...))
		resp := c.Response("GET")
		body, status := c.Body(resp), resp.Header.Get("Proxy-Status")
		if resp.StatusCode != http.StatusBadGateway || resp.Header["Proxy-Authenticate"] != nil ||
			!strings.HasPrefix(status, "webproxy; error=http_protocol_error; received-status=407; ") {
			t.Errorf("%s, Proxy-Status %q", resp.Status, status)
		}
		if !strings.Contains(body, "the origin asked for credentials as only a proxy may (status 407)") || strings.Contains(body, "who are you") {
			t.Errorf("body %q", body)
		}
		r := p.Records(2*i + 2)[2*i+1]
		if r.Type != "egress.close" || r.Decision != "allow" || r.Status != 502 || r.Error != "http_protocol_error" || r.Detail == "" {
			t.Errorf("close record %+v", r)
		}
	}
}
