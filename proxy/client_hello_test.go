package proxy_test

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
	"webproxy/policy"
	"webproxy/proxy"
)

// helloRules let clients reach origin.test and other.test, and evil.test not even in learn mode.
func helloRules(port uint16) []policy.RuleSpec {
	rules := proxytest.OriginRule(port)
	rules[0].Hosts = append(rules[0].Hosts, "other.test", "127.0.0.1")
	return append(rules, policy.RuleSpec{ID: "never", Deny: true, Hosts: []string{"evil.test"}})
}

// tlsOrigin is an HTTPS origin; names are not its business.
func tlsOrigin(t *testing.T, config *tls.Config) net.Listener {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, r.Proto, " ", r.TLS.ServerName, " ", strings.Repeat("x", 100_000))
	}))
	s.TLS, s.EnableHTTP2 = config, true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener
}

// A portioned connection sends what is written to it as cut tells.
type portioned struct {
	net.Conn
	cut func([]byte) [][]byte
}

func (c *portioned) Write(b []byte) (int, error) {
	for _, part := range c.cut(b) {
		if _, err := c.Conn.Write(part); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func segments(size int) func([]byte) [][]byte {
	return func(b []byte) [][]byte { return slices.Collect(slices.Chunk(b, size)) }
}

// intoRecords cuts each handshake record into some of at most size bytes; all go out at once.
func intoRecords(size int) func([]byte) [][]byte {
	return func(b []byte) [][]byte {
		if b[0] != 22 {
			return [][]byte{b}
		}
		var out []byte
		for part := range slices.Chunk(b[5:], size) {
			out = append(out, b[:3]...)
			out = append(binary.BigEndian.AppendUint16(out, uint16(len(part))), part...)
		}
		return [][]byte{out}
	}
}

// get fetches the origin's page in a tunnel to target, with TLS as config says.
func get(t *testing.T, p *proxytest.Proxy, target string, config *tls.Config, cut func([]byte) [][]byte) (string, error) {
	t.Helper()
	transport := &http.Transport{ForceAttemptHTTP2: true, DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		c := p.Dial()
		c.SetNoDelay(true)
		c.Send("CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n")
		if resp := c.Response("CONNECT"); resp.StatusCode != 200 {
			return nil, fmt.Errorf("CONNECT: %s", resp.Status)
		}
		conn := tls.Client(&portioned{c.TCPConn, cut}, config)
		return conn, conn.HandshakeContext(ctx)
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	resp, err := client.Get("https://" + target + "/")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return strings.TrimRight(string(b), "x"), err
}

// echConfig is a key for encrypted ClientHellos, and what a client has to know of it.
func echConfig(t *testing.T, public string) (tls.EncryptedClientHelloKey, []byte) {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// ECHConfig of RFC 9849, 4: id 7, X25519, one suite (HKDF-SHA256, AES-128-GCM).
	body := append([]byte{7, 0, 0x20, 0, 32}, key.PublicKey().Bytes()...)
	body = append(body, 0, 4, 0, 1, 0, 1, 0, byte(len(public)))
	body = append(append(body, public...), 0, 0)
	config := append([]byte{0xfe, 0x0d, byte(len(body) >> 8), byte(len(body))}, body...)
	list := append([]byte{byte(len(config) >> 8), byte(len(config))}, config...)
	return tls.EncryptedClientHelloKey{Config: config, PrivateKey: key.Bytes()}, list
}

func TestHelloLetsThrough(t *testing.T) {
	key, list := echConfig(t, proxytest.Host)
	p := proxytest.Start(t, proxytest.Config{
		Listener: tlsOrigin(t, &tls.Config{EncryptedClientHelloKeys: []tls.EncryptedClientHelloKey{key}}),
		Rules:    helloRules,
	})
	whole := segments(1 << 20)
	address := fmt.Sprintf("127.0.0.1:%d", p.Port)
	h2, h1 := []string{"h2", "http/1.1"}, []string{"http/1.1"}
	for i, tt := range []struct {
		name, target string
		config       *tls.Config
		cut          func([]byte) [][]byte
		want         string // the page
		record       string // sni, tls, alpn, ech of the close record, and the start of its JA4
	}{
		{"HTTP/2, post-quantum", p.Target, &tls.Config{ServerName: "origin.test", NextProtos: h2}, whole,
			"HTTP/2.0 origin.test ", "origin.test 1.3 h2,http/1.1 false t13d"},
		{"HTTP/1.1", p.Target, &tls.Config{ServerName: "origin.test", NextProtos: h1}, whole,
			"HTTP/1.1 origin.test ", "origin.test 1.3 http/1.1 false t13d"},
		{"TLS 1.2", p.Target, &tls.Config{ServerName: "origin.test", MaxVersion: tls.VersionTLS12}, whole,
			"HTTP/1.1 origin.test ", "origin.test 1.2  false t12d"},
		{"segments of one byte", p.Target, &tls.Config{ServerName: "origin.test", NextProtos: h2}, segments(1),
			"HTTP/2.0 origin.test ", "origin.test 1.3 h2,http/1.1 false t13d"},
		{"segments of one MSS", p.Target, &tls.Config{ServerName: "origin.test", NextProtos: h2}, segments(1460),
			"HTTP/2.0 origin.test ", "origin.test 1.3 h2,http/1.1 false t13d"},
		{"records of 100 bytes", p.Target, &tls.Config{ServerName: "origin.test", NextProtos: h2}, intoRecords(100),
			"HTTP/2.0 origin.test ", "origin.test 1.3 h2,http/1.1 false t13d"},
		{"another name that is permitted", p.Target, &tls.Config{ServerName: "other.test"}, whole,
			"HTTP/1.1 other.test ", "other.test 1.3  false t13d"},
		{"upper case", p.Target, &tls.Config{ServerName: "Origin.TEST"}, whole,
			"HTTP/1.1 Origin.TEST ", "origin.test 1.3  false t13d"},
		{"no name", p.Target, &tls.Config{}, whole,
			"HTTP/1.1  ", " 1.3  false t13i"},
		{"no name for an address", address, &tls.Config{}, whole,
			"HTTP/1.1  ", " 1.3  false t13i"},
		{"encrypted hello", p.Target, &tls.Config{ServerName: "hidden.test", EncryptedClientHelloConfigList: list, MinVersion: tls.VersionTLS13}, whole,
			"HTTP/1.1 hidden.test ", "origin.test 1.3  true t13d"},
	} {
		tt.config.InsecureSkipVerify = true
		page, err := get(t, p, tt.target, tt.config, tt.cut)
		if err != nil || page != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.name, page, err, tt.want)
		}
		r := p.Records(2*i + 2)[2*i+1]
		got := fmt.Sprint(r.SNI, " ", r.TLS, " ", r.ALPN, " ", r.ECH, " ", r.JA4[:min(4, len(r.JA4))])
		if got != tt.record || r.Decision != "allow" || r.BytesIn < 100_000 {
			t.Errorf("%s: %q, want %q, in %+v", tt.name, got, tt.record, r)
		}
	}
}

// counting is an origin that answers nothing and keeps what it gets of each connection.
func counting(t *testing.T) (ln net.Listener, got <-chan string) {
	t.Helper()
	all := make(chan string)
	return proxytest.Accept(t, func(c *net.TCPConn) {
		b, _ := io.ReadAll(c)
		c.Close()
		all <- string(b)
	}), all
}

// goHello is the ClientHello of a Go client.
func goHello(t *testing.T, name string) string {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		tls.Client(client, &tls.Config{ServerName: name, InsecureSkipVerify: true}).Handshake()
		client.Close()
	}()
	b := make([]byte, 1<<14)
	n, err := server.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// What is refused does not reach the origin, not a byte of it; the client gets an alert, and the record
// names both hosts.
func TestHelloRefused(t *testing.T) {
	demand := func(o proxy.TLSOptions) func(port uint16) proxy.TLSOptions {
		return func(port uint16) proxy.TLSOptions {
			for _, list := range []*[]uint16{&o.RequireSNI, &o.RequireTLS} {
				if *list != nil {
					*list = []uint16{port}
				}
			}
			return o
		}
	}
	alert := func(b byte) string { return "\x15\x03\x03\x00\x02\x02" + string(b) }
	evil := goHello(t, "evil.test")
	for _, tt := range []struct {
		name     string
		mode     policy.Mode
		must     proxy.TLSOptions
		sent     string
		reason   string
		sni      string
		response string
		detail   string
	}{
		{"unlisted name", policy.Enforce, proxy.TLSOptions{}, goHello(t, "unlisted.test"),
			"sni_mismatch", "unlisted.test", alert(112), `the ClientHello names "unlisted.test", which this client may not reach on port`},
		{"denied name in learn mode", policy.Learn, proxy.TLSOptions{}, evil,
			"sni_mismatch", "evil.test", alert(112), `names "evil.test"`},
		{"the name in a second record", policy.Enforce, proxy.TLSOptions{}, string(intoRecords(7)([]byte(evil))[0]),
			"sni_mismatch", "evil.test", alert(112), `names "evil.test"`},
		{"more after the ClientHello", policy.Enforce, proxy.TLSOptions{}, evil + "more",
			"sni_mismatch", "evil.test", alert(112), `names "evil.test"`},
		{"cut off", policy.Enforce, proxy.TLSOptions{}, evil[:100],
			"bad_hello", "", "\x15\x03\x01\x00\x02\x02\x32", "connection closed inside the ClientHello"},
		{"no hello", policy.Learn, proxy.TLSOptions{}, "\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",
			"bad_hello", "", "\x15\x03\x01\x00\x02\x02\x32", "TLS session that does not begin with a ClientHello"},
		{"an alert before the hello", policy.Enforce, proxy.TLSOptions{}, "\x15\x03\x01\x00\x02\x01\x5a" + evil,
			"bad_hello", "", "\x15\x03\x01\x00\x02\x02\x32", "malformed records"},
		{"a byte of an alert", policy.Learn, proxy.TLSOptions{}, "\x15",
			"bad_hello", "", "\x15\x03\x01\x00\x02\x02\x32", "malformed records"},
		{"change_cipher_spec before the hello", policy.Enforce, proxy.TLSOptions{}, "\x14\x03\x01\x00\x01\x01" + evil,
			"bad_hello", "", "\x15\x03\x01\x00\x02\x02\x32", "malformed records"},
		{"empty application data before the hello", policy.Enforce, proxy.TLSOptions{}, "\x17\x03\x01\x00\x00" + evil,
			"bad_hello", "", "\x15\x03\x01\x00\x02\x02\x32", "malformed records"},
		{"a heartbeat before the hello", policy.Enforce, proxy.TLSOptions{}, "\x18\x03\x01\x00\x03\x01\x00\x00" + evil,
			"bad_hello", "", "\x15\x03\x01\x00\x02\x02\x32", "malformed records"},
		{"an empty handshake record before the hello", policy.Enforce, proxy.TLSOptions{}, "\x16\x03\x01\x00\x00" + evil,
			"bad_hello", "", "\x15\x03\x01\x00\x02\x02\x32", "malformed records"},
		{"HelloRequest before the hello", policy.Enforce, proxy.TLSOptions{}, "\x16\x03\x01\x00\x04\x00\x00\x00\x00" + evil,
			"bad_hello", "", "\x15\x03\x01\x00\x02\x02\x32", "does not begin with a ClientHello"},
		{"hello in the format of SSL 2.0", policy.Enforce, proxy.TLSOptions{}, "\x80\x2e\x01\x03\x03\x00\x15\x00\x00\x00\x10" + strings.Repeat("x", 37),
			"bad_hello", "", "\x15\x03\x01\x00\x02\x02\x32", "SSL 2.0"},
		{"PROXY header before the hello", policy.Enforce, proxy.TLSOptions{}, "PROXY TCP4 10.0.0.1 10.0.0.2 1 443\r\n" + evil,
			"bad_hello", "", "\x15\x03\x01\x00\x02\x02\x32", "PROXY protocol"},
		{"binary PROXY header before the hello", policy.Enforce, proxy.TLSOptions{}, "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00" + evil,
			"bad_hello", "", "\x15\x03\x01\x00\x02\x02\x32", "PROXY protocol"},
		{"no name where one must be", policy.Enforce, proxy.TLSOptions{RequireSNI: []uint16{0}}, goHello(t, ""),
			"sni_required", "", alert(109), ""},
		{"no TLS where it must be", policy.Enforce, proxy.TLSOptions{RequireTLS: []uint16{0}}, "SSH-2.0-x\r\n",
			"tls_required", "", "", ""},
		{"no TLS where a name must be", policy.Enforce, proxy.TLSOptions{RequireSNI: []uint16{0}}, "GET / HTTP/1.1\r\n\r\n",
			"tls_required", "", "", ""},
	} {
		for _, buffered := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, early %t", tt.name, buffered), func(t *testing.T) {
				ln, got := counting(t)
				port := uint16(ln.Addr().(*net.TCPAddr).Port)
				p := proxytest.Start(t, proxytest.Config{
					Listener: ln, Rules: helloRules, Modes: map[string]policy.Mode{"default": tt.mode},
					Setup: func(s *proxy.Server) { s.TLS = demand(tt.must)(port) },
				})
				var c *proxytest.Conn
				if buffered {
					c = p.Connect(tt.sent)
				} else {
					c = p.Connect("")
					c.Send(tt.sent)
				}
				if tt.name == "cut off" {
					c.CloseWrite()
				}
				if response := c.Rest(); response != tt.response {
					t.Errorf("the client gets %x, want %x", response, tt.response)
				}
				c.Close()
				if b := <-got; b != "" {
					t.Errorf("the origin gets %d bytes", len(b))
				}
				r := p.Records(2)[1]
				if r.Decision != "deny" || r.Reason != tt.reason || r.SNI != tt.sni || r.Host != proxytest.Host || r.Status != 200 ||
					r.Error != "http_request_denied" || !strings.Contains(r.Detail, tt.detail) || r.BytesOut != 0 || r.Rule != "origin" {
					t.Errorf("close record %+v", r)
				}
			})
		}
	}
}

