package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"webproxy/audit"
	"webproxy/internal/certtest"
	"webproxy/internal/proxytest"
	"webproxy/policy"
	"webproxy/proxy"
)

// open opens the TLS of a tunnel, as a client of HTTP/1.1.
func (p *inspected) open(t *testing.T) (*tls.Conn, *bufio.Reader) {
	t.Helper()
	c := tls.Client(p.Connect(""), &tls.Config{ServerName: proxytest.Host, RootCAs: p.Trusted})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// What is not a request is refused by the same filter inside inspected TLS as outside, with the denial contract and
// a record, and reaches nobody.
func TestInspectMalformed(t *testing.T) {
	p := startInspected(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s reached the origin", r.Method, r.RequestURI)
	}), leafSpec{})
	host := "Host: " + p.Target + "\r\n"
	for _, tt := range []struct {
		status int
		reason string
		detail string // part of it
		send   string
	}{
		{400, "bad_request", "both Content-Length", "POST /allowed HTTP/1.1\r\n" + host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{400, "bad_request", "folded", "GET /allowed HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n"},
		{400, "bad_request", "LF without CR", "GET /allowed HTTP/1.1\n" + host + "\r\n"},
		{400, "bad_request", "field name", "GET /allowed HTTP/1.1\r\n" + host + "X : a\r\n\r\n"},
		{400, "bad_request", "no Host", "GET /allowed HTTP/1.1\r\n\r\n"},
		{400, "bad_request", "more than one Host", "GET /allowed HTTP/1.1\r\n" + host + host + "\r\n"},
		{417, "bad_request", "Expect", "POST /allowed HTTP/1.1\r\n" + host + "Expect: cake\r\nContent-Length: 1\r\n\r\nx"},
		{505, "bad_request", "HTTP/1.0 or", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		{400, "bad_request", "percent escape", "GET /allowed%gg HTTP/1.1\r\n" + host + "\r\n"},
		{400, "bad_request", "TLS", "\x16\x03\x01\x00\x05hello"},
		{400, "bad_request", "connection closed inside", "GET /allo"},
		{400, "bad_target", "names a path only", "CONNECT " + p.Target + " HTTP/1.1\r\n" + host + "\r\n"},
		{400, "bad_target", "names a path only", "CONNECT " + p.Target + " HTTP/1.1\r\n" + host + "Accept: text/plain\r\n\r\n"},
		{400, "bad_target", "another host", "GET https://other.test/allowed HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n"},
		{400, "bad_target", "another host", "GET https://" + proxytest.Host + ":1/allowed HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n"},
		{400, "bad_target", "another host", "GET http://" + p.Target + "/allowed HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n"},
		{400, "bad_target", "another host", "OPTIONS * HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n"},
		{400, "bad_target", "another host", "GET /allowed HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n"},
		{400, "bad_target", "another host", "GET /allowed HTTP/1.0\r\n\r\n"},
	} {
		before := len(p.Audit.All())
		c, r := p.open(t)
		io.WriteString(c, tt.send)
		c.CloseWrite()
		resp, err := http.ReadResponse(r, &http.Request{Method: "GET"})
		if err != nil {
			t.Fatalf("%.60q: %v", tt.send, err)
		}
		body, err := io.ReadAll(resp.Body)
		if rest, _ := io.ReadAll(r); err != nil || len(rest) > 0 {
			t.Errorf("%.60q: %v; %q after the response", tt.send, err, rest)
		}
		c.Close()
		records := p.Records(before + 3)[before:] // of the CONNECT, two
		var found []proxytest.Record
		for _, r := range records {
			if r.Decision == "deny" {
				found = append(found, r)
			}
		}
		if len(records) != 3 || len(found) != 1 {
			t.Fatalf("%.60q: records %+v", tt.send, records)
		}
		d := found[0]
		if d.Type != audit.TypeDecision || d.Reason != tt.reason || d.Status != tt.status || !strings.Contains(d.Detail, tt.detail) ||
			d.Host != proxytest.Host || d.Scheme != "https" || !d.Inspected || d.Error != "http_request_error" {
			t.Errorf("%.60q: record %+v", tt.send, d)
		}
		said := fmt.Sprintf("webproxy denied: %s %s", tt.reason, p.Target)
		if want := fmt.Sprintf("%d %s id=%s", tt.status, said, d.ID); resp.Status != want || !strings.HasPrefix(string(body), said+"\n") || !resp.Close {
			t.Errorf("%.60q: %s, close %v, %q; want %s", tt.send, resp.Status, resp.Close, body, want)
		}
	}
}

// Behind a malformed chunk there is no request: the one that it belongs to breaks off, and says so.
func TestInspectMalformedChunk(t *testing.T) {
	p := startInspected(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }), leafSpec{})
	c, r := p.open(t)
	io.WriteString(c, "POST /allowed HTTP/1.1\r\nHost: "+p.Target+"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\nGET /allowed HTTP/1.1\r\n\r\n")
	resp, err := http.ReadResponse(r, &http.Request{Method: "POST"})
	if err != nil || resp.StatusCode != 400 {
		t.Fatal(resp, err)
	}
	io.Copy(io.Discard, r)
	c.Close()
	for _, r := range p.Records(4) {
		if r.Type == audit.TypeClose && r.Method == "POST" && (r.Reason != "bad_request" || r.Status != 400) {
			t.Errorf("record %+v", r)
		}
	}
}

