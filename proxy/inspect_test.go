package proxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"webproxy/certs"
	"webproxy/internal/certtest"
	"webproxy/internal/proxytest"
	"webproxy/policy"
	"webproxy/proxy"
	"webproxy/proxy/egress"
)

// An inspected is a proxy that opens TLS to an origin, and a client that trusts it.
type inspected struct {
	*proxytest.Proxy
	Trusted *x509.CertPool // what the client trusts: the proxy's authority
}

// startInspected starts one whose rule allows /allowed below the origin's root. sign makes the
// authority that signs the origin's certificate, and whether the proxy trusts it.
func startInspected(t testing.TB, origin http.Handler, spec leafSpec) *inspected {
	t.Helper()
	return startInspectedWith(t, origin, spec, func(*proxytest.Config) {})
}

// startInspectedWith is startInspected with a configuration that change has changed, and an origin that others have.
func startInspectedWith(t testing.TB, origin http.Handler, spec leafSpec, change func(*proxytest.Config), others ...func(*httptest.Server)) *inspected {
	t.Helper()
	ca := certtest.New(t, "origins")
	server := httptest.NewUnstartedServer(origin)
	server.EnableHTTP2 = !spec.http1
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that hang up
	server.TLS = &tls.Config{Certificates: []tls.Certificate{spec.make(t, ca)}}
	for _, change := range others {
		change(server)
	}
	if spec.h2 != nil {
		server.EnableHTTP2 = false
		server.TLS.NextProtos = []string{"h2"}
		server.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
			"h2": func(_ *http.Server, c *tls.Conn, _ http.Handler) { spec.h2(c) },
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)

	dir := t.TempDir()
	root, err := certs.Make(dir, certs.RootSpec{})
	if err != nil {
		t.Fatal(err)
	}
	authority, err := certs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := &inspected{Trusted: x509.NewCertPool()}
	p.Trusted.AddCert(root.Cert)
	c := proxytest.Config{
		Listener: server.Listener,
		Rules: func(port uint16) []policy.RuleSpec {
			at := fmt.Sprintf("https://%s:%d", proxytest.Host, port)
			return []policy.RuleSpec{
				{ID: "inside", URL: at + "/allowed", Inspect: true, Private: "allow"},
				{ID: "no", URL: at + "/allowed/secret", Deny: true, Inspect: true},
			}
		},
		Setup: func(s *proxy.Server) {
			s.Inspector = authority
			roots := x509.NewCertPool()
			if !spec.untrusted {
				roots.AddCert(ca.Cert)
			}
			s.Roots = new(egress.Roots)
			s.Roots.Swap(roots)
		},
	}
	change(&c)
	p.Proxy = proxytest.Start(t, c)
	return p
}

// client returns a client that asks through the proxy by HTTP/1.1 or HTTP/2.
func (p *inspected) client(t testing.TB, h2 bool) *http.Client {
	pool := &http.Transport{
		Proxy:              http.ProxyURL(&url.URL{Scheme: "http", Host: p.Addr}),
		TLSClientConfig:    &tls.Config{RootCAs: p.Trusted},
		DisableCompression: true,
		ForceAttemptHTTP2:  h2,
	}
	t.Cleanup(pool.CloseIdleConnections)
	return &http.Client{Transport: pool}
}

// An allowed path is allowed and another one refused, by both versions of HTTP, and every request
// inside has its records.
func TestInspect(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		p := startInspected(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(rw, "%s %s %s %s %q", r.Proto, r.Method, r.RequestURI, r.Host, body)
		}), leafSpec{})
		c := p.client(t, h2)
		ask := func(method, path, body string) (int, string) {
			req, err := http.NewRequest(method, "https://"+p.Target+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.Do(req)
			if err != nil {
				t.Fatalf("h2 %v: %s %s: %v", h2, method, path, err)
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			if want := map[bool]int{true: 2, false: 1}[h2]; resp.ProtoMajor != want {
				t.Errorf("the client speaks %s", resp.Proto)
			}
			return resp.StatusCode, string(b)
		}
		status, body := ask("POST", "/allowed?q=a:b", "hello")
		if want := "HTTP/2.0 POST /allowed?q=a:b " + p.Target + ` "hello"`; status != 200 || body != want {
			t.Errorf("h2 %v: %d %s, want 200 %s", h2, status, body, want)
		}
		for path, reason := range map[string]string{"/other": "path_not_allowed", "/": "path_not_allowed", "/allowed/secret": "denied_by_rule", "/allowed/../other": "denied_by_rule"} {
			req := &http.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: p.Target, Opaque: path}}
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 403 || !strings.Contains(string(b), "webproxy denied: "+reason) {
				t.Errorf("h2 %v: %s: %s %s; want %s", h2, path, resp.Status, b, reason)
			}
		}
		c.CloseIdleConnections()
		r := p.Records(8) // CONNECT: 2; POST: 2; denials: 4
		if r[0].Method != "CONNECT" || !r[0].Inspected || !r[0].PathEnforced || r[0].Decision != "allow" {
			t.Errorf("CONNECT: %+v", r[0])
		}
		if d := r[1]; d.Method != "POST" || d.Scheme != "https" || d.Path != "/allowed" || !d.Inspected || !d.PathEnforced || d.Rule != "inside" {
			t.Errorf("POST: %+v", d)
		}
		if e := r[2]; e.Status != 200 || e.BytesOut != 5 || e.BytesIn == 0 || e.DstIP.String() != "127.0.0.1" {
			t.Errorf("end of POST: %+v", e)
		}
		if e := r[7]; e.Method != "CONNECT" || e.Error != "" || e.Status != 200 {
			t.Errorf("end of CONNECT: %+v", e)
		}
	}
}

