package proxy_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"webproxy/internal/proxytest"
	"webproxy/internal/setting"
	"webproxy/proxy"
)

// What is not a request, or asks for nothing a proxy serves, gets a response by the contract, leaves
// exactly one record, and reaches nobody.
func TestRefusedByTheFilter(t *testing.T) {
	const h = "Host: origin.test\r\n"
	tests := []struct {
		status int
		reason string
		detail string // part of it
		send   string
	}{
		// request smuggling
		{400, "bad_request", "both Content-Length", "POST http://origin.test/ HTTP/1.1\r\n" + h + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{501, "bad_request", "other than chunked", "POST http://origin.test/ HTTP/1.1\r\n" + h + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
		{501, "bad_request", "other than chunked", "POST http://origin.test/ HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n"},
		{400, "bad_request", "HTTP/1.0", "POST http://origin.test/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{400, "bad_request", "more than one Content-Length", "POST http://origin.test/ HTTP/1.1\r\n" + h + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"},
		{400, "bad_request", "folded", "GET http://origin.test/ HTTP/1.1\r\n" + h + "X: a\r\n b\r\n\r\n"},
		{400, "bad_request", "LF without CR", "GET http://origin.test/ HTTP/1.1\n" + h + "\r\n"},
		{400, "bad_request", "CR without LF", "GET http://origin.test/ HTTP/1.1\r\n" + h + "X: a\rb\r\n\r\n"},
		{400, "bad_request", "field name", "POST http://origin.test/ HTTP/1.1\r\n" + h + "Content-Length : 1\r\n\r\nx"},
		{400, "bad_request", "no Host", "GET http://origin.test/ HTTP/1.1\r\n\r\n"},
		{400, "bad_request", "CONNECT with a body", "CONNECT origin.test:443 HTTP/1.1\r\n" + h + "Content-Length: 4\r\n\r\nGET "},
		// what net/http would answer by itself
		{400, "bad_request", "Trailer names", "POST http://origin.test/ HTTP/1.1\r\n" + h + "Transfer-Encoding: chunked\r\nTrailer: X, content-Length\r\n\r\n0\r\n\r\n"},
		{417, "bad_request", "Expect", "POST http://origin.test/ HTTP/1.1\r\n" + h + "Expect: cake\r\nContent-Length: 1\r\n\r\nx"},
		{505, "bad_request", "HTTP/1.0 or", "GET http://origin.test/ HTTP/1.7\r\n" + h + "\r\n"},
		{505, "bad_request", "HTTP/1.0 or", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		{400, "bad_request", "percent escape", "GET http://origin.test/%gg HTTP/1.1\r\n" + h + "\r\n"},
		{400, "bad_request", "none of the four", "GET origin.test HTTP/1.1\r\n" + h + "\r\n"},
		{431, "bad_request", "too large", "GET http://origin.test/ HTTP/1.1\r\n" + h + "X: " + strings.Repeat("x", 40<<10) + "\r\n\r\n"},
		// targets
		{400, "bad_target", "", "CONNECT /path HTTP/1.1\r\n" + h + "\r\n"},
		{400, "bad_target", "", "CONNECT //origin.test:443 HTTP/1.1\r\n" + h + "\r\n"},
		{400, "bad_target", "no port", "CONNECT origin.test HTTP/1.1\r\n" + h + "\r\n"},
		{400, "bad_target", "port", "CONNECT origin.test:0443 HTTP/1.1\r\n" + h + "\r\n"},
		{400, "bad_target", "port", "CONNECT origin.test:99999 HTTP/1.1\r\n" + h + "\r\n"},
		{400, "bad_target", "", "CONNECT 0177.1:443 HTTP/1.1\r\n" + h + "\r\n"},
		{400, "bad_target", "", "GET http://a@origin.test/ HTTP/1.1\r\n" + h + "\r\n"},
		// other protocols
		{400, "bad_request", "TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc"},
		{400, "bad_request", "control byte", "\x05\x01\x00"},
		{400, "bad_request", "malformed", "{\"json\": true}\r\n\r\n"},
	}
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the origin was reached")
	})})
	for i, tt := range tests {
		c := p.Dial()
		c.Send(tt.send)
		resp := c.Response("GET")
		body := c.Body(resp)
		if resp.StatusCode != tt.status || !resp.Close || resp.Header.Get("Server") != "webproxy" {
			t.Errorf("%.70q: %s, close %v, %v", tt.send, resp.Status, resp.Close, resp.Header)
		}
		if !strings.HasPrefix(body, "webproxy denied: "+tt.reason+"\n") {
			t.Errorf("%.70q: body %q", tt.send, body)
		}
		if rest := c.Rest(); rest != "" {
			t.Errorf("%.70q: %q after the response", tt.send, rest)
		}
		records := p.Records(i + 1)
		r := records[len(records)-1]
		if len(records) != i+1 || r.Reason != tt.reason || r.Decision != "deny" || r.Status != tt.status ||
			r.Error != "http_request_error" || !strings.Contains(r.Detail, tt.detail) || r.Group != "local" {
			t.Errorf("%.70q: %d records, the last %+v", tt.send, len(records), r)
		}
		if !strings.HasSuffix(resp.Status, "id="+r.ID) {
			t.Errorf("%.70q: status %q without id %s", tt.send, resp.Status, r.ID)
		}
	}
}

