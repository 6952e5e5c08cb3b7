package proxy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/dnstest"
	"webproxy/internal/proxytest"
	"webproxy/policy"
	"webproxy/proxy"
	"webproxy/proxy/egress"
)

// asks are the ways to ask for p.Target, plain; the head of each.
func asks(p *proxytest.Proxy) map[string]string {
	head := "CONNECT " + p.Target + " HTTP/1.1\r\nHost: " + p.Target + "\r\n"
	return map[string]string{
		"CONNECT":           head + "\r\n",
		"CONNECT, involved": head + "Accept: */*\r\n\r\n",
		"GET":               p.Get("/"),
		"POST":              p.Request("POST", "/", "Content-Length: 0"),
		"WebSocket": p.Get("/", "Connection: Upgrade", "Upgrade: websocket",
			"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
	}
}

// denied are the rules of p and one that denies its origin.
func denied(p *proxytest.Proxy) *policy.Set {
	return p.Compile(append(proxytest.OriginRule(p.Port), policy.RuleSpec{ID: "no", Hosts: []string{proxytest.Host}, Deny: true}))
}

// expectDenied asks, and wants the response and the close record of a denial by the rule "no".
func expectDenied(t *testing.T, p *proxytest.Proxy, head, reason, rule string) {
	t.Helper()
	before := len(p.Audit.All())
	c := p.Dial()
	c.Send(head)
	resp := c.Response("GET")
	if resp.StatusCode != http.StatusForbidden || !strings.Contains(resp.Status, reason) {
		t.Errorf("response %q, want a denial: %s", resp.Status, reason)
	}
	c.Close()
	last := p.Records(before + 2)[before+1]
	if last.Type != audit.TypeClose || last.Decision != "deny" || last.Reason != reason || last.Rule != rule || last.Policy != p.Live.Load().Digest() {
		t.Errorf("close record %+v", last)
	}
}

// behindDNS starts a proxy whose names are resolved by a server that calls asked first.
func behindDNS(t *testing.T, c proxytest.Config, o egress.Options, asked func()) *proxytest.Proxy {
	o.Resolver = dnstest.StartDNS(t, func(string) { asked() })
	return viaUpstream(t, c, nil, o)
}

// hook is called for whoever gets to it, once it is set.
type hook struct{ f atomic.Pointer[func()] }

func (h *hook) set(f func()) { once := sync.OnceFunc(f); h.f.Store(&once) }
func (h *hook) call() {
	if f := h.f.Load(); f != nil {
		(*f)()
	}
}

// A policy that comes into force while a request's name is resolved holds for it: nothing is dialled.
func TestAgainBeforeConnecting(t *testing.T) {
	var dialled hook
	origin := reject(t, &dialled)
	var asked hook
	var host atomic.Value // whose question counts: one that was given up may be asked once more
	resolver := dnstest.StartDNS(t, func(name string) {
		if name == host.Load() {
			asked.call()
		}
	})
	p := viaUpstream(t, proxytest.Config{Listener: origin}, nil, egress.Options{Resolver: resolver})
	below := func(more ...policy.RuleSpec) *policy.Set {
		rules := append(proxytest.OriginRule(p.Port), more...)
		for i := range rules {
			rules[i].Hosts = []string{"*." + proxytest.Host}
		}
		return p.Compile(rules)
	}
	n := 0
	for name, head := range asks(p) {
		t.Run(name, func(t *testing.T) {
			for _, swap := range []func(*policy.Set){
				func(set *policy.Set) { p.Live.Swap(set) },
				func(set *policy.Set) { p.Live.Swap(set); p.Server.Recheck(set, 0) },
			} {
				n++
				at := fmt.Sprintf("h%d.%s", n, proxytest.Host)
				p.Live.Swap(below())
				host.Store(at + ".")
				dialled.set(func() { t.Error("the origin was connected to") })
				asked.set(func() { swap(below(policy.RuleSpec{ID: "no", Deny: true})) })
				expectDenied(t, p, strings.ReplaceAll(head, proxytest.Host, at), "denied_by_rule", "no")
			}
		})
	}
}

// reject is an origin that hangs up at once, and has h called.
func reject(t *testing.T, h *hook) net.Listener {
	return proxytest.Accept(t, func(c *net.TCPConn) {
		c.Close()
		h.call()
	})
}

// So does the end of a rule, or of a phase.
func TestAgainAfterExpiry(t *testing.T) {
	proxytest.Parallel(t)
	var asked hook
	p := behindDNS(t, proxytest.Config{}, egress.Options{}, asked.call)
	for _, name := range []string{"CONNECT", "GET"} {
		end := time.Now().Truncate(time.Second).Add(2 * time.Second)
		rules := proxytest.OriginRule(p.Port)
		if err := rules[0].Expires.UnmarshalText([]byte(end.UTC().Format(time.RFC3339))); err != nil {
			t.Fatal(err)
		}
		p.Live.Swap(p.Compile(rules))
		asked.set(func() { time.Sleep(time.Until(end)) })
		expectDenied(t, p, asks(p)[name], "rule_expired", "origin")
	}
}

// Behind an upstream proxy too: it is asked for nothing that is not permitted any more, and a tunnel that it has opened by
// then is not given to the client.
func TestAgainThroughUpstream(t *testing.T) {
	var resolved, reached hook
	parent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached.call() }))
	t.Cleanup(parent.Close)
	_, at, _ := net.SplitHostPort(parent.Listener.Addr().String())
	p := behindDNS(t, proxytest.Config{}, egress.Options{
		Upstreams: []egress.UpstreamSpec{{URL: "http://parent.test:" + at}, {ID: "other", URL: "http://other.test:" + at}},
	}, resolved.call)
	for name, head := range asks(p) {
		t.Run(name, func(t *testing.T) {
			p.Live.Swap(p.Compile(proxytest.OriginRule(p.Port)))
			reached.set(func() { t.Error("the parent was asked") })
			resolved.set(func() { p.Live.Swap(denied(p)) })
			expectDenied(t, p, head, "denied_by_rule", "no")
			if name != "CONNECT" && name != "CONNECT, involved" {
				return
			}
			p.Live.Swap(p.Compile(proxytest.OriginRule(p.Port)))
			reached.set(func() { p.Live.Swap(denied(p)) })
			expectDenied(t, p, head, "denied_by_rule", "no")
		})
	}
}

