package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"webproxy/audit"
	"webproxy/internal/certtest"
	"webproxy/internal/proxytest"
	"webproxy/policy"
	"webproxy/proxy"
)

func poolOf(certs ...tls.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c.Leaf)
	}
	return pool
}

// alsoServe has p's server serve one more listener, with TLS if config is not nil.
func alsoServe(t *testing.T, p *proxytest.Proxy, o *proxy.TLSListener) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		if o != nil {
			served <- p.Server.ServeTLS(ln, *o)
		} else {
			served <- p.Server.Serve(ln)
		}
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), proxytest.Patience)
		defer cancel()
		p.Server.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return ln.Addr().String()
}

// twoGroups lets the group vip reach the origin, and nobody else.
func twoGroups(p *proxytest.Proxy) *policy.Set {
	rules := proxytest.OriginRule(p.Port)
	rules[0].For = []string{"vip"}
	set, err := policy.Compile(&policy.Spec{
		Clients: map[string][]string{"local": {"127.0.0.0/8"}, "vip": {"10.9.0.0/16", "2001:db8::/64"}},
		Rules:   rules,
	}, nil, policy.Env{})
	if err != nil {
		panic(err)
	}
	return set
}

func TestTLSListener(t *testing.T) {
	server, vip, stranger := certtest.SelfSigned(t, "proxy.test", nil), certtest.SelfSigned(t, "node1.vip.test", nil), certtest.SelfSigned(t, "node2.vip.test", nil)
	p := proxytest.Start(t, proxytest.Config{})
	p.Live.Swap(twoGroups(p))
	addr := alsoServe(t, p, &proxy.TLSListener{
		Config: &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: poolOf(vip)},
		Identify: func(c *x509.Certificate) (group, name string) {
			return "vip", c.DNSNames[0]
		},
	})
	dial := func(certs ...tls.Certificate) *tls.Conn {
		t.Helper()
		c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "proxy.test", RootCAs: poolOf(server), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &append(certs, tls.Certificate{})[0], nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(proxytest.Patience))
		return c
	}
	ask := func(c net.Conn, request string) string {
		t.Helper()
		io.WriteString(c, request)
		b, _ := io.ReadAll(c)
		c.Close()
		return string(b)
	}
	connect := "CONNECT " + p.Target + " HTTP/1.1\r\nHost: " + p.Target + "\r\n\r\n"
	inner := "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

	// by its certificate
	if got := ask(dial(vip), connect+inner); !strings.HasPrefix(got, "HTTP/1.1 200 Connection established\r\n") || !strings.HasSuffix(got, "ok") {
		t.Errorf("CONNECT with a certificate: %q", got)
	}
	if got := ask(dial(vip), p.Get("/", "Connection: close")); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("GET with a certificate: %q", got)
	}
	r := p.Records(4)
	for _, i := range []int{0, 2} {
		if r[i].Group != "vip" || r[i].ClientName != "node1.vip.test" || r[i].Decision != "allow" || r[i].Client.String() != "127.0.0.1" {
			t.Errorf("record %+v", r[i])
		}
	}
	// by its address
	if got := ask(dial(), connect); !strings.HasPrefix(got, "HTTP/1.1 403 webproxy denied: client_not_allowed") {
		t.Errorf("CONNECT without a certificate: %q", got)
	}
	if r := p.Records(5)[4]; r.Group != "local" || r.ClientName != "" {
		t.Errorf("record %+v", r)
	}
	// one that nobody vouches for; in TLS 1.3 the client hears of it later
	c := dial(stranger)
	if got := ask(c, connect); got != "" {
		t.Errorf("CONNECT with a strange certificate: %q", got)
	}
	if r := p.Records(6)[5]; r.Reason != "bad_request" || !strings.HasPrefix(r.Detail, "TLS handshake failed: ") {
		t.Errorf("record %+v", r)
	}
	// not TLS at all
	plain, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if got := ask(plain, connect); !strings.HasPrefix(got, "HTTP/1.1 400 webproxy denied: bad_request") {
		t.Errorf("CONNECT without TLS: %q", got)
	}
	if r := p.Records(7)[6]; r.Detail != "not TLS, on a port for TLS" {
		t.Errorf("record %+v", r)
	}
}

// A large response goes through TLS whole, in a tunnel with TLS of its own, and ends as it should.
func TestTunnelInTLS(t *testing.T) {
	server := certtest.SelfSigned(t, "proxy.test", nil)
	p := proxytest.Start(t, proxytest.Config{Listener: tlsOrigin(t, nil), Rules: helloRules})
	addr := alsoServe(t, p, &proxy.TLSListener{Config: &tls.Config{Certificates: []tls.Certificate{server}}})
	transport := p.Client.Transport.(*http.Transport).Clone()
	transport.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse("https://" + addr) }
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true, ServerName: "origin.test"}
	defer transport.CloseIdleConnections()
	for range 3 {
		resp, err := (&http.Client{Transport: transport}).Get("https://" + p.Target)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || len(b) < 100_000 {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		transport.CloseIdleConnections()
	}
	for _, r := range p.Records(6) { // a tunnel may be closed after the next one was opened
		if r.Type == audit.TypeClose && (r.SNI != "origin.test" || r.BytesIn < 100_000) {
			t.Errorf("close record %+v", r)
		}
	}
}

