package proxy_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
	"webproxy/proxy"
)

// seen keeps the last request that an origin got.
type seen struct {
	request  chan *http.Request
	response func(rw http.ResponseWriter)
}

func newSeen(response func(rw http.ResponseWriter)) *seen {
	return &seen{request: make(chan *http.Request, 1), response: response}
}

func (s *seen) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.request <- r
	if s.response != nil {
		s.response(rw)
	}
}

// What belongs to the client's connection stays behind; the rest arrives as it was sent.
func TestRequestFields(t *testing.T) {
	origin := newSeen(nil)
	p := proxytest.Start(t, proxytest.Config{Origin: origin, Setup: func(s *proxy.Server) { s.Options.Via = "here" }})
	c := p.Dial()
	c.Send("GET " + p.URL("//a/./b%2F{|}?q=%zz&empty") + " HTTP/1.1\r\nHost: liar.example\r\n" +
		"Connection: close, X-Hop , Keep-Alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n" +
		"Proxy-Authorization: Basic Zm9v\r\nTE: trailers, gzip\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n" +
		"Via: 1.0 before\r\nAccept-Encoding: br\r\nX-End: 1\r\nAuthorization: kept\r\nCookie: a=b\r\nX-End: 2\r\n\r\n")
	c.Response("GET")
	r := <-origin.request
	if r.Host != p.Target {
		t.Errorf("Host %q, want %q: it comes from the target", r.Host, p.Target)
	}
	want := http.Header{
		"Via":             {"1.0 before", "1.1 here"},
		"Accept-Encoding": {"br"},
		"X-End":           {"1", "2"},
		"Authorization":   {"kept"},
		"Cookie":          {"a=b"},
		"Te":              {"trailers"},
		"Connection":      {"TE"},
	}
	if fmt.Sprint(r.Header) != fmt.Sprint(want) {
		t.Errorf("origin got %v\nwant       %v", r.Header, want)
	}
	if r.RequestURI != "//a/./b%2F%7B%7C%7D?q=%zz&empty" {
		t.Errorf("request target %q", r.RequestURI)
	}
	if !r.ProtoAtLeast(1, 1) || r.Close {
		t.Errorf("proto %s, close %v", r.Proto, r.Close)
	}
}

func TestRequestTarget(t *testing.T) {
	origin := newSeen(nil)
	p := proxytest.Start(t, proxytest.Config{Origin: origin})
	for target, want := range map[string]string{
		"":                       "/",
		"?":                      "/?",
		"?q":                     "/?q",
		"/a/../b":                "/a/../b",
		"/{a|b}^`\"<>[]":         "/{a|b}^`\"<>[]",
		"/%7e%41":                "/%7e%41",
		"/a?b?c/%zz{}":           "/a?b?c/%zz{}",
		"/http://other.test/":    "/http://other.test/",
		"/*":                     "/*",
		"//other.test/x":         "//other.test/x",
		"///":                    "///",
		"/a;b=c,d:e@f&g=+h!$'()": "/a;b=c,d:e@f&g=+h!$'()",
	} {
		c := p.Dial()
		c.Send("GET " + p.URL(target) + " HTTP/1.1\r\nHost: x\r\n\r\n")
		if resp := c.Response("GET"); resp.StatusCode != 200 {
			t.Fatalf("%q: %s", target, resp.Status)
		}
		if r := <-origin.request; r.RequestURI != want || r.Host != p.Target {
			t.Errorf("%q: origin got %q for %q, want %q", target, r.RequestURI, r.Host, want)
		}
	}
}