// A head that ends too soon, or not at all, is answered and recorded too.
func TestIncompleteHead(t *testing.T) {
	patient := proxytest.Start(t, proxytest.Config{})
	c := patient.Dial()
	c.Send("GET http://origin.test/ HTTP/1.1\r\nHo")
	c.CloseWrite()
	if resp := c.Response("GET"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("closed: %s", resp.Status)
	}
	if records := patient.Records(1); len(records) != 1 {
		t.Errorf("closed: %d records, want 1: %+v", len(records), records)
	}
	p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) {
		s.Options.HeaderTimeout = setting.Duration(50 * time.Millisecond)
	}})
	c = p.Dial()
	c.Send("GET http://origin.test/ HTTP/1.1\r\nHo") // and no more
	if resp := c.Response("GET"); resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("slow: %s", resp.Status)
	}
	c = p.Dial()
	c.Send("G")
	if resp := c.Response("GET"); resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("one byte: %s", resp.Status)
	}
	if records := p.Records(2); len(records) != 2 {
		t.Errorf("%d records, want 2: %+v", len(records), records)
	}
}

// A connection that sends nothing leaves no record.
func TestSilentConnection(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) {
		s.Options.IdleTimeout = setting.Duration(20 * time.Millisecond)
	}})
	c := p.Dial()
	if rest := c.Rest(); rest != "" { // until the idle timeout
		t.Errorf("response %q", rest)
	}
	p.Dial().Close()
	if r := p.Audit.All(); len(r) != 0 {
		t.Errorf("records: %+v", r)
	}
}

// Pipelined requests are decided one by one; a malformed one ends the connection only when
// those before it were answered.
func TestPipelining(t *testing.T) {
	release := make(chan bool, 1)
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" {
			<-release
		}
		rw.Write([]byte(r.URL.Path))
	})})
	c := p.Dial()
	c.Send(p.Get("/first") + "GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n" + p.Request("POST", "/third", "Content-Length: 4") +
		"body" + p.Get("/fourth") + "GET / HTTP/1.1\nbad\n\n" + p.Get("/never"))
	release <- true
	for _, want := range []struct {
		status int
		body   string
	}{{200, "/first"}, {403, "webproxy denied: host_not_listed other.test:80"}, {200, "/third"}, {200, "/fourth"}, {400, "webproxy denied: bad_request"}} {
		resp := c.Response("GET")
		if body := c.Body(resp); resp.StatusCode != want.status || !strings.HasPrefix(body, want.body) {
			t.Errorf("%s %q, want %d %s", resp.Status, body, want.status, want.body)
		}
	}
	if rest := c.Rest(); rest != "" {
		t.Errorf("%q after the last response", rest)
	}
	// three requests with two records, two refusals with one
	if records := p.Records(8); len(records) != 8 {
		t.Errorf("%d records, want 8: %+v", len(records), records)
	}
}

// A malformed chunk breaks the request off at the origin, is answered, and says so in its record.
func TestMalformedChunk(t *testing.T) {
	got := make(chan error, 1)
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 100)
		var err error
		for err == nil {
			_, err = r.Body.Read(buf)
		}
		got <- err
	})})
	c := p.Dial()
	c.Send(p.Request("POST", "/", "Transfer-Encoding: chunked") + "5\r\nhello\r\n5\nsmuggle")
	resp := c.Response("POST")
	if body := c.Body(resp); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "bad_request") {
		t.Errorf("%s %q", resp.Status, body)
	}
	if err := <-got; err == nil || err.Error() == "EOF" {
		t.Errorf("origin got a whole body: %v", err)
	}
	if r := p.Records(2)[1]; r.Error != "http_request_error" || r.Status != http.StatusBadRequest {
		t.Errorf("close record %+v", r)
	}
}