// A tunnel whose TLS is opened is evaluated again when the origin has been verified, and what is inside when there is
// a connection for it.
func TestAgainInsideTLS(t *testing.T) {
	var connected, reached hook
	served := make(chan string, 10)
	p := startInspectedWith(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		served <- r.URL.Path
		if r.URL.Path == "/allowed/wait" {
			reached.call()
		}
	}), leafSpec{http1: true}, func(c *proxytest.Config) {
		c.Listener = relay(t, c.Listener.Addr().String(), &connected)
		c.Rules = proxytest.OriginRule // until there is a port
	})
	at := fmt.Sprintf("https://%s:%d", proxytest.Host, p.Port)
	inside := policy.RuleSpec{ID: "inside", URL: at + "/allowed*", Inspect: true, Private: "allow"}
	allowed := p.Compile([]policy.RuleSpec{inside})

	p.Live.Swap(allowed)
	connected.set(func() { p.Live.Swap(denied(p.Proxy)) })
	expectDenied(t, p.Proxy, "CONNECT "+p.Target+" HTTP/1.1\r\nHost: "+p.Target+"\r\n\r\n", "denied_by_rule", "no")

	p.Live.Swap(allowed)
	c := p.client(t, true)
	get := func(path string) int {
		resp, err := c.Get("https://" + p.Target + path)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	busy, wait := make(chan struct{}), make(chan struct{})
	reached.set(func() { close(busy); <-wait })
	done := make(chan int, 1)
	go func() { done <- get("/allowed/wait") }()
	<-busy
	connected.set(func() {
		p.Live.Swap(p.Compile([]policy.RuleSpec{inside, {ID: "no", URL: at + "/allowed/no", Deny: true, Inspect: true}}))
	})
	if status := get("/allowed/no"); status != http.StatusForbidden {
		t.Errorf("inside: %d", status)
	}
	close(wait)
	if status := <-done; status != http.StatusOK {
		t.Errorf("what was in progress: %d", status)
	}
	close(served)
	for path := range served {
		if path == "/allowed/no" {
			t.Error("the origin was asked")
		}
	}
}

// A policy that wants the TLS of a tunnel opened, while its name is resolved, gets that.
func TestAgainOtherWay(t *testing.T) {
	var asked hook
	egress, err := egress.New(egress.Options{Resolver: dnstest.StartDNS(t, func(string) { asked.call() })})
	if err != nil {
		t.Fatal(err)
	}
	p := startInspectedWith(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), leafSpec{}, func(c *proxytest.Config) {
		setup := c.Setup
		c.Setup = func(s *proxy.Server) {
			setup(s)
			s.Egress = egress
		}
		c.Rules = proxytest.OriginRule
	})
	asked.set(func() {
		at := fmt.Sprintf("https://%s:%d/allowed", proxytest.Host, p.Port)
		p.Live.Swap(p.Compile([]policy.RuleSpec{{ID: "inside", URL: at, Inspect: true, Private: "allow"}}))
	})
	resp, err := p.client(t, false).Get("https://" + p.Target + "/other")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a path that the new policy refuses: %d", resp.StatusCode)
	}
}

// relay is a listener in front of addr. It has h called for each connection before anything passes.
func relay(t *testing.T, addr string, h *hook) net.Listener {
	return relayTo(t, func() string { h.call(); return addr })
}

// relayTo is a listener in front of the address that it asks for with each connection.
func relayTo(t *testing.T, addr func() string) net.Listener {
	return proxytest.Accept(t, func(c *net.TCPConn) {
		far, err := net.Dial("tcp", addr())
		if err != nil {
			return
		}
		defer far.Close()
		var there sync.WaitGroup
		defer there.Wait()
		there.Go(func() {
			io.Copy(far, c)
			far.(*net.TCPConn).CloseWrite()
		})
		io.Copy(c, far)
		c.Close()
		far.Close()
	})
}
