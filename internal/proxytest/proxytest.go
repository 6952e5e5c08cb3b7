// Package proxytest starts an origin, a webproxy in front of it and a client, on loopback sockets, in
// one call, for tests of whatever serves or reads requests.
//
//	p := proxytest.Start(t, proxytest.Config{Origin: handler})
//	resp, err := p.Client.Get(p.URL("/x"))
//	records := p.Records(2)
//
// When the test ends everything is stopped, and a leaked goroutine fails the test.
package proxytest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"webproxy/policy"
	"webproxy/proxy"
	"webproxy/proxy/egress"
)

// Host is the name of the origin; only the proxy can resolve it.
const Host = "origin.test"

// Patience is how long a test waits for something before it fails.
const Patience = 20 * time.Second

// Config says what to start. The zero Config is an origin that responds 200 to everything, and a proxy with one rule, "origin", that
// lets loopback clients reach it by CONNECT and by plain HTTP.
type Config struct {
	// Origin responds to requests. If nil, the response is 200 with the body "ok".
	Origin http.Handler
	// Listener takes the origin's connections instead, for origins that do not speak HTTP.
	// The test serves and closes it.
	Listener net.Listener
	// Rules replace the rule "origin"; see OriginRule.
	Rules func(port uint16) []policy.RuleSpec
	// Modes are the modes of client groups.
	Modes map[string]policy.Mode
	// Hosts are further static names.
	Hosts map[string][]string
	// Server is changed by Setup before it starts.
	Setup func(*proxy.Server)
}

// A Proxy is what Start started.
type Proxy struct {
	Server *proxy.Server
	Live   *policy.Live
	Audit  *Recorder
	Addr   string // of the proxy
	Target string // host:port of the origin, by name
	Port   uint16 // of the origin
	Client *http.Client
	// Lines are more lines for the head that Connect sends, each with its CRLF.
	Lines string

	t     testing.TB
	modes map[string]policy.Mode
}

// OriginRule allows the origin, and its loopback address, by CONNECT and by plain HTTP.
func OriginRule(port uint16) []policy.RuleSpec {
	return []policy.RuleSpec{{
		ID:      "origin",
		Hosts:   []string{Host},
		Ports:   []uint16{port},
		Schemes: []policy.Scheme{policy.HTTP, policy.HTTPS},
		Private: "allow",
	}}
}

// Start starts c.
func Start(t testing.TB, c Config) *Proxy {
	t.Helper()
	NoneLeft(t)
	p := &Proxy{t: t, Live: new(policy.Live), Audit: newRecorder(t), modes: c.Modes}
	p.startOrigin(c)
	if c.Rules == nil {
		c.Rules = OriginRule
	}
	p.Live.Swap(p.Compile(c.Rules(p.Port)))
	p.startServer(c)
	proxyURL := &url.URL{Scheme: "http", Host: p.Addr}
	transport := &http.Transport{Proxy: http.ProxyURL(proxyURL), DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	p.Client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p
}

// Unused returns a loopback address on which nobody listens until the test ends, or the test itself does.
func Unused(t testing.TB) string {
	t.Helper()
	addr, release, err := ReserveAddr()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return addr
}

// NoneLeft fails t, when it, its subtests and later cleanups have ended, if they have leaked goroutines, except for those that ignored
// allow. Start calls it. For tests that have called Parallel, Parallel does the same for all of them.
func NoneLeft(t testing.TB, ignored ...goleak.Option) {
	t.Helper()
	if beside.has(t) {
		return
	}
	ignored = append(ignored, goleak.IgnoreCurrent())
	t.Cleanup(func() {
		if err := noneLeft(ignored...); err != nil {
			t.Error(err)
		}
	})
}

// noneLeft is an error if there are goroutines other than those ignored. It waits for those that are about to end: for longer than goleak,
// whose half a second may pass on a busy machine before they run.
func noneLeft(ignored ...goleak.Option) error {
	for end := time.Now().Add(Patience); ; {
		if err := goleak.Find(ignored...); err == nil || time.Now().After(end) {
			return err
		}
	}
}

func (p *Proxy) startOrigin(c Config) {
	ln := c.Listener
	if ln == nil {
		if c.Origin == nil {
			c.Origin = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "ok") })
		}
		origin := httptest.NewServer(c.Origin)
		p.t.Cleanup(origin.Close)
		ln = origin.Listener
	}
	p.Port = uint16(ln.Addr().(*net.TCPAddr).Port)
	p.Target = net.JoinHostPort(Host, strconv.Itoa(int(p.Port)))
}

