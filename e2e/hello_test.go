//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestServerNames has curl and OpenSSL name hosts in the TLS of their tunnels: the tunnel's own host, another
// permitted one, one that is not permitted, and none.
func TestServerNames(t *testing.T) {
	ln := listen(t, "127.0.0.1:0")
	config := newAuthority(t).config()
	config.NextProtos = []string{"h2", "http/1.1"}
	config.GetConfigForClient = func(info *tls.ClientHelloInfo) (*tls.Config, error) {
		info.ServerName = "a.test" // its certificate is used for every name, and without one
		return nil, nil
	}
	serve(t, tls.NewListener(ln, config), http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, "%s name=%s", r.Proto, r.TLS.ServerName)
	}))
	s := newSite(t)
	s.configure(fmt.Sprintf(`policy: { rules: [{ id: o, hosts: [a.test, b.test], ports: [%d], private: allow }] }`+"\n", portOf(ln)))
	p := s.start()
	target := fmt.Sprintf("a.test:%d", portOf(ln))

	openssl := func(args string) ran {
		return run(t, nil, "sh", "-c", `printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -ign_eof -quiet -proxy `+p.addr+" -connect "+target+" "+args)
	}
	// curl's TLS names the host of the URL; its tunnel goes to a.test.
	curl := func(name string, args ...string) ran {
		url := fmt.Sprintf("https://%s:%d/", name, portOf(ln))
		args = append(args, "-sS", "--insecure", "--proxy", "http://"+p.addr, "--connect-to", "::"+target, url)
		return run(t, nil, "curl", args...)
	}
	const let, both = "allow allowed_by_rule", "h2,http/1.1"
	tests := []struct {
		got    ran
		prints string
		record string // decision, reason, sni, tls, alpn
	}{
		{openssl("-servername a.test"), "HTTP/1.0 name=a.test", let + " a.test 1.3 "},
		{openssl("-servername b.test"), "HTTP/1.0 name=b.test", let + " b.test 1.3 "},
		{openssl("-servername A.TEST -tls1_2"), "HTTP/1.0 name=A.TEST", let + " a.test 1.2 "},
		{openssl("-noservername"), "HTTP/1.0 name=", let + "  1.3 "},
		{openssl("-servername evil.test"), "tlsv1 unrecognized name", "deny sni_mismatch evil.test 1.3 "},
		{curl("a.test"), "HTTP/2.0 name=a.test", let + " a.test 1.3 " + both},
		{curl("a.test", "--http1.1"), "HTTP/1.1 name=a.test", let + " a.test 1.3 http/1.1"},
		{curl("b.test"), "HTTP/2.0 name=b.test", let + " b.test 1.3 " + both},
		{curl("evil.test"), "unrecognized name", "deny sni_mismatch evil.test 1.3 " + both},
	}
	p.stop()
	decided, closed := decisions(t, records(t, s.audit()))
	if len(decided) != len(tests) {
		t.Fatalf("%d decisions, want %d", len(decided), len(tests))
	}
	for i, tt := range tests {
		if out := tt.got.stdout + tt.got.stderr; !strings.Contains(out, tt.prints) {
			t.Errorf("%d: want %q in %q", i, tt.prints, tail(out, 1000))
		}
		r := closed[decided[i].ID]
		if got := strings.Join([]string{string(r.Decision), r.Reason, r.SNI, r.TLS, r.ALPN}, " "); got != tt.record || r.Host != "a.test" {
			t.Errorf("%d: recorded %q, want %q in %+v", i, got, tt.record, r)
		}
	}
}
