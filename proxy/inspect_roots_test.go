package proxy_test

import (
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
	"webproxy/proxy"
	"webproxy/proxy/egress"
)

// An authority that is no longer trusted vouches for no further request: not on a new connection, not in a tunnel
// that is open, and not on a connection that was verified before. Those it still is trusted for do not notice.
func TestInspectRevokedRoot(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		var roots *egress.Roots
		p := startInspectedWith(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, r.RemoteAddr) }), leafSpec{},
			func(c *proxytest.Config) {
				setup := c.Setup
				c.Setup = func(s *proxy.Server) { setup(s); roots = s.Roots }
			})
		c := p.client(t, h2)
		get := func(inOpen bool) (*http.Response, string) {
			t.Helper()
			req, err := http.NewRequest("GET", "https://"+p.Target+"/allowed", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.Do(req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
				if info.Reused != inOpen {
					t.Errorf("h2 %v: the tunnel was open before: %v, want %v", h2, info.Reused, inOpen)
				}
			}})))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			return resp, string(b)
		}
		_, before := get(false)
		if _, again := get(true); again != before {
			t.Errorf("h2 %v: two connections to the origin without a reason", h2)
		}
		good := roots.Load()
		roots.Swap(x509.NewCertPool())
		resp, body := get(true)
		if resp.StatusCode != 502 || !strings.Contains(resp.Header.Get("Proxy-Status"), "tls_certificate_error") || !strings.Contains(body, "authority that is not trusted") {
			t.Errorf("h2 %v: in the open tunnel: %s %s", h2, resp.Status, body)
		}
		fresh := p.Dial()
		fresh.Send("CONNECT " + p.Target + " HTTP/1.1\r\nHost: x\r\n\r\n")
		if resp := fresh.Response("CONNECT"); resp.StatusCode != 502 || !strings.Contains(resp.Header.Get("Proxy-Status"), "tls_certificate_error") {
			t.Errorf("h2 %v: a new tunnel: %s", h2, resp.Status)
		}
		roots.Swap(good)
		if resp, after := get(true); resp.StatusCode != 200 || after == before {
			t.Errorf("h2 %v: trusted again: %s by %s, before %s", h2, resp.Status, after, before)
		}
		c.CloseIdleConnections()
		failed := 0
		for _, r := range p.Records(12) { // 2 tunnels and 4 requests
			if r.Error == "tls_certificate_error" && r.Status == 502 && strings.Contains(r.Detail, "not trusted") {
				failed++
			}
		}
		if failed != 2 {
			t.Errorf("h2 %v: %d records with the reason, want 2", h2, failed)
		}
	}
}

// A tunnel that was opened when its origin's authority was trusted, but has not used that connection yet, does not.
func TestInspectRevokedBeforeUse(t *testing.T) {
	var roots *egress.Roots
	p := startInspectedWith(t, http.NotFoundHandler(), leafSpec{}, func(c *proxytest.Config) {
		setup := c.Setup
		c.Setup = func(s *proxy.Server) { setup(s); roots = s.Roots }
	})
	c, r := p.open(t)
	roots.Swap(x509.NewCertPool())
	fmt.Fprintf(c, "GET /allowed HTTP/1.1\r\nHost: %s\r\n\r\n", p.Target)
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 502 {
		t.Errorf("%v, %v", resp, err)
	}
	c.Close()
	p.Records(4)
}

// The same of an upstream proxy by https.
func TestUpstreamRevokedRoot(t *testing.T) {
	parent := startParent(t, true)
	pool := x509.NewCertPool()
	pool.AddCert(parent.Certificate())
	roots := new(egress.Roots)
	roots.Swap(pool)
	p := viaUpstream(t, proxytest.Config{}, nil, egress.Options{Upstreams: specs(parent), Roots: roots})
	ask := func() string {
		t.Helper()
		c := p.Dial()
		defer c.Close()
		c.Send("CONNECT " + p.Target + " HTTP/1.1\r\nHost: x\r\n\r\n")
		return c.Response("CONNECT").Status
	}
	if got := ask(); !strings.HasPrefix(got, "200") {
		t.Error(got)
	}
	roots.Swap(x509.NewCertPool())
	if got := ask(); !strings.HasPrefix(got, "502 webproxy upstream: tls_certificate_error") {
		t.Error(got)
	}
	p.Records(4)
}
