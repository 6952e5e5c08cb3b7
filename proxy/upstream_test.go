package proxy_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"webproxy/internal/proxytest"
	"webproxy/proxy"
	"webproxy/proxy/egress"
)

// An upstream proxy is a proxy that leads every name to loopback, and can be told to refuse.
type parent struct {
	*httptest.Server
	status atomic.Int64 // of all responses, if not 0
	basic  atomic.Value // what clients must send as Proxy-Authorization
	lead   string       // sent after the head of a response to CONNECT
	asked  atomic.Int64
	saw    atomic.Pointer[http.Request] // the last one
	copies sync.WaitGroup
}

func startParent(t *testing.T, secure bool) *parent {
	t.Helper()
	p := &parent{}
	p.Server = httptest.NewUnstartedServer(p)
	if secure {
		p.StartTLS()
	} else {
		p.Start()
	}
	t.Cleanup(func() {
		p.Close()
		p.copies.Wait()
	})
	return p
}

func (p *parent) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	p.asked.Add(1)
	p.saw.Store(r)
	if basic, _ := p.basic.Load().(string); r.Header.Get("Proxy-Authorization") != basic {
		rw.Header().Set("Proxy-Authenticate", "Basic realm=parent")
		rw.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if status := p.status.Load(); status != 0 {
		rw.Header().Set("X-Squid-Error", "ERR_ACCESS_DENIED 0")
		rw.WriteHeader(int(status))
		io.WriteString(rw, "a page of the parent's")
		return
	}
	_, port, _ := net.SplitHostPort(r.Host)
	if r.Method != http.MethodConnect {
		_, port, _ = net.SplitHostPort(r.URL.Host)
		pool := &http.Transport{DisableKeepAlives: true}
		out := r.Clone(r.Context())
		out.URL, out.Host = &url.URL{Scheme: "http", Host: "127.0.0.1:" + port, Opaque: strings.TrimPrefix(r.RequestURI, "http://"+r.Host)}, r.Host
		resp, err := pool.RoundTrip(out)
		if err != nil {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		rw.WriteHeader(resp.StatusCode)
		io.Copy(rw, resp.Body)
		return
	}
	origin, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	client, _, err := rw.(http.Hijacker).Hijack()
	if err != nil {
		origin.Close()
		return
	}
	io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n"+p.lead)
	for _, pair := range [][2]net.Conn{{client, origin}, {origin, client}} {
		p.copies.Go(func() {
			io.Copy(pair[0], pair[1])
			pair[0].Close()
		})
	}
}

// viaUpstream starts a proxy that reaches all origins through upstream proxies.
func viaUpstream(t *testing.T, c proxytest.Config, change func(*egress.Egress), o egress.Options) *proxytest.Proxy {
	t.Helper()
	egress, err := egress.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(egress)
	}
	c.Setup = func(s *proxy.Server) { s.Egress = egress }
	return proxytest.Start(t, c)
}

func specs(upstreams ...*parent) []egress.UpstreamSpec {
	var all []egress.UpstreamSpec
	for _, p := range upstreams {
		all = append(all, egress.UpstreamSpec{URL: p.URL})
	}
	return all
}

// A tunnel through an upstream proxy carries what both sides send, what the upstream proxy sends too soon included, and
// the record names the upstream proxy instead of an address.
func TestUpstreamTunnel(t *testing.T) {
	for _, secure := range []bool{false, true} {
		parent := startParent(t, secure)
		parent.lead = "early "
		o := egress.Options{Upstreams: specs(parent)}
		if secure {
			roots := x509.NewCertPool()
			roots.AddCert(parent.Certificate())
			o.Roots = new(egress.Roots)
			o.Roots.Swap(roots)
		}
		p := viaUpstream(t, proxytest.Config{}, nil, o)
		c := p.Connect("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if got := c.Rest(); !strings.HasPrefix(got, "early HTTP/1.1 200 OK") || !strings.HasSuffix(got, "ok") {
			t.Errorf("TLS %v: client got %q", secure, got)
		}
		c.Close()
		r := p.Records(2)
		if r[1].Upstream != "parent1" || r[1].DstIP.IsValid() || r[1].Error != "" || r[1].BytesIn == 0 {
			t.Errorf("TLS %v: close record %+v", secure, r[1])
		}
		if saw := parent.saw.Load(); saw.Host != p.Target || saw.Header.Get("Via") == "" {
			t.Errorf("TLS %v: the parent was asked for %s, %v", secure, saw.Host, saw.Header)
		}
	}
}

