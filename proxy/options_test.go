package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
	"webproxy/policy"
	"webproxy/proxy/egress"
)

var tellTarget = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(rw, "%s %s %s", r.Method, r.RequestURI, r.Host)
})

// OPTIONS without a path is about the whole server, and the last proxy says so (RFC 9112, 3.2.4).
func TestOptionsOfAServer(t *testing.T) {
	tests := []struct{ method, rest, want string }{
		{"OPTIONS", "", "*"}, {"OPTIONS", "/", "/"}, {"OPTIONS", "?", "/?"}, {"OPTIONS", "?a", "/?a"}, {"OPTIONS", "/*", "/*"}, {"GET", "", "/"},
	}
	ask := func(p *proxytest.Proxy, method, rest string) {
		c := p.Dial()
		c.Send(fmt.Sprintf("%s http://%s%s HTTP/1.1\r\nHost: x\r\n\r\n", method, p.Target, rest))
		c.Body(c.Response(method))
	}
	t.Run("direct", func(t *testing.T) {
		origin := scripted(t, okResponse)
		p := proxytest.Start(t, proxytest.Config{Listener: origin.ln})
		for _, tt := range tests {
			ask(p, tt.method, tt.rest)
			if got, want := strings.Join(origin.take(), ""), fmt.Sprintf("%s %s %s ", tt.method, tt.want, p.Target); !strings.HasPrefix(got, want) {
				t.Errorf("%s %q: the origin hears %q, want %q", tt.method, tt.rest, got, want)
			}
		}
	})
	t.Run("upstream", func(t *testing.T) {
		parent := startParent(t, false)
		p := viaUpstream(t, proxytest.Config{}, nil, egress.Options{Upstreams: specs(parent)})
		for _, tt := range tests {
			ask(p, tt.method, tt.rest)
			want := "http://" + p.Target + strings.TrimPrefix(tt.want, "*")
			if got := parent.saw.Load().RequestURI; got != want {
				t.Errorf("%s %q: the upstream proxy hears %q, want %q", tt.method, tt.rest, got, want)
			}
		}
	})
}

// A rule with a path does not admit what is about the whole server.
func TestOptionsOfAServerWithPath(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: tellTarget, Rules: func(port uint16) []policy.RuleSpec {
		return []policy.RuleSpec{{ID: "path", URL: fmt.Sprintf("http://%s:%d/pub/*", proxytest.Host, port), Private: "allow"}}
	}})
	c := p.Dial()
	c.Send("OPTIONS http://" + p.Target + " HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp := c.Response("OPTIONS"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("%s", resp.Status)
	}
	p.Records(1)
}

// Inside inspected TLS the absolute form of the tunnel's own host is accepted (RFC 9112, 3.2.2), with its rules, and
// so is OPTIONS *.
func TestInspectForms(t *testing.T) {
	p := startInspectedWith(t, tellTarget, leafSpec{http1: true}, func(c *proxytest.Config) {
		rules := c.Rules
		c.Rules = func(port uint16) []policy.RuleSpec {
			return append(rules(port), policy.RuleSpec{ID: "options", URL: fmt.Sprintf("https://%s:%d/", proxytest.Host, port),
				Methods: []string{"OPTIONS"}, Inspect: true, Private: "allow"})
		}
	})
	const general = "net/http's own response to OPTIONS *" // it is empty
	for _, tt := range []struct{ request, host, want string }{
		{"GET https://" + p.Target + "/allowed?x", p.Target, "GET /allowed?x " + p.Target},
		{"GET HTTPS://" + strings.ToUpper(p.Target) + "/allowed//a", "other.test", "GET /allowed//a " + p.Target},
		{"GET https://" + p.Target + "/other", p.Target, ""},
		{"GET https://" + p.Target + "/allowed/secret", p.Target, ""},
		{"OPTIONS /", p.Target, "OPTIONS / " + p.Target},
		{"OPTIONS *", p.Target, general},
		{"OPTIONS https://" + p.Target, p.Target, general},
	} {
		c, r := p.open(t)
		io.WriteString(c, tt.request+" HTTP/1.1\r\nHost: "+tt.host+"\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.request, err)
		}
		body, _ := io.ReadAll(resp.Body)
		if tt.want == general && resp.StatusCode == http.StatusOK && len(body) == 0 {
			continue
		}
		if tt.want != "" && string(body) != tt.want || tt.want == "" && resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s %q, want %q", tt.request, resp.Status, body, tt.want)
		}
		c.Close()
	}
}
