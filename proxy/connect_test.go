package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"webproxy/internal/proxytest"
	"webproxy/policy"
	"webproxy/proxy"
)

// echo is an origin that sends back what it gets, and ends when the client does.
func echo(t testing.TB) net.Listener {
	return proxytest.Accept(t, func(c *net.TCPConn) { io.Copy(c, c) })
}

// Bytes that come with the CONNECT head are the first of the tunnel, however many there are and
// however they are cut.
func TestEarlyData(t *testing.T) { bothWays(t, testEarlyData) }

func testEarlyData(t *testing.T, lines string) {
	p := proxytest.Start(t, proxytest.Config{Listener: echo(t)})
	p.Lines = lines
	for i, size := range []int{0, 1, 100, 5000, 100_000} {
		buffered := strings.Repeat("0123456789", size/10+1)[:size]
		c := p.Connect(buffered)
		c.Send("tail")
		c.CloseWrite()
		if got := c.Rest(); got != buffered+"tail" {
			t.Errorf("%d early bytes: %d bytes back, want %d", size, len(got), size+4)
		}
		if r := p.Records(2*i + 2)[2*i+1]; r.Type != "egress.close" || (r.BytesOut != int64(size)+4 || r.BytesIn != int64(size)+4) {
			t.Errorf("%d early bytes: counted %d out, %d in", size, r.BytesOut, r.BytesIn)
		}
	}
	// cut in the middle of the head, and right after it
	for _, cut := range []int{5, 40, -1} {
		s := "CONNECT " + p.Target + " HTTP/1.1\r\nHost: " + p.Target + "\r\n" + lines + "\r\n"
		if cut < 0 {
			cut = len(s)
		}
		s += "hello"
		c := p.Dial()
		c.SetNoDelay(true)
		c.Send(s[:cut])
		c.Send(s[cut:])
		c.CloseWrite()
		if resp := c.Response("CONNECT"); resp.StatusCode != 200 {
			t.Fatalf("cut at %d: %s", cut, resp.Status)
		}
		if got := c.Rest(); got != "hello" {
			t.Errorf("cut at %d: %q back", cut, got)
		}
	}
}

// A tunnel's response has nothing in it that CONNECT gives no meaning, and its records tell its route.
func TestConnect(t *testing.T) { bothWays(t, testConnect) }

func testConnect(t *testing.T, lines string) {
	p := proxytest.Start(t, proxytest.Config{Listener: echo(t)})
	p.Lines = lines
	c := p.Connect("")
	open := p.Server.Open()
	if len(open) != 1 || !open[0].Tunnel || open[0].Target.HostPort() != p.Target || open[0].Rule != "origin" || open[0].Client != c.Client().Addr() {
		t.Errorf("open: %+v", open)
	}
	if st := p.Server.Stats(); st != (proxy.Stats{Connections: 1, Tunnels: 1}) {
		t.Errorf("stats: %+v", st)
	}
	c.Send("hello")
	b := make([]byte, 5)
	if _, err := io.ReadFull(c.R, b); err != nil || string(b) != "hello" {
		t.Fatalf("%q, %v", b, err)
	}
	// The count is taken when the bytes are delivered, so it may follow them.
	for open = p.Server.Open(); open[0].BytesOut != 5 || open[0].BytesIn != 5; open = p.Server.Open() {
		if t.Context().Err() != nil || time.Since(open[0].Since) > proxytest.Patience {
			t.Fatalf("counts of the open tunnel: %+v", open)
		}
	}
	c.CloseWrite()
	c.Rest()
	r := p.Records(2)
	if d := r[0]; d.Method != "CONNECT" || d.Scheme != "https" || d.Host != proxytest.Host || d.Port != p.Port || d.Path != "" || d.Decision != "allow" || d.Status != 0 {
		t.Errorf("decision record %+v", d)
	}
	if e := r[1]; e.ID != r[0].ID || e.Status != 200 || e.Error != "" || e.BytesOut != 5 || e.BytesIn != 5 || e.DstIP.String() != "127.0.0.1" || e.Connect == 0 {
		t.Errorf("close record %+v", e)
	}
	if open := p.Server.Open(); len(open) != 0 {
		t.Errorf("open after the end: %+v", open)
	}
}

// A refused CONNECT gets its response whatever the client has sent by then, and then the connection
// ends: nothing after it is read as a request.
func TestRefusedConnect(t *testing.T) { bothWays(t, testRefusedConnect) }