// A leafSpec says what is wrong with an origin's certificate.
type leafSpec struct {
	name       string
	from, till time.Duration // from now
	selfSigned bool
	untrusted  bool
	http1      bool            // the origin speaks no HTTP/2
	h2         func(*tls.Conn) // speaks HTTP/2 instead of the origin; it may be nil
}

func (l leafSpec) make(t testing.TB, ca *certtest.Authority) tls.Certificate {
	t.Helper()
	if l.name == "" {
		l.name = proxytest.Host
	}
	if l.till == 0 {
		l.from, l.till = -time.Hour, time.Hour
	}
	times := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(l.from), time.Now().Add(l.till) }
	if l.selfSigned {
		return certtest.SelfSigned(t, l.name, times)
	}
	leaf := ca.Issue(t, l.name, times)
	leaf.Certificate = leaf.Certificate[:1] // servers do not send the authority
	return leaf
}

// No client gets a good certificate for an origin whose own is bad: the CONNECT fails, and says why.
func TestInspectBadOrigin(t *testing.T) {
	for _, tt := range []struct {
		spec leafSpec
		want string
	}{
		{leafSpec{from: -48 * time.Hour, till: -time.Hour}, "the certificate has expired"},
		{leafSpec{from: time.Hour, till: 2 * time.Hour}, "the certificate is not valid yet"},
		{leafSpec{name: "other.test"}, "the certificate is for another name"},
		{leafSpec{selfSigned: true}, "the certificate is signed by"},
		{leafSpec{untrusted: true}, "the certificate is signed by an authority that is not trusted"},
	} {
		p := startInspected(t, http.NotFoundHandler(), tt.spec)
		c := p.Dial()
		c.Send("CONNECT " + p.Target + " HTTP/1.1\r\nHost: x\r\n\r\n")
		resp := c.Response("CONNECT")
		body := c.Body(resp)
		if resp.StatusCode != 502 || !strings.Contains(resp.Header.Get("Proxy-Status"), "error=tls_certificate_error") || !strings.Contains(body, tt.want) {
			t.Errorf("%+v: %s, Proxy-Status %s\n%s", tt.spec, resp.Status, resp.Header.Get("Proxy-Status"), body)
		}
		if r := p.Records(2)[1]; r.Error != "tls_certificate_error" || r.Status != 502 || !strings.Contains(r.Detail, tt.want) {
			t.Errorf("%+v: record %+v", tt.spec, r)
		}
	}
}

// What is inside a tunnel is for its host only, by the ClientHello and by each request.
func TestInspectOtherHost(t *testing.T) {
	p := startInspected(t, http.NotFoundHandler(), leafSpec{})
	c := p.Connect("")
	if err := tls.Client(c, &tls.Config{ServerName: "other.test", RootCAs: p.Trusted}).Handshake(); err == nil {
		t.Error("a hello for another host is served")
	}
	c = p.Connect("")
	secure := tls.Client(c, &tls.Config{ServerName: proxytest.Host, RootCAs: p.Trusted})
	io.WriteString(secure, "GET /allowed HTTP/1.1\r\nHost: other.test\r\n\r\n")
	b, _ := io.ReadAll(io.LimitReader(secure, 60))
	if !strings.HasPrefix(string(b), "HTTP/1.1 400") {
		t.Errorf("a request for another host: %q", b)
	}
	secure.Close()
	found := map[string]bool{}
	for _, r := range p.Records(5) {
		found[string(r.Type)+" "+r.Method+" "+r.Reason] = true
	}
	if !found["egress.close CONNECT sni_mismatch"] || !found["egress.decision GET bad_target"] {
		t.Errorf("records: %v", found)
	}
}

// A WebSocket works inside.
func TestInspectWebSocket(t *testing.T) {
	p := startInspected(t, websocket.Handler(func(ws *websocket.Conn) {
		var s string
		websocket.Message.Receive(ws, &s)
		websocket.Message.Send(ws, "got "+s)
	}), leafSpec{})
	secure := tls.Client(p.Connect(""), &tls.Config{ServerName: proxytest.Host, RootCAs: p.Trusted})
	config, err := websocket.NewConfig("wss://"+p.Target+"/allowed", "https://"+p.Target)
	if err != nil {
		t.Fatal(err)
	}
	ws, err := websocket.NewClient(config, secure)
	if err != nil {
		t.Fatal(err)
	}
	websocket.Message.Send(ws, "hi")
	var got string
	websocket.Message.Receive(ws, &got)
	if got != "got hi" {
		t.Errorf("the client got %q", got)
	}
	ws.Close()
	for _, r := range p.Records(4) {
		if r.Type == "egress.close" && r.Method == "GET" && (r.Status != 101 || r.BytesOut == 0 || !r.Inspected) {
			t.Errorf("record %+v", r)
		}
	}
}

func BenchmarkInspect(b *testing.B) {
	p := startInspected(b, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "ok") }), leafSpec{})
	get := func(b *testing.B, c *http.Client) {
		resp, err := c.Get("https://" + p.Target + "/allowed")
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	for _, h2 := range []bool{false, true} {
		b.Run(map[bool]string{false: "request/http1", true: "request/http2"}[h2], func(b *testing.B) {
			c := p.client(b, h2)
			for b.Loop() {
				get(b, c)
			}
		})
	}
	b.Run("handshake", func(b *testing.B) {
		for b.Loop() {
			c := p.client(b, false)
			get(b, c)
			c.CloseIdleConnections()
		}
	})
}