// Pipelined requests are served one by one.
func TestInspectPipelining(t *testing.T) {
	p := startInspected(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, r.URL.Path) }), leafSpec{})
	c, r := p.open(t)
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: " + p.Target + "\r\n\r\n" }
	io.WriteString(c, get("/allowed")+get("https://"+p.Target+"/allowed")+get("http://"+p.Target+"/allowed")+get("/other")+get("/allowed/b")+get("/allowed /c"))
	for _, want := range []string{"200 OK /allowed", "200 OK /allowed", "400 webproxy denied: bad_target", "403 webproxy denied: path_not_allowed", "200 OK /allowed/b", "400 webproxy denied: bad_request"} {
		resp, err := http.ReadResponse(r, &http.Request{Method: "GET"})
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if got := resp.Status + " " + string(body); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	c.Close()
	p.Records(11) // CONNECT and three requests: 2 each; denials: 3
}

// A client is known by its certificate inside the tunnel as it was when it asked for it.
func TestInspectClientGroup(t *testing.T) {
	server, vip := certtest.SelfSigned(t, "proxy.test", nil), certtest.SelfSigned(t, "node1.vip.test", nil)
	for _, protocol := range []string{"http/1.1", "h2"} {
		p := startInspected(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "ok") }), leafSpec{})
		p.Live.Swap(vipOnly(t, p.Port))
		addr := alsoServe(t, p.Proxy, &proxy.TLSListener{
			Config:   &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: poolOf(vip)},
			Identify: func(c *x509.Certificate) (group, name string) { return "vip", c.DNSNames[0] },
		})
		outer, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{vip}})
		if err != nil {
			t.Fatal(err)
		}
		defer outer.Close()
		fmt.Fprintf(outer, "CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n", p.Target)
		if _, err := http.ReadResponse(bufio.NewReaderSize(oneByte{outer}, 16), &http.Request{Method: "CONNECT"}); err != nil {
			t.Fatal(err)
		}
		pool := &http.Transport{
			DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
				c := tls.Client(outer, &tls.Config{ServerName: proxytest.Host, RootCAs: p.Trusted, NextProtos: []string{protocol}})
				return c, c.Handshake()
			},
			ForceAttemptHTTP2: protocol == "h2",
		}
		resp, err := (&http.Client{Transport: pool}).Get("https://" + p.Target + "/allowed")
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		pool.CloseIdleConnections()
		for _, r := range p.Records(4) {
			if resp.StatusCode != 200 || r.Group != "vip" || r.ClientName != "node1.vip.test" || r.Decision != "allow" {
				t.Errorf("%s: %s; record %+v", protocol, resp.Status, r)
			}
		}
	}
}

// vipOnly lets one group, to which no address belongs, ask for /allowed.
func vipOnly(t *testing.T, port uint16) *policy.Set {
	t.Helper()
	set, err := policy.Compile(&policy.Spec{
		Clients: map[string][]string{"local": {"127.0.0.0/8"}, "vip": {"10.9.0.0/16"}},
		Rules:   []policy.RuleSpec{{ID: "vip", For: []string{"vip"}, URL: fmt.Sprintf("https://%s:%d/allowed", proxytest.Host, port), Inspect: true, Private: "allow"}},
	}, nil, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// oneByte reads a byte at a time: what follows is somebody else's.
type oneByte struct{ net.Conn }

func (c oneByte) Read(b []byte) (int, error) { return c.Conn.Read(b[:min(len(b), 1)]) }

// Inspected tunnels in which nothing is asked do not keep the proxy from stopping; a request inside may end.
func TestInspectShutdown(t *testing.T) {
	proxytest.Parallel(t)
	for _, h2 := range []bool{false, true} {
		asked, release := make(chan bool), make(chan bool)
		p := startInspected(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/allowed/slow" {
				asked <- true
				<-release
			}
			io.WriteString(rw, "ok")
		}), leafSpec{})
		get := func(c *http.Client, path string) {
			resp, err := c.Get("https://" + p.Target + path)
			if err != nil {
				t.Errorf("h2 %v: %s: %v", h2, path, err)
				return
			}
			defer resp.Body.Close()
			if b, err := io.ReadAll(resp.Body); string(b) != "ok" {
				t.Errorf("h2 %v: %s: %q, %v", h2, path, b, err)
			}
		}
		get(p.client(t, h2), "/allowed") // its connection stays
		busy := make(chan bool)
		go func() {
			defer close(busy)
			get(p.client(t, h2), "/allowed/slow")
		}()
		<-asked
		stopped := make(chan error, 1)
		go func() { stopped <- p.Server.Shutdown(t.Context()) }()
		// The idle tunnel ends although another is busy: 2 records each, but for the ends of what is busy.
		r := p.Records(6)
		if last := r[5]; last.Type != audit.TypeClose || last.Method != "CONNECT" || last.Error != "" {
			t.Errorf("h2 %v: record %+v", h2, last)
		}
		close(release)
		<-busy
		if err := <-stopped; err != nil {
			t.Errorf("h2 %v: Shutdown: %v", h2, err)
		}
		if r := p.Audit.All(); len(r) != 8 {
			t.Errorf("h2 %v: %d records, want 8", h2, len(r))
		}
	}
}