func testRefusedConnect(t *testing.T, lines string) {
	p := proxytest.Start(t, proxytest.Config{})
	p.Lines = lines
	for _, buffered := range []string{"", "\x16\x03\x01", p.Get("/"), strings.Repeat("x", 100_000)} {
		c := p.Dial()
		c.Send("CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n" + lines + "\r\n")
		io.WriteString(c.TCPConn, buffered)
		resp := c.Response("CONNECT")
		body := c.Body(resp)
		if resp.StatusCode != http.StatusForbidden || !resp.Close || !strings.Contains(body, "host_not_listed") {
			t.Errorf("%.10q: %s %q", buffered, resp.Status, body)
		}
		// A reset here would be one that may overtake the response on a longer way.
		if b, err := c.R.ReadByte(); err != io.EOF {
			t.Errorf("%.10q: after the response %q, %v", buffered, b, err)
		}
	}
	if r := p.Records(4); len(r) != 4 || r[3].Status != http.StatusForbidden {
		t.Errorf("records: %+v", r)
	}
}

// A client that leaves while its origin is dialled takes the dial with it.
func TestConnectClientGone(t *testing.T) { bothWays(t, testConnectClientGone) }

func testConnectClientGone(t *testing.T, lines string) {
	p := proxytest.Start(t, proxytest.Config{
		// Nothing answers there: a test network (RFC 5737).
		Hosts: map[string][]string{"far.test": {"192.0.2.1"}},
		Rules: func(uint16) []policy.RuleSpec {
			return []policy.RuleSpec{{ID: "far", Hosts: []string{"far.test"}, Private: "allow"}}
		},
	})
	p.Lines = lines
	c := p.Dial()
	c.Send("CONNECT far.test:443 HTTP/1.1\r\nHost: far.test\r\n" + lines + "\r\n")
	p.Records(1)
	c.Close()
	if r := p.Records(2)[1]; r.Error != "client_gone" && r.Error != "destination_ip_unroutable" && r.Error != "destination_ip_prohibited" && r.Error != "destination_unavailable" {
		t.Errorf("close record %+v", r)
	}
}

// Whatever happens to the audit log: no record, no tunnel. Unless the operator said otherwise.
func TestAuditFails(t *testing.T) {
	full := errors.New("disk full")
	for _, optional := range []bool{false, true} {
		t.Run(fmt.Sprint(optional), func(t *testing.T) {
			p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) { s.AuditOptional = optional }})
			p.Audit.Fail(full)
			want := http.StatusServiceUnavailable
			if optional {
				want = http.StatusOK
			}
			c := p.Dial()
			c.Send(p.Get("/"))
			resp := c.Response("GET")
			body := c.Body(resp)
			if resp.StatusCode != want || !optional && !strings.HasPrefix(body, "webproxy denied: audit_unavailable ") {
				t.Errorf("GET: %s %q", resp.Status, body)
			}
			c.Send("CONNECT " + p.Target + " HTTP/1.1\r\nHost: x\r\n\r\n")
			if resp := c.Response("CONNECT"); resp.StatusCode != want {
				t.Errorf("CONNECT: %s", resp.Status)
			}
			c = p.Dial()
			c.Send("GET http://other.test/ HTTP/1.1\r\nHost: x\r\n\r\n")
			resp = c.Response("GET")
			if body := c.Body(resp); resp.StatusCode != http.StatusForbidden || strings.Contains(body, "id") && strings.Contains(body, "id:") {
				t.Errorf("denied: %s %q", resp.Status, body)
			}
			// It goes on by itself when there is room again.
			p.Audit.Fail(nil)
			c.Send(p.Get("/"))
			if resp := c.Response("GET"); resp.StatusCode != 200 {
				t.Errorf("after: %s", resp.Status)
			}
			if r := p.Records(2); r[0].Decision != "allow" {
				t.Errorf("records: %+v", r)
			}
		})
	}
}

// Half-close goes through, in both directions.
func TestHalfClose(t *testing.T) { bothWays(t, testHalfClose) }

func testHalfClose(t *testing.T, lines string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := proxytest.Start(t, proxytest.Config{Listener: ln})
	p.Lines = lines
	c := p.Connect("")
	origin, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer origin.Close()
	io.WriteString(origin, "bye")
	origin.(*net.TCPConn).CloseWrite()
	if got := c.Rest(); got != "bye" {
		t.Errorf("client got %q", got)
	}
	c.Send("still here")
	c.CloseWrite()
	if got, err := io.ReadAll(origin); err != nil || string(got) != "still here" {
		t.Errorf("origin got %q, %v", got, err)
	}
	if r := p.Records(2)[1]; r.Error != "" || r.BytesOut != 10 || r.BytesIn != 3 {
		t.Errorf("close record %+v", r)
	}
}

// A new policy ends what it forbids, after the grace, and touches nothing else.
func TestRecheck(t *testing.T) { bothWays(t, testRecheck) }

