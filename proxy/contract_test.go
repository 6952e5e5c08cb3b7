package proxy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
	"webproxy/internal/setting"
	"webproxy/policy"
	"webproxy/proxy"
)

// The denial contract, on CONNECT and on plain HTTP alike.
func TestDenialContract(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{})
	for i, method := range []string{"GET", "HEAD", "POST", "CONNECT"} {
		target, hostPort := "http://other.test/secret?token=1", "other.test:80"
		if method == "CONNECT" {
			target, hostPort = "other.test:443", "other.test:443"
		}
		c := p.Dial()
		c.Send(method + " " + target + " HTTP/1.1\r\nHost: other.test\r\n\r\n")
		resp := c.Response(method)
		body := c.Body(resp)
		id := p.Records(i + 1)[i].ID
		if want := "403 webproxy denied: host_not_listed " + hostPort + " id=" + id; resp.Status != want {
			t.Errorf("%s: status %q, want %q", method, resp.Status, want)
		}
		if want := `webproxy; error=http_request_denied; details="host_not_listed ` + hostPort + " id=" + id + `"`; resp.Header.Get("Proxy-Status") != want {
			t.Errorf("%s: Proxy-Status %q, want %q", method, resp.Header.Get("Proxy-Status"), want)
		}
		if resp.Header.Get("Server") != "webproxy" || resp.ContentLength <= 0 || resp.Header.Get("Proxy-Authenticate") != "" {
			t.Errorf("%s: %v, length %d", method, resp.Header, resp.ContentLength)
		}
		if strings.Contains(body, "secret") {
			t.Errorf("%s: the page repeats the client: %s", method, body)
		}
		if (method == "HEAD") != (body == "") || method != "HEAD" && !strings.Contains(body, "webproxy why "+id+"\n") {
			t.Errorf("%s: body %q", method, body)
		}
		if resp.Close != (method == "CONNECT") {
			t.Errorf("%s: close %v", method, resp.Close)
		}
	}
}

// The page comes in the type that the client prefers.
func TestDenialPage(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{})
	tests := []struct{ accept, want string }{
		{"", "text/plain; charset=utf-8"},
		{"*/*", "text/plain; charset=utf-8"},
		{"application/json", "application/json"},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"},
		{"text/html;q=0.5, application/json;q=0.6", "application/json"},
		{"text/html;q=0, text/plain;q=0.1", "text/plain; charset=utf-8"},
		{"text/html;q=nan", "text/plain; charset=utf-8"},
	}
	c := p.Dial()
	for i, tt := range tests {
		c.Send("GET http://other.test:8080/ HTTP/1.1\r\nHost: x\r\nAccept: " + tt.accept + "\r\n\r\n")
		resp := c.Response("GET")
		body := c.Body(resp)
		id := p.Records(i + 1)[i].ID
		explain := "webproxy explain http://other.test:8080 --client 127.0.0.1"
		if resp.Header.Get("Content-Type") != tt.want || !strings.Contains(body, id) || !strings.Contains(body, explain) {
			t.Errorf("Accept %q: %s, %s", tt.accept, resp.Header.Get("Content-Type"), body)
		}
		if strings.Contains(body, "<script") {
			t.Errorf("Accept %q: a script", tt.accept)
		}
		var page map[string]string
		if tt.want == "application/json" && (json.Unmarshal([]byte(body), &page) != nil || page["code"] != "host_not_listed" || page["target"] != "other.test:8080") {
			t.Errorf("JSON page %s", body)
		}
	}
}

// Some clients take anything but 503 for the origin's own response to http://.
func TestDenialStatus(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) { s.Denial.HTTPStatus = 503 }})
	for request, want := range map[string]int{
		"GET http://other.test/ HTTP/1.1\r\nHost: x\r\n\r\n":         503,
		"CONNECT other.test:443 HTTP/1.1\r\nHost: x\r\n\r\n":         403,
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n":                          400,
		"GET http://other.test/ HTTP/1.1\r\nHost: x\r\n:bad\r\n\r\n": 400,
	} {
		c := p.Dial()
		c.Send(request)
		if resp := c.Response("GET"); resp.StatusCode != want {
			t.Errorf("%q: %s, want %d", request, resp.Status, want)
		}
	}
}

// What is well-formed but no proxy serves is refused with its own reason, and keeps the connection.
func TestRefusedByForm(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) { s.Options.Via = "here" }})
	via := func(v string) string { return p.Get("/", "Via: "+v) }
	tests := []struct {
		status int
		reason string
		send   string
	}{
		{400, "bad_target", "GET / HTTP/1.1\r\nHost: " + p.Addr + "\r\n\r\n"},
		{400, "bad_target", "GET /x HTTP/1.1\r\nHost: " + p.Target + "\r\n\r\n"},
		{400, "bad_target", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"},
		{403, "scheme_not_allowed", "GET https://" + p.Target + "/ HTTP/1.1\r\nHost: x\r\n\r\n"},
		{403, "scheme_not_allowed", "GET ftp://" + p.Target + "/ HTTP/1.1\r\nHost: x\r\n\r\n"},
		{403, "method_not_allowed", p.Request("TRACE", "/")},
		{403, "loop", via("1.1 here")},
		{403, "loop", via("1.0 fred, HTTP/1.1 HERE (comment), 1.1 p.example")},
		{200, "allowed_by_rule", via("1.1 there (here)")},
		{200, "allowed_by_rule", via("1.1 here-not")},
	}
	c := p.Dial()
	seen := 0
	for _, tt := range tests {
		c.Send(tt.send)
		resp := c.Response("GET")
		c.Body(resp)
		r := p.Records(seen + 1)[seen]
		if resp.StatusCode != tt.status || r.Reason != tt.reason || resp.Close {
			t.Errorf("%q: %s, close %v, reason %s; want %d %s", tt.send, resp.Status, resp.Close, r.Reason, tt.status, tt.reason)
		}
		if strings.HasPrefix(tt.send, "GET https:") && r.Host != proxytest.Host {
			t.Errorf("%q: record without the host: %+v", tt.send, r)
		}
		seen++
		if tt.status == 200 {
			p.Records(seen + 1)
			seen++
		}
	}
}

