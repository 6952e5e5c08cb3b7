package proxy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
	"webproxy/proxy/egress"
)

// A way is one by which requests go to origins, each with an origin of its own whose responses are the bytes
// that response returns.
type way struct {
	name    string
	proxy   *proxytest.Proxy
	ask     func() (*http.Response, error)
	respond func(string)
}

// everyWay calls test with each of them: the fast path, the standard path, a WebSocket's, an upstream proxy's,
// and those inside inspected TLS.
func everyWay(t *testing.T, test func(*testing.T, way)) {
	for name, request := range map[string]func(*proxytest.Proxy) string{
		"fast path":     func(p *proxytest.Proxy) string { return p.Get("/x") },
		"standard path": func(p *proxytest.Proxy) string { return p.Request("POST", "/x", "Content-Length: 2") + "hi" },
		"websocket":     func(p *proxytest.Proxy) string { return p.Get("/x", askWebSocket) },
	} {
		t.Run(name, func(t *testing.T) {
			origin := newRawOrigin()
			p := proxytest.Start(t, proxytest.Config{Listener: origin.listener(t)})
			test(t, way{name, p, func() (*http.Response, error) {
				c := p.Dial()
				c.Send(request(p))
				return c.Response("GET"), nil
			}, origin.set})
		})
	}
	t.Run("upstream proxy", func(t *testing.T) {
		origin := newRawOrigin()
		ln := origin.listener(t)
		p := viaUpstream(t, proxytest.Config{}, nil, egress.Options{Upstreams: []egress.UpstreamSpec{{URL: "http://" + ln.Addr().String()}}})
		test(t, way{"upstream proxy", p, func() (*http.Response, error) {
			c := p.Dial()
			c.Send(p.Get("/x"))
			return c.Response("GET"), nil
		}, origin.set})
	})
	for _, h2 := range []bool{false, true} {
		name := fmt.Sprintf("inside, HTTP/2 %v", h2)
		t.Run(name, func(t *testing.T) {
			origin := newRawOrigin()
			p := startInspected(t, http.HandlerFunc(origin.hijack), leafSpec{http1: true})
			client := p.client(t, h2)
			test(t, way{name, p.Proxy, func() (*http.Response, error) {
				return client.Get("https://" + p.Target + "/allowed")
			}, origin.set})
		})
	}
}

// A rawOrigin sends the same bytes to everybody, and then closes the connection.
type rawOrigin struct{ response chan string }

func newRawOrigin() *rawOrigin {
	o := &rawOrigin{make(chan string, 1)}
	o.response <- ""
	return o
}

func (o *rawOrigin) set(response string) {
	<-o.response
	o.response <- response
}

func (o *rawOrigin) get() string {
	response := <-o.response
	o.response <- response
	return response
}

// hijack reads the request to its end first: a close with unread bytes is a reset, which takes back what was
// sent and not yet received.
func (o *rawOrigin) hijack(rw http.ResponseWriter, req *http.Request) {
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return
	}
	c, _, err := rw.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	io.WriteString(c, o.get())
}

func (o *rawOrigin) listener(t *testing.T) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(o.hijack)}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(ln) }()
	t.Cleanup(func() { server.Close(); <-done })
	return ln
}