// In learn mode nothing changes on the connection, and the record says what enforcement would have done.
func TestHelloLearns(t *testing.T) {
	for _, tt := range []struct{ sent, reason string }{
		{goHello(t, "unlisted.test"), "sni_mismatch"},
		{goHello(t, ""), "sni_required"},
		{"SSH-2.0-x\r\n", "tls_required"},
	} {
		ln := echo(t)
		p := proxytest.Start(t, proxytest.Config{
			Listener: ln, Rules: helloRules, Modes: map[string]policy.Mode{"default": policy.Learn},
			Setup: func(s *proxy.Server) {
				s.TLS.RequireSNI = []uint16{uint16(ln.Addr().(*net.TCPAddr).Port)}
			},
		})
		c := p.Connect("")
		c.Send(tt.sent)
		c.CloseWrite()
		if got := c.Rest(); got != tt.sent {
			t.Errorf("%s: %d bytes back, want %d", tt.reason, len(got), len(tt.sent))
		}
		if r := p.Records(2)[1]; r.Decision != "would_deny" || r.Reason != tt.reason {
			t.Errorf("%s: close record %+v", tt.reason, r)
		}
	}
}

// Whoever speaks first is heard at once, and what is not TLS is passed on at once.
func TestHelloWaitsForNobody(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := proxytest.Start(t, proxytest.Config{Listener: ln})
	c := p.Connect("")
	origin, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer origin.Close()
	expect := func(r io.Reader, want string) {
		t.Helper()
		b := make([]byte, len(want))
		if _, err := io.ReadFull(r, b); err != nil || string(b) != want {
			t.Fatalf("%q, %v, want %q", b, err, want)
		}
	}
	io.WriteString(origin, "220 ready\r\n")
	expect(c.R, "220 ready\r\n")
	c.Send("E")
	expect(origin, "E")
	c.Send("HLO")
	expect(origin, "HLO")
	origin.Close()
	c.Close()
	if r := p.Records(2)[1]; r.TLS != "none" || r.SNI != "" || r.Decision != "allow" {
		t.Errorf("close record %+v", r)
	}
}