// OPTIONS with Max-Forwards: 0 is answered here; otherwise the origin gets one less.
func TestMaxForwards(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.WriteString(rw, r.Header.Get("Max-Forwards"))
	})})
	c := p.Dial()
	for _, tt := range []struct{ method, sent, want string }{
		{"OPTIONS", "0", ""}, {"OPTIONS", "5", "4"}, {"OPTIONS", "many", "many"}, {"GET", "0", "0"},
	} {
		c.Send(p.Request(tt.method, "/", "Max-Forwards: "+tt.sent))
		resp := c.Response(tt.method)
		if got := c.Body(resp); resp.StatusCode != 200 || got != tt.want {
			t.Errorf("%s with %s: %s, origin got %q, want %q", tt.method, tt.sent, resp.Status, got, tt.want)
		}
	}
}

// A client in no group is told so, and nothing else.
func TestStranger(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{})
	set, err := policy.Compile(&policy.Spec{Clients: map[string][]string{"far": {"203.0.113.0/24"}}, Rules: proxytest.OriginRule(p.Port)}, nil, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	p.Live.Swap(set)
	for i, send := range []string{p.Get("/"), "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\n\n"} {
		c := p.Dial()
		c.Send(send)
		resp := c.Response("GET")
		if r := p.Records(i + 1)[i]; r.Reason != "client_unknown" || !strings.Contains(resp.Status, "client_unknown") {
			t.Errorf("%q: %s, %+v", send, resp.Status, r)
		}
	}
}

// In learn mode what no rule permits goes through, as if it were permitted, and the record says so.
func TestLearn(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{
		Modes: map[string]policy.Mode{"local": policy.Learn},
		Rules: func(port uint16) []policy.RuleSpec {
			rules := proxytest.OriginRule(port)
			rules[0].Methods = []string{"GET"}
			return rules
		},
	})
	c := p.Dial()
	c.Send("GET http://other.test:1/ HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp := c.Response("GET"); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("%s, want an attempt to reach it", resp.Status)
	}
	if r := p.Records(2); r[0].Decision != "would_deny" || r[0].Mode != "learn" || r[0].Reason != "host_not_listed" {
		t.Errorf("records %+v", r)
	}
}

// More connections than the limits allow are told so, with a record, and do no harm to the others.
func TestTooManyConnections(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) { s.Options.MaxConnections = 2 }})
	first := p.Connect("")
	p.Records(1) // half of two is one for each client
	second := p.Dial()
	second.Send(p.Get("/"))
	resp := second.Response("GET")
	if body := second.Body(resp); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !resp.Close || !strings.Contains(body, "overloaded") {
		t.Errorf("%s %q", resp.Status, body)
	}
	if r := p.Records(2)[1]; r.Reason != "overloaded" || r.Host != proxytest.Host || r.Decision != "deny" {
		t.Errorf("record %+v", r)
	}
	second.Rest()
	first.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp := first.Response("GET"); resp.StatusCode != 200 {
		t.Errorf("the connection within the limits: %s", resp.Status)
	}
}

// A Server without policy, egress or audit log opens nothing.
func TestZeroServer(t *testing.T) {
	for name, setup := range map[string]func(*proxy.Server){
		"policy": func(s *proxy.Server) { s.Policy = nil },
		"egress": func(s *proxy.Server) { s.Egress = nil },
		"audit":  func(s *proxy.Server) { s.Audit = nil },
	} {
		t.Run(name, func(t *testing.T) {
			p := proxytest.Start(t, proxytest.Config{Setup: setup, Origin: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				t.Error("the origin was reached")
			})})
			for _, send := range []string{p.Get("/"), fmt.Sprintf("CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n", p.Target)} {
				c := p.Dial()
				c.Send(send)
				if resp := c.Response("GET"); resp.StatusCode < 400 {
					t.Errorf("%q: %s", send, resp.Status)
				}
			}
		})
	}
}

func TestOptionsCheck(t *testing.T) {
	for _, tt := range []struct {
		want string
		err  error
	}{
		{"", proxy.Options{}.Check()},
		{"", proxy.Options{Via: "webproxy-1", HeaderBytes: 8192, TunnelIdle: setting.Off}.Check()},
		{"via: ", proxy.Options{Via: "a b"}.Check()},
		{"header_bytes: ", proxy.Options{HeaderBytes: 10}.Check()},
		{"header_timeout: ", proxy.Options{HeaderTimeout: setting.Off}.Check()},
		{"max_connections: ", proxy.Options{MaxConnections: -1}.Check()},
		{"max_connections_per_client: ", proxy.Options{MaxConnectionsPerClient: -1}.Check()},
		{"http_status: ", proxy.DenialOptions{HTTPStatus: 200}.Check()},
		{"", proxy.DenialOptions{HTTPStatus: 503}.Check()},
	} {
		if (tt.err == nil) != (tt.want == "") || tt.err != nil && !strings.HasPrefix(tt.err.Error(), tt.want) {
			t.Errorf("%v, want %q", tt.err, tt.want)
		}
	}
}