// A malformed response is a 502 that says what is malformed, in body and record, whichever way it came.
func TestMalformedResponse(t *testing.T) {
	tests := []struct{ want, response string }{
		{"LF without CR", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"},
		{"CR without LF", "HTTP/1.1 200 OK\r\nX: a\rY: b\r\nContent-Length: 2\r\n\r\nok"},
		{"folded field line (obs-fold)", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok"},
		{"control byte", "HTTP/1.1 200 OK\r\nX: a\x00\r\nContent-Length: 2\r\n\r\nok"},
		{"version is not", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok"},
		{"malformed field name", "HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 2\r\n\r\nok"},
		{"conflicting values of Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length : 3\r\n\r\nok!"},
		{"both Content-Length and Transfer-Encoding", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
		{"Transfer-Encoding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
		{"informational", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20) + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
		{"head larger", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 300<<10) + "\r\n\r\nok"},
	}
	everyWay(t, func(t *testing.T, w way) {
		for _, tt := range tests {
			w.respond(tt.response)
			before := len(w.proxy.Audit.All())
			resp, err := w.ask()
			if err != nil {
				t.Errorf("%s: %s: %v", w.name, tt.want, err)
				continue
			}
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != http.StatusBadGateway || !strings.Contains(string(body), tt.want) ||
				!strings.Contains(resp.Header.Get("Proxy-Status"), "error=http_protocol_error") {
				t.Errorf("%s: %s: %s %v %q", w.name, tt.want, resp.Status, resp.Header["Proxy-Status"], body)
			}
			found := false
			for _, r := range w.proxy.Records(before + 2)[before:] {
				found = found || r.Error == "http_protocol_error" && strings.Contains(r.Detail, "malformed response: ") && strings.Contains(r.Detail, tt.want)
			}
			if !found {
				t.Errorf("%s: %s: no such detail in the records", w.name, tt.want)
			}
		}
	})
}

// White space before a colon is removed, and the field is what it is without it: no field is lost.
func TestSpaceBeforeColon(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		for _, framing := range []string{"Content-Length : 2\r\n\r\nok", "Transfer-Encoding \t : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "Content-Length: 2\r\nContent-Length\t: 2\r\n\r\nok"} {
			w.respond("HTTP/1.1 200 OK\r\nX-A : 1\r\nSet-Cookie: b\r\nSet-Cookie : c\r\n" + framing + "more")
			resp, err := w.ask()
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != 200 || string(body) != "ok" || err != nil || resp.Header.Get("X-A") != "1" || len(resp.Header["Set-Cookie"]) != 2 {
				t.Errorf("%s: %q: %s %v %q, %v", w.name, framing, resp.Status, resp.Header, body, err)
			}
			if strings.HasPrefix(framing, "Content") && resp.ContentLength != 2 {
				t.Errorf("%s: %q: length %d", w.name, framing, resp.ContentLength)
			}
		}
	})
}

// A body that is malformed breaks off, and the record says why.
func TestMalformedResponseBody(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		for want, rest := range map[string]string{"LF without CR": "2\nok", "malformed chunk size": "+2\r\nok", "chunk longer than its size": "2\r\nokay\r\n"} {
			w.respond("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n" + rest)
			before := len(w.proxy.Audit.All())
			resp, err := w.ask()
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(resp.Body); err == nil {
				t.Errorf("%s: %s: the body looks whole: %q", w.name, want, body)
			}
			found := false
			for _, r := range w.proxy.Records(before + 2)[before:] {
				found = found || r.Error == "http_response_incomplete" && r.Detail == "malformed response: "+want
			}
			if !found {
				t.Errorf("%s: %s: no such detail in the records", w.name, want)
			}
		}
	})
}

// An upstream proxy's malformed response to CONNECT is named, and what it sends after a good one is the tunnel's.
func TestMalformedConnectResponse(t *testing.T) {
	ln := listen(t, func(target string) string {
		if strings.HasPrefix(target, proxytest.Host) {
			return "HTTP/1.1 200 OK\nX: y\n\n"
		}
		return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX : y\r\n\r\n\x00banner\n"
	})
	p := viaUpstream(t, proxytest.Config{Hosts: nil}, nil, egress.Options{Upstreams: []egress.UpstreamSpec{{URL: "http://" + ln.Addr().String()}}})
	c := p.Dial()
	c.Send("CONNECT " + p.Target + " HTTP/1.1\r\nHost: x\r\n\r\n")
	resp := c.Response("CONNECT")
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusBadGateway || !strings.Contains(string(body), "LF without CR") {
		t.Errorf("%s %q", resp.Status, body)
	}
	if r := p.Records(2)[1]; r.Error != "http_protocol_error" || !strings.Contains(r.Detail, "LF without CR") {
		t.Errorf("%+v", r)
	}
}

// Unsolicited or excess bytes on a pooled connection are nobody's response, on the standard path too.
func TestExcessResponse(t *testing.T) {
	p, accept := talking(t)
	c := p.Dial()
	c.Send(p.Request("POST", "/1", "Content-Length: 2") + "hi")
	o := accept()
	io.ReadAll(o.hear().Body) // else the connection to the client would end
	o.say(okResponse + strings.Replace(okResponse, "ok", "no", 1))
	if body := c.Body(c.Response("POST")); body != "ok" {
		t.Fatal(body)
	}
	c.Send(p.Request("POST", "/2", "Content-Length: 2") + "hi")
	o = accept() // a new connection
	o.hear()
	o.say(strings.Replace(okResponse, "ok", "it", 1))
	if body := c.Body(c.Response("POST")); body != "it" {
		t.Errorf("the next response is %q", body)
	}
}