// A plain request goes to an upstream proxy in absolute form, as the client wrote it.
func TestUpstreamForward(t *testing.T) {
	parent := startParent(t, false)
	var got []string
	p := viaUpstream(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+string(body))
	})}, nil, egress.Options{Upstreams: specs(parent)})
	c := p.Dial()
	var want []string
	for _, path := range []string{"/", "/a%2fb?c=%20d&", "//x//y?", "/p^q"} {
		c.Send(p.Request("POST", path, "Content-Length: 4", "Connection: close, X-Own", "X-Own: 1") + "body")
		if resp := c.Response("POST"); resp.StatusCode != 200 {
			t.Errorf("%s: %s", path, resp.Status)
		} else {
			c.Body(resp)
		}
		saw := parent.saw.Load()
		if uri := strings.ReplaceAll(saw.RequestURI, "%5E", "^"); uri != p.URL(path) || saw.Header.Get("X-Own") != "" || saw.Header.Get("Proxy-Authorization") != "" {
			t.Errorf("%s: the parent got %s %v", path, saw.RequestURI, saw.Header)
		}
		want = append(want, "POST body")
		c = p.Dial()
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the origin got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if r := p.Records(8); r[1].Upstream != "parent1" || r[1].Status != 200 || r[1].BytesOut != 4 {
		t.Errorf("close record %+v", r[1])
	}
}

// What an upstream proxy refuses is trouble of ours, never a response of the origin's: 502, the word, the upstream proxy's
// name and the status that it answered with.
func TestUpstreamResponds(t *testing.T) {
	tests := []struct {
		status int
		want   int
		word   string
	}{
		{407, 502, "proxy_configuration_error"},
		{403, 502, "http_request_denied"},
		{502, 502, "destination_unavailable"},
		{503, 502, "destination_unavailable"},
		{504, 504, "connection_timeout"},
	}
	parent := startParent(t, false)
	p := viaUpstream(t, proxytest.Config{}, nil, egress.Options{Upstreams: specs(parent)})
	for _, tt := range tests {
		parent.status.Store(int64(tt.status))
		for _, request := range []string{"CONNECT " + p.Target + " HTTP/1.1\r\nHost: x\r\n\r\n", p.Get("/")} {
			method, _, _ := strings.Cut(request, " ")
			c := p.Dial()
			c.Send(request)
			resp := c.Response(method)
			status := resp.Header.Get("Proxy-Status")
			if resp.StatusCode != tt.want || !strings.Contains(status, "error="+tt.word+"; next-hop=\"parent1\"; received-status=") {
				t.Errorf("parent %d, %s: %s, Proxy-Status %s; want %d with %s", tt.status, method, resp.Status, status, tt.want, tt.word)
			}
			if body := c.Body(resp); strings.Contains(body, "a page of the parent's") || !strings.Contains(body, "upstream proxy parent1 answered with status") {
				t.Errorf("parent %d, %s: body %q", tt.status, method, body)
			}
			c.Close()
		}
	}
	for _, r := range p.Records(2 * 2 * len(tests)) {
		if r.Type == "egress.close" && (r.Upstream != "parent1" || r.Error == "" || !strings.Contains(r.Detail, "parent1 answered")) {
			t.Errorf("close record %+v", r)
		}
	}
}

// The credentials are those of the file as it is now, and stand nowhere else.
func TestUpstreamCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "corp.txt")
	write := func(line string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("alice:first\n")
	parent := startParent(t, false)
	parent.basic.Store("Basic YWxpY2U6Zmlyc3Q=")
	all := specs(parent)
	all[0].Credentials = file
	p := viaUpstream(t, proxytest.Config{}, nil, egress.Options{Upstreams: all})
	get := func() int {
		c := p.Dial()
		defer c.Close()
		c.Send(p.Get("/"))
		return c.Response("GET").StatusCode
	}
	p.Connect("").Close()
	if got := get(); got != 200 {
		t.Errorf("with the right credentials: %d", got)
	}
	parent.basic.Store("Basic YWxpY2U6c2Vjb25k")
	if got := get(); got != 502 {
		t.Errorf("with credentials that the parent does not take: %d", got)
	}
	write("alice:second\n")
	if got := get(); got != 200 {
		t.Errorf("after the file was replaced: %d", got)
	}
	p.Connect("").Close()
	for _, bad := range []string{"", "alice", ":x", "a:b\nc:d\n"} {
		write(bad)
		if _, err := egress.New(egress.Options{Upstreams: all}); err == nil || strings.Contains(err.Error(), "alice") {
			t.Errorf("credentials %q: error %v, want one that does not quote them", bad, err)
		}
	}
}