func (p *Proxy) startServer(c Config) {
	hosts := map[string][]string{Host: {"127.0.0.1"}}
	for name, addrs := range c.Hosts {
		hosts[name] = addrs
	}
	egress, err := egress.New(egress.Options{Hosts: hosts})
	if err != nil {
		p.t.Fatal(err)
	}
	p.Server = &proxy.Server{Policy: p.Live, Egress: egress, Audit: p.Audit}
	if c.Setup != nil {
		c.Setup(p.Server)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	p.Addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- p.Server.Serve(ln) }()
	p.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		if p.t.Failed() {
			cancel()
		}
		p.Server.Shutdown(ctx)
		if err := <-served; err != nil {
			p.t.Errorf("Serve: %v", err)
		}
	})
}

// Compile returns a Set of rules, for one client group: loopback.
func (p *Proxy) Compile(rules []policy.RuleSpec) *policy.Set {
	p.t.Helper()
	spec := &policy.Spec{
		Clients: map[string][]string{"local": {"127.0.0.0/8", "::1"}},
		Modes:   p.modes,
		Rules:   rules,
	}
	set, err := policy.Compile(spec, nil, policy.Env{})
	if err != nil {
		p.t.Fatal(err)
	}
	return set
}

// Decide is the policy's decision about a request for the origin, from loopback.
func (p *Proxy) Decide(method string) policy.Decision {
	p.t.Helper()
	target, err := policy.ParseTarget(policy.HTTPS, p.Target)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.Live.Load().Decide(&policy.Request{
		Time: time.Now(), Client: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Method: method, Target: target,
	})
}

// URL is the URL of path at the origin.
func (p *Proxy) URL(path string) string { return "http://" + p.Target + path }

// Records waits until there are at least n audit records, and returns all.
func (p *Proxy) Records(n int) []Record {
	p.t.Helper()
	return p.Audit.Wait(n)
}

// Dial opens a TCP connection to the proxy; it is closed when the test ends.
func (p *Proxy) Dial() *Conn {
	p.t.Helper()
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	conn := &Conn{TCPConn: c.(*net.TCPConn), R: bufio.NewReader(c), t: p.t}
	conn.extend()
	return conn
}

// Connect opens a tunnel to the origin; first is sent together with the CONNECT.
func (p *Proxy) Connect(first string) *Conn {
	p.t.Helper()
	c := p.Dial()
	c.Send("CONNECT " + p.Target + " HTTP/1.1\r\nHost: " + p.Target + "\r\n" + p.Lines + "\r\n" + first)
	resp := c.Response("CONNECT")
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("CONNECT %s: %s", p.Target, resp.Status)
	}
	return c
}

// A Conn is a client connection on which a test sends and receives bytes. Each of its methods waits for Patience at most; other reads
// and writes end when that is over after the last call.
type Conn struct {
	*net.TCPConn
	R *bufio.Reader
	t testing.TB
}

func (c *Conn) extend() { c.SetDeadline(time.Now().Add(Patience)) }

// Send writes s.
func (c *Conn) Send(s string) {
	c.t.Helper()
	c.extend()
	if _, err := io.WriteString(c.TCPConn, s); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// Response reads the head of the response to a request with that method; its body follows.
func (c *Conn) Response(method string) *http.Response {
	c.t.Helper()
	c.extend()
	resp, err := http.ReadResponse(c.R, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("read response: %v", err)
	}
	return resp
}

// Body reads the body of resp.
func (c *Conn) Body(resp *http.Response) string {
	c.t.Helper()
	c.extend()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("read body: %v", err)
	}
	return string(b)
}

// Rest reads up to the end of the connection, or an error.
func (c *Conn) Rest() string {
	c.extend()
	b, _ := io.ReadAll(c.R)
	return string(b)
}

// Reset closes the connection with a reset, which is not mistaken for a half-close.
func (c *Conn) Reset() {
	c.SetLinger(0)
	c.Close()
}

// Client is the address that the proxy sees.
func (c *Conn) Client() netip.AddrPort { return c.LocalAddr().(*net.TCPAddr).AddrPort() }

// Get is a request in absolute form for path, with more header lines.
func (p *Proxy) Get(path string, lines ...string) string {
	return p.Request("GET", path, lines...)
}

// Request is a request head in absolute form.
func (p *Proxy) Request(method, path string, lines ...string) string {
	s := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n", method, p.URL(path), p.Target)
	for _, line := range lines {
		s += line + "\r\n"
	}
	return s + "\r\n"
}