func header(version byte, from string) []byte {
	h := proxyproto.HeaderProxyFromAddrs(version, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from)), net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:9090")))
	if strings.HasPrefix(from, "[") {
		h = proxyproto.HeaderProxyFromAddrs(version, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from)), net.TCPAddrFromAddrPort(netip.MustParseAddrPort("[2001:db8::1]:9090")))
	}
	b, err := h.Format()
	if err != nil {
		panic(err)
	}
	return b
}

// A balancer's header tells the client; without one there is no service; others cannot have one.
func TestBalancer(t *testing.T) {
	server := certtest.SelfSigned(t, "proxy.test", nil)
	local := []byte("\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00")
	for i, tt := range []struct {
		name      string
		balancers []string
		header    []byte
		response  string
		client    string // of the record
		detail    string
	}{
		{"version 1", []string{"127.0.0.1"}, header(1, "10.9.1.2:4711"), "HTTP/1.1 200 ", "10.9.1.2:4711", ""},
		{"version 2", []string{"127.0.0.0/8"}, header(2, "10.9.1.2:4711"), "HTTP/1.1 200 ", "10.9.1.2:4711", ""},
		{"version 2, IPv6", []string{"127.0.0.1"}, header(2, "[2001:db8::7]:4711"), "HTTP/1.1 200 ", "[2001:db8::7]:4711", ""},
		{"another group", []string{"127.0.0.1"}, header(2, "127.0.0.9:4711"), "HTTP/1.1 403 webproxy denied: client_not_allowed", "127.0.0.9:4711", ""},
		{"no group", []string{"127.0.0.1"}, header(1, "203.0.113.1:4711"), "HTTP/1.1 403 webproxy denied: client_unknown", "203.0.113.1:4711", ""},
		{"a check of the balancer's own", []string{"127.0.0.1"}, local, "HTTP/1.1 403 webproxy denied: client_not_allowed", "127.0.0.1", ""},
		{"none", []string{"127.0.0.1"}, nil, "HTTP/1.1 400 webproxy denied: bad_request", "127.0.0.1", "no PROXY protocol header"},
		{"cut off", []string{"127.0.0.1"}, []byte("PROXY TCP4 10.9.1.2\r\n"), "HTTP/1.1 400 webproxy denied: bad_request", "127.0.0.1", "no PROXY protocol header"},
		{"too long", []string{"127.0.0.1"}, bytes.Repeat([]byte("PROXY "), 100), "HTTP/1.1 400 webproxy denied: bad_request", "127.0.0.1", "no PROXY protocol header"},
		{"UDP", []string{"127.0.0.1"}, []byte("\r\n\r\n\x00\r\nQUIT\n\x21\x12\x00\x0c\x0a\x09\x01\x02\x0a\x09\x01\x03\x00\x01\x00\x02"), "HTTP/1.1 400 webproxy denied: bad_request", "127.0.0.1", "no PROXY"},
		{"from anybody", nil, header(1, "10.9.1.2:4711"), "HTTP/1.0 505 webproxy denied: bad_request", "127.0.0.1", "not HTTP/1.0 or HTTP/1.1"},
		{"from anybody, version 2", nil, header(2, "10.9.1.2:4711"), "HTTP/1.0 400 webproxy denied: bad_request", "127.0.0.1", ""},
	} {
		for _, secure := range []bool{false, true} {
			if secure && (i > 2 || tt.balancers == nil) {
				continue
			}
			t.Run(fmt.Sprintf("%s, TLS %t", tt.name, secure), func(t *testing.T) {
				p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) { s.Options.Balancers = tt.balancers }})
				p.Live.Swap(twoGroups(p))
				var o *proxy.TLSListener
				if secure {
					o = &proxy.TLSListener{Config: &tls.Config{Certificates: []tls.Certificate{server}}}
				}
				c, err := net.Dial("tcp", alsoServe(t, p, o))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				c.SetDeadline(time.Now().Add(proxytest.Patience))
				request := []byte(p.Get("/", "Connection: close"))
				if secure {
					c.Write(tt.header)
					c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
					c.Write(request)
				} else {
					c.Write(append(tt.header, request...))
				}
				b, _ := io.ReadAll(c)
				if !strings.HasPrefix(string(b), tt.response) {
					t.Errorf("response %q, want %q", b, tt.response)
				}
				r := p.Records(1)[0]
				if got := netip.AddrPortFrom(r.Client, r.ClientPort).String(); got != tt.client && r.Client.String() != tt.client || !strings.Contains(r.Detail, tt.detail) {
					t.Errorf("record of %s, want %s; detail %q, want %q", got, tt.client, r.Detail, tt.detail)
				}
			})
		}
	}
}

// The limit for each client is that of the client, not of the balancer.
func TestBalancerLimits(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) {
		s.Options.Balancers, s.Options.MaxConnectionsPerClient = []string{"127.0.0.1"}, 2
	}})
	p.Live.Swap(twoGroups(p))
	open := func(from string) string {
		c := p.Dial()
		c.Send(string(header(2, from)) + "CONNECT " + p.Target + " HTTP/1.1\r\nHost: x\r\n\r\n")
		return c.Response("CONNECT").Status
	}
	for _, tt := range []struct{ from, want string }{
		{"10.9.1.1:1", "200 Connection"}, {"10.9.1.1:2", "200 Connection"}, {"10.9.1.1:3", "503 webproxy denied: overloaded"},
		{"10.9.1.2:1", "200 Connection"}, {"10.9.1.2:2", "200 Connection"},
	} {
		if got := open(tt.from); !strings.HasPrefix(got, tt.want) {
			t.Errorf("from %s: %s, want %s", tt.from, got, tt.want)
		}
	}
}