// A new policy evaluates open tunnels with the ClientHello that they began with.
func TestHelloAfterReload(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Listener: echo(t), Rules: helloRules})
	sent := goHello(t, "other.test")
	c := p.Connect(sent)
	back := make([]byte, len(sent))
	if _, err := io.ReadFull(c.R, back); err != nil || !bytes.Equal(back, []byte(sent)) {
		t.Fatal(err)
	}
	idle := p.Connect("")
	set := p.Compile(proxytest.OriginRule(p.Port))
	p.Live.Swap(set)
	if forbidden := p.Server.Recheck(set, 0); len(forbidden) != 1 {
		t.Errorf("%d tunnels forbidden, want the one for other.test: %+v", len(forbidden), forbidden)
	}
	c.Rest()
	if r := p.Records(3)[2]; r.Error != "policy_changed" || r.SNI != "other.test" {
		t.Errorf("close record %+v", r)
	}
	// The other one may go on, but not for other.test.
	idle.Send(sent)
	if got := idle.Rest(); !strings.HasSuffix(got, "\x02\x02\x70") {
		t.Errorf("after the reload: %x", got)
	}
	idle.Close()
	if r := p.Records(4)[3]; r.Reason != "sni_mismatch" || r.SNI != "other.test" {
		t.Errorf("close record %+v", r)
	}
}