// Of two upstream proxies the second serves while the first is dead: no request fails, and few find out.
func TestUpstreamFailover(t *testing.T) {
	first, second := startParent(t, false), startParent(t, false)
	var changes []string
	var mu sync.Mutex
	p := viaUpstream(t, proxytest.Config{}, func(e *egress.Egress) {
		e.OnUpstream = func(id string, err error) {
			mu.Lock()
			defer mu.Unlock()
			changes = append(changes, id+map[bool]string{true: " up", false: " down"}[err == nil])
		}
	}, egress.Options{Upstreams: specs(first, second)})
	use := func(n int) {
		t.Helper()
		for range n {
			p.Connect("").Close()
			c := p.Dial()
			c.Send(p.Request("POST", "/", "Content-Length: 2") + "hi")
			if resp := c.Response("POST"); resp.StatusCode != 200 {
				t.Fatalf("%s", resp.Status)
			}
			c.Close()
		}
	}
	use(3)
	if second.asked.Load() != 0 {
		t.Errorf("the second parent was asked %d times though the first works", second.asked.Load())
	}
	first.CloseClientConnections()
	first.Listener.Close()
	use(10)
	if got := second.asked.Load(); got != 20 {
		t.Errorf("the second parent was asked %d times, want 20", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(changes) != 1 || changes[0] != "parent1 down" {
		t.Errorf("changes of state: %v", changes)
	}
}

// An upstream proxy that ends a connection with a request in hand is down. What is safe to repeat, another one gets.
func TestUpstreamBreaksOff(t *testing.T) {
	for method, want := range map[string]int{"GET": 200, "POST": 502} {
		dying, second := startParent(t, false), startParent(t, false)
		dying.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		p := viaUpstream(t, proxytest.Config{}, nil, egress.Options{Upstreams: specs(dying, second)})
		c := p.Dial()
		c.Send(map[string]string{"GET": p.Get("/"), "POST": p.Request("POST", "/", "Content-Length: 2") + "hi"}[method])
		if resp := c.Response(method); resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", method, resp.Status, want)
		}
		c = p.Dial()
		c.Send(p.Get("/"))
		if resp := c.Response("GET"); resp.StatusCode != 200 || second.asked.Load() == 0 {
			t.Errorf("after %s: %s", method, resp.Status)
		}
	}
}

// Hosts that are no upstream proxy's, and those excepted, are reached directly; an upstream proxy that cannot be reached
// is named in the response, without its address.
func TestUpstreamChoice(t *testing.T) {
	for _, tt := range []struct {
		spec   egress.UpstreamSpec
		direct bool
	}{
		{egress.UpstreamSpec{}, false},
		{egress.UpstreamSpec{Hosts: []string{"*.test"}}, false},
		{egress.UpstreamSpec{Hosts: []string{"*.example"}}, true},
		{egress.UpstreamSpec{Except: []string{"origin.test"}}, true},
		{egress.UpstreamSpec{Hosts: []string{"*.test"}, Except: []string{"o*.test"}}, true},
	} {
		tt.spec.URL, tt.spec.ID = "http://127.0.0.1:1", "corp"
		p := viaUpstream(t, proxytest.Config{}, nil, egress.Options{
			Hosts:     map[string][]string{proxytest.Host: {"127.0.0.1"}},
			Upstreams: []egress.UpstreamSpec{tt.spec},
		})
		for _, request := range []string{"CONNECT " + p.Target + " HTTP/1.1\r\nHost: x\r\n\r\n", p.Get("/")} {
			method, _, _ := strings.Cut(request, " ")
			c := p.Dial()
			c.Send(request)
			resp := c.Response(method)
			if direct := resp.StatusCode == 200; direct != tt.direct {
				t.Errorf("%s, parent %+v: %s, want direct %v", method, tt.spec, resp.Status, tt.direct)
			}
			if !tt.direct {
				if body := c.Body(resp); !strings.Contains(body, "upstream proxy corp: connection refused") || strings.Contains(body, "127.0.0.1:1") {
					t.Errorf("%s: body %q", method, body)
				}
			}
			c.Close()
		}
	}
}

// A client that leaves while the upstream proxy thinks ends the dial.
func TestUpstreamCancel(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	e, err := egress.New(egress.Options{Upstreams: []egress.UpstreamSpec{{URL: "http://" + ln.Addr().String()}}})
	if err != nil {
		t.Fatal(err)
	}
	p := proxytest.Start(t, proxytest.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if c, err := ln.Accept(); err == nil {
			defer c.Close()
			c.Read(make([]byte, 1))
			cancel()
			io.Copy(io.Discard, c)
		}
	}()
	if _, err := e.Open(ctx, &egress.Route{Decision: p.Decide("CONNECT")}); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v, want %v", err, context.Canceled)
	}
}