func testRecheck(t *testing.T, lines string) {
	p := proxytest.Start(t, proxytest.Config{Listener: echo(t), Rules: func(port uint16) []policy.RuleSpec {
		return append(proxytest.OriginRule(port), policy.RuleSpec{
			ID: "extra", Hosts: []string{"extra.test"}, Ports: []uint16{port}, Private: "allow",
		})
	}, Hosts: map[string][]string{"extra.test": {"127.0.0.1"}}})
	p.Lines = lines
	kept := p.Connect("")
	doomed := p.Dial()
	doomed.Send(fmt.Sprintf("CONNECT extra.test:%d HTTP/1.1\r\nHost: x\r\n"+lines+"\r\n", p.Port))
	doomed.Response("CONNECT")

	set := p.Compile(proxytest.OriginRule(p.Port))
	p.Live.Swap(set)
	if open := p.Server.Recheck(set, time.Hour); len(open) != 1 || open[0].Target.Host() != "extra.test" {
		t.Fatalf("forbidden: %+v", open)
	}
	doomed.Send("grace")
	b := make([]byte, 5)
	if _, err := io.ReadFull(doomed.R, b); err != nil {
		t.Fatalf("the tunnel ended before its grace did: %v", err)
	}
	p.Server.Recheck(set, time.Millisecond)
	if rest := doomed.Rest(); rest != "" {
		t.Errorf("%q", rest)
	}
	if r := p.Records(3)[2]; r.Error != "policy_changed" || r.Host != "extra.test" {
		t.Errorf("close record %+v", r)
	}
	kept.Send("hello")
	if _, err := io.ReadFull(kept.R, b); err != nil {
		t.Errorf("a permitted tunnel was touched: %v", err)
	}
	// A Set that permits it again before the grace is over saves it; no Set permits nothing.
	if open := p.Server.Recheck(nil, 0); len(open) != 1 {
		t.Errorf("forbidden by no policy: %+v", open)
	}
	kept.Send("hello")
	if _, err := io.ReadFull(kept.R, b); err != nil {
		t.Errorf("ended although the policy in force permits it: %v", err)
	}
}

// Shutdown lets tunnels and requests go on for the grace, takes no new ones, and then cuts.
func TestShutdown(t *testing.T) { bothWays(t, testShutdown) }

func testShutdown(t *testing.T, lines string) {
	p := proxytest.Start(t, proxytest.Config{Listener: echo(t)})
	p.Lines = lines
	ends, stays, idle := p.Connect(""), p.Connect(""), p.Dial()
	idle.Send("GET http://other.test/ HTTP/1.1\r\nHost: x\r\n\r\n")
	idle.Body(idle.Response("GET"))
	p.Records(3)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Server.Shutdown(ctx) }()
	if b, err := idle.R.ReadByte(); err != io.EOF { // closed at once: it was doing nothing
		t.Errorf("idle connection got %q, %v", b, err)
	}
	if c, err := net.Dial("tcp", p.Addr); err == nil {
		c.Close()
		t.Error("the proxy still listens")
	}
	ends.Send("x")
	ends.CloseWrite()
	if got := ends.Rest(); got != "x" {
		t.Errorf("a tunnel was cut before the grace was over: %q", got)
	}
	p.Records(4)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	stays.Rest()
	if r := p.Records(5)[4]; r.Error != "shutdown" || r.Type != "egress.close" {
		t.Errorf("close record %+v", r)
	}
	if open := p.Server.Open(); len(open) != 0 {
		t.Errorf("open after Shutdown: %+v", open)
	}
}

// A request in progress when the proxy stops is finished, and its connection then ends; a half-sent
// one is turned away, with a record.
func TestShutdownFinishesRequests(t *testing.T) {
	arrived, hold := make(chan bool, 2), make(chan bool)
	release := sync.OnceFunc(func() { close(hold) })
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		arrived <- true
		<-hold
		io.WriteString(rw, "done")
	})})
	t.Cleanup(release)
	busy, half := p.Dial(), p.Dial()
	busy.Send(p.Get("/"))
	<-arrived
	get := p.Get("/")
	half.Send(get[:20])
	for p.Server.Stats().Connections != 2 { // both are accepted
	}
	done := make(chan error)
	go func() { done <- p.Server.Shutdown(t.Context()) }()
	for {
		if _, err := net.Dial("tcp", p.Addr); err != nil {
			break // it has begun
		}
	}
	half.Send(get[20:])
	if resp := half.Response("GET"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("half-sent request: %s", resp.Status)
	}
	release()
	if resp := busy.Response("GET"); resp.StatusCode != 200 || !resp.Close || busy.Body(resp) != "done" {
		t.Errorf("request in progress: %s, close %v", resp.Status, resp.Close)
	}
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if r := p.Records(3); len(r) != 3 || r[1].Reason != "overloaded" && r[2].Reason != "overloaded" {
		t.Errorf("records: %+v", r)
	}
}