func TestResponseFields(t *testing.T) {
	origin := newSeen(func(rw http.ResponseWriter) {
		h := rw.Header()
		h["Connection"] = []string{"x-hop"}
		h.Set("X-Hop", "1")
		h.Set("Keep-Alive", "timeout=5")
		h.Set("Proxy-Authenticate", "Basic")
		h.Set("Upgrade", "h2c")
		h.Set("Via", "1.1 cdn")
		h.Set("Server", "theirs")
		h["Set-Cookie"] = []string{"a=1", "b=2"}
		h["Content-Type"] = nil
		h.Set("Content-Length", "4")
		io.WriteString(rw, "<htm")
	})
	p := proxytest.Start(t, proxytest.Config{Origin: origin, Setup: func(s *proxy.Server) { s.Options.Via = "here" }})
	resp, err := p.Client.Get(p.URL("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	resp.Header.Del("Date")
	want := http.Header{
		"Via":            {"1.1 cdn", "1.1 here"},
		"Server":         {"theirs"},
		"Set-Cookie":     {"a=1", "b=2"},
		"Content-Length": {"4"},
	}
	if fmt.Sprint(resp.Header) != fmt.Sprint(want) {
		t.Errorf("client got %v\nwant       %v", resp.Header, want)
	}
}

// Bodies, lengths and codings are the origin's, whatever the client asked for.
func TestBodiesUntouched(t *testing.T) {
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	zw.Write(bytes.Repeat([]byte("hello "), 1000))
	zw.Close()
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/gzip":
			rw.Header().Set("Content-Encoding", "gzip")
			rw.Write(packed.Bytes())
		case "/agent":
			fmt.Fprintf(rw, "%q %q", r.Header["User-Agent"], r.Header["Accept-Encoding"])
		case "/204":
			rw.WriteHeader(204)
		case "/304":
			rw.Header().Set("ETag", `"x"`)
			rw.WriteHeader(304)
		default:
			http.ServeContent(rw, r, "file.bin", fixedTime, bytes.NewReader(bytes.Repeat([]byte("0123456789"), 10000)))
		}
	})})
	do := func(method, path string, lines ...string) (*http.Response, string) {
		c := p.Dial()
		c.Send(p.Request(method, path, lines...))
		resp := c.Response(method)
		return resp, c.Body(resp)
	}
	if resp, body := do("GET", "/gzip"); body != packed.String() || resp.Header.Get("Content-Encoding") != "gzip" || resp.ContentLength != int64(packed.Len()) {
		t.Errorf("gzip: %d bytes, length %d, %v", len(body), resp.ContentLength, resp.Header)
	}
	if _, body := do("GET", "/agent"); body != "[] []" {
		t.Errorf("fields made up: %s", body)
	}
	if resp, body := do("HEAD", "/file"); resp.ContentLength != 100000 || body != "" {
		t.Errorf("HEAD: length %d, body %q", resp.ContentLength, body)
	}
	if resp, body := do("GET", "/file", "Range: bytes=10-14"); resp.StatusCode != 206 || body != "01234" || resp.Header.Get("Content-Range") != "bytes 10-14/100000" || resp.ContentLength != 5 {
		t.Errorf("Range: %s %q %v", resp.Status, body, resp.Header)
	}
	if resp, body := do("GET", "/file", "Range: bytes=0-1,5-6"); resp.StatusCode != 206 || !strings.Contains(body, "bytes 5-6/100000") || resp.ContentLength != int64(len(body)) {
		t.Errorf("two ranges: %s %q", resp.Status, body)
	}
	if resp, body := do("GET", "/204"); resp.StatusCode != 204 || body != "" {
		t.Errorf("204: %s %q", resp.Status, body)
	}
	if resp, _ := do("GET", "/304", `If-None-Match: "x"`); resp.StatusCode != 304 || resp.Header.Get("ETag") != `"x"` {
		t.Errorf("304: %s %v", resp.Status, resp.Header)
	}
	if resp, body := do("GET", "/file"); resp.ContentLength != 100000 || len(body) != 100000 || resp.TransferEncoding != nil {
		t.Errorf("file: length %d, %d bytes, %v", resp.ContentLength, len(body), resp.TransferEncoding)
	}
}