// An encrypted ClientHello is no way into a host that a rule inspects. The proxy ends the TLS of its tunnels and has no key for
// such hellos, so the outer name alone counts, as with a server that knows nothing of them. One that has the host's name
// there, as those have that only pretend to be encrypted (GREASE), gets a session with the proxy's certificate: the client verifies
// that before it finds its hello rejected.
func TestInspectEncryptedHello(t *testing.T) {
	for outer, rejected := range map[string]bool{proxytest.Host: true, "public.test": false} {
		p := startInspected(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request reached the origin") }), leafSpec{})
		_, list := echConfig(t, outer)
		c := tls.Client(p.Connect(""), &tls.Config{ServerName: proxytest.Host, RootCAs: p.Trusted, EncryptedClientHelloConfigList: list, MinVersion: tls.VersionTLS13})
		err := c.Handshake()
		c.NetConn().Close()
		if got := errors.As(err, new(*tls.ECHRejectionError)); err == nil || got != rejected {
			t.Errorf("outer name %s: %v, want a session that is rejected by the client: %v", outer, err, rejected)
		}
		r := p.Records(2)[1]
		if mismatch := r.Reason == "sni_mismatch" && r.Decision == "deny"; mismatch == rejected {
			t.Errorf("outer name %s: %+v", outer, r)
		}
	}
}