// Uploads arrive whole, with their framing, and are counted.
func TestUploads(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, _ := io.Copy(h, r.Body)
		fmt.Fprintf(rw, "%d %d %x %v", r.ContentLength, n, h.Sum(nil), r.Trailer)
	})})
	for _, length := range []int64{int64(len(big)), -1} {
		req, _ := http.NewRequest("POST", p.URL("/up"), struct{ io.Reader }{bytes.NewReader(big)})
		req.ContentLength = length
		want := fmt.Sprintf("%d %d %x map[]", length, len(big), sha256.Sum256(big))
		if length < 0 {
			req.Trailer = http.Header{"X-Sum": {"abc"}}
			want = strings.Replace(want, "map[]", "map[X-Sum:[abc]]", 1)
		}
		resp, err := p.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != want {
			t.Errorf("origin got %s, want %s", body, want)
		}
	}
	if r := p.Records(4)[3]; r.BytesOut != int64(len(big)) || r.BytesIn == 0 {
		t.Errorf("counted %d out, %d in; want %d out", r.BytesOut, r.BytesIn, len(big))
	}
}

// Expect is between client and origin: the proxy neither says 100 nor sends the body by itself.
func TestExpectContinue(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			rw.WriteHeader(http.StatusExpectationFailed)
			return
		}
		io.Copy(rw, r.Body)
	})})
	c := p.Dial()
	c.Send(p.Request("POST", "/no", "Expect: 100-continue", "Content-Length: 5"))
	if resp := c.Response("POST"); resp.StatusCode != http.StatusExpectationFailed {
		t.Errorf("got %s, want the origin's 417", resp.Status)
	}
	c = p.Dial()
	c.Send(p.Request("POST", "/yes", "Expect: 100-continue", "Content-Length: 5"))
	if resp := c.Response("POST"); resp.StatusCode != http.StatusContinue {
		t.Fatalf("got %s, want 100", resp.Status)
	}
	c.Send("hello")
	if resp := c.Response("POST"); resp.StatusCode != 200 || c.Body(resp) != "hello" {
		t.Errorf("got %s", resp.Status)
	}
}

// Informational responses and trailers pass.
func TestInterimAndTrailers(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Link", "</style.css>; rel=preload")
		rw.Header().Set("Keep-Alive", "no")
		rw.WriteHeader(http.StatusEarlyHints)
		rw.Header().Del("Link")
		rw.Header().Set("Trailer", "X-Announced")
		io.WriteString(rw, "body")
		rw.(http.Flusher).Flush()
		rw.Header().Set("X-Announced", "1")
	})})
	var hints []textproto.MIMEHeader
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, h)
		return nil
	}}
	req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", p.URL("/"), nil)
	resp, err := p.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if len(hints) != 1 || hints[0].Get("Link") == "" || hints[0].Get("Keep-Alive") != "" {
		t.Errorf("informational responses %v", hints)
	}
	if resp.Header.Get("Link") != "" {
		t.Errorf("field of the informational response in the final one: %v", resp.Header)
	}
	if string(body) != "body" || resp.Trailer.Get("X-Announced") != "1" {
		t.Errorf("body %q, trailer %v", body, resp.Trailer)
	}
	// A client of HTTP/1.0 knows neither informational responses nor chunks.
	c := p.Dial()
	c.Send("GET " + p.URL("/") + " HTTP/1.0\r\n\r\n")
	old := c.Response("GET")
	if got := c.Body(old); old.StatusCode != 200 || got != "body" || old.TransferEncoding != nil || !old.Close {
		t.Errorf("HTTP/1.0: %s %q, %v", old.Status, got, old.TransferEncoding)
	}
}

// Each line is there before the origin writes the next one, with and without a length.
func TestStreaming(t *testing.T) {
	next := make(chan bool)
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/length" {
			rw.Header().Set("Content-Length", "12")
		}
		if r.URL.Path == "/events" {
			rw.Header().Set("Content-Type", "text/event-stream")
		}
		for range 3 {
			io.WriteString(rw, "one\n")
			rw.(http.Flusher).Flush()
			<-next
		}
	})})
	for _, path := range []string{"/chunked", "/length", "/events"} {
		c := p.Dial()
		c.Send(p.Get(path))
		resp := c.Response("GET")
		line := make([]byte, 4)
		for range 3 {
			if _, err := io.ReadFull(resp.Body, line); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			next <- true
		}
		if rest := c.Body(resp); rest != "" {
			t.Errorf("%s: %q after the body", path, rest)
		}
	}
}

// A response reaches a client that is still sending, however long it pauses: an origin may have
// refused the upload, and a client may wait for each line's response.
func TestResponseBeforeTheBodyEnds(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refuse" {
			http.NewResponseController(rw).EnableFullDuplex()
			rw.Header().Set("Connection", "close") // net/http would read what is left of the body twice at a time
			rw.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		http.NewResponseController(rw).EnableFullDuplex()
		line := make([]byte, 4)
		for {
			if _, err := io.ReadFull(r.Body, line); err != nil {
				return
			}
			rw.Write(line)
			rw.(http.Flusher).Flush()
		}
	})})
	for _, framing := range []string{"Content-Length: 1000000", "Content-Length: 100", "Transfer-Encoding: chunked"} {
		c := p.Dial()
		c.Send(p.Request("POST", "/refuse", framing) + "4\r\nhalf\r\n")
		if resp := c.Response("POST"); resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %s", framing, resp.Status)
		}
		c.Close()
	}
	c := p.Dial()
	c.Send(p.Request("POST", "/echo", "Transfer-Encoding: chunked"))
	var resp *http.Response
	for i, line := range []string{"one\n", "two\n", "six\n"} {
		c.Send("4\r\n" + line + "\r\n")
		if i == 0 {
			resp = c.Response("POST")
		}
		got := make([]byte, 4)
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != line {
			t.Fatalf("%q came back as %q, %v", line, got, err)
		}
	}
	c.Send("0\r\n\r\n")
	if rest := c.Body(resp); rest != "" {
		t.Errorf("%q after the last line", rest)
	}
	// When the response began nobody knew that the request's body would come to its end.
	if rest := c.Rest(); !resp.Close || rest != "" {
		t.Errorf("close %v, %q after the response", resp.Close, rest)
	}
}

// Connections are kept and used again on both sides, and every request on them is decided.
func TestKeepAlive(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.WriteString(rw, r.RemoteAddr)
	})})
	c := p.Dial()
	var origins []string
	for range 3 {
		c.Send(p.Get("/"))
		origins = append(origins, c.Body(c.Response("GET")))
		c.Send("GET http://other.test/ HTTP/1.1\r\nHost: " + p.Target + "\r\n\r\n")
		resp := c.Response("GET")
		if c.Body(resp); resp.StatusCode != http.StatusForbidden || resp.Close {
			t.Errorf("denied request between two permitted ones: %s, close %v", resp.Status, resp.Close)
		}
	}
	if len(slices.Compact(slices.Clone(origins))) != 1 {
		t.Errorf("connections to the origin: %v, want one", origins)
	}
	records := p.Records(9)
	for i, r := range records {
		if r.ClientPort != c.Client().Port() {
			t.Errorf("record %d: client port %d, want %d", i, r.ClientPort, c.Client().Port())
		}
	}
	if r := records[4]; r.Type != "egress.close" || r.DstIP.String() != "127.0.0.1" || r.Connect != 0 {
		t.Errorf("close record of a request on a pooled connection: %+v", r)
	}
	// The client asks for the end: that concerns its own connection only.
	c.Send(p.Get("/", "Connection: close"))
	if resp := c.Response("GET"); !resp.Close || c.Body(resp) != origins[0] {
		t.Error("Connection: close was passed on, or not obeyed")
	}
}
