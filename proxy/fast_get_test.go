package proxy_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"webproxy/internal/proxytest"
	"webproxy/proxy"
)

// getThroughNetHTTP is a header line that is for the proxy only and asks for nothing, but makes a GET one
// that is not plain.
const getThroughNetHTTP = "Upgrade: h2c\r\n"

// FuzzGet: a GET leaves the same records, and client and origin hear the same, whichever way it is served.
func FuzzGet(f *testing.F) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	f.Add(false, "/", "", ok)
	f.Add(true, "/x?y", "Connection: close, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
	f.Add(false, "//a/{|}?%zz", "Via: 1.1 here\r\n", ok)
	f.Add(false, "/", "Via: 1.0 there\r\nPragma: no-cache\r\nAccept: text/html\r\nCookie: a\r\nCookie: b\r\n", ok)
	f.Add(false, "?q", "Host: again\r\n", ok)
	f.Add(false, "", "Proxy-Authorization: Basic eA==\r\nKeep-Alive: 5\r\nTrailer: X\r\nMax-Forwards: 0\r\nUser-Agent:\r\n", ok)
	f.Add(false, "/denied", "Accept: application/json\r\n", ok)
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\n\r\nup to the end")
	f.Add(false, "/", "", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok, and more")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\nTrailer: X-Sum\r\n\r\n2;ext=1\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
	f.Add(false, "/", "", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nextra")
	f.Add(false, "/", "", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nDate: today\r\n\r\n")
	f.Add(false, "/", "", "HTTP/1.1 302 Found\r\nLocation: https://other.test/x\r\nContent-Length: 0\r\nConnection: X, close\r\nX: 1\r\n\r\n")
	f.Add(false, "/", "", "HTTP/1.1 103 Early\r\nLink: x\r\nKeep-Alive: 1\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"+ok)
	f.Add(false, "/", "", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
	f.Add(false, "/", "", "HTTP/1.1 799 Odd Phrase\r\nContent-Length: 0\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n folded\r\nContent-Type:\r\n\r\n")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.1 200\nContent-Length: 2\n\nok")
	f.Add(false, "/", "", "HTTP/1.1 407 Asks\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nServer: webproxy\r\nProxy-Status: webproxy; error=x\r\nContent-Length: 0\r\n\r\n")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Host\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nY: 2\r\nHost: x\r\n\r\n")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Content-Length\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.1 103 Early\r\nContent-Length: 5\r\nLink: x\r\n\r\n"+ok)
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\nX\t: y\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n2\nok\r\n")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\ncontent-length: 2\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nX Y: b\r\nContent-Length: 2\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
	f.Add(false, "/", "", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
	f.Add(false, "/", "", strings.Repeat("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", 17)+ok)
	f.Add(true, "/", "", ok+ok)
	f.Add(false, "/", "", "SSH-2.0\r\n\r\n")
	f.Add(false, "/", "", "")
	f.Add(false, "/a?", "user-agent: \t x y \t\r\nACCEPT: */*\r\nconnection: Keep-Alive\r\nProxy-Connection: close\r\nkeep-alive: 1\r\nX-Empty:\r\n", ok)
	f.Add(false, "/denied", "Accept: text/html;q=0.5\r\nAccept: application/json\r\n", ok)
	f.Add(true, "/", "Accept: x\r\nConnection: CLOSE\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 007\r\n\r\n")
	f.Add(true, "/", "", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nCONTENT-LENGTH:  02\t\r\nconnection: Close\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\ndate: today\r\nVia: 1.0 there\r\nX:\r\nx-y: \t z \t\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.1 404 Nope\r\nServer: WebProxy \r\nContent-Length: 2\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nServer: webproxy\r\nServer: other\r\nContent-Length: 2\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.1 200 OK\r\nPragma: no-cache\r\nUpgrade: h2\r\nTe: x\r\nHTTP2-Settings: x\r\nProxy-Authorization: x\r\nContent-Length: 2\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.1 401 Log in\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 2\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.1 206 Part\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\nSet-Cookie: \xe9=1\r\nSet-Cookie: b\r\n\r\nok")
	f.Add(false, "/", "", "HTTP/1.1 301 Moved\r\nLocation: http://localhost/\r\nContent-Length: 2\r\n\r\nok")
	f.Add(false, "/", "Authorization: Basic x\r\nMax-Forwards: 1\r\nRange: bytes=0-1\r\nProxy-Authenticate: x\r\n", ok)
	f.Fuzz(func(t *testing.T, head bool, path, fields, response string) {
		if strings.ContainsAny(path, " \r\n") || !wholeLines.MatchString(fields) || notPlain.MatchString(fields) {
			t.Skip() // not one head, or not one that is served on the fast path
		}
		method := "GET"
		if head {
			method = "HEAD"
		}
		origin := scripted(t, response)
		p := proxytest.Start(t, proxytest.Config{Listener: origin.ln, Setup: func(s *proxy.Server) { s.Options.Via = "here" }})
		if path == "/denied" {
			p.Target = "denied.test:80"
		}
		fast := getOnce(t, p, origin, method, path, fields)
		standard := getOnce(t, p, origin, method, path, getThroughNetHTTP+fields)
		if fast != standard {
			t.Errorf("what came of it differs\n--- fast path\n%s\n--- net/http\n%s", fast, standard)
		}
	})
}

var (
	lengthOfHop = regexp.MustCompile(`(?i)connection[ \t]*:[^\n]*content-length`)
	wholeLines  = regexp.MustCompile(`^([^\r\n]+\r\n)*$`)
	notPlain    = regexp.MustCompile(`(?i)(content-length|transfer-encoding|expect|upgrade)`)
)

// getOnce makes one request, and tells what client, origin and audit log saw, without what differs from one
// time to the next.
func getOnce(t *testing.T, p *proxytest.Proxy, origin *scriptedOrigin, method, path, fields string) string {
	t.Helper()
	before := len(p.Audit.All())
	c := p.Dial()
	defer c.Close()
	io.WriteString(c.TCPConn, fmt.Sprintf("%s http://%s%s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, p.Target, path, fields))
	var told strings.Builder
	for {
		resp, err := http.ReadResponse(c.R, &http.Request{Method: method})
		if err != nil {
			fmt.Fprintf(&told, "client: no response\n")
			break
		}
		body, err := io.ReadAll(resp.Body)
		if resp.Header.Get("Date") != "today" {
			resp.Header.Set("Date", "now")
		}
		if resp.Header.Get("Content-Length") != "" && resp.ContentLength >= 0 { // leading zeros are no matter
			resp.Header.Set("Content-Length", fmt.Sprint(resp.ContentLength))
		}
		if method == "GET" && len(body) == 0 && err == nil && resp.StatusCode >= 200 { // there are two ways to say so
			resp.Header.Del("Content-Length")
			resp.ContentLength, resp.TransferEncoding = 0, nil
		}
		if origin.hidesLength && err == nil { // net/http finds the length of a short body, unless it pauses before its end
			resp.Header.Del("Content-Length")
			resp.ContentLength, resp.TransferEncoding = -1, nil
		}
		fmt.Fprintf(&told, "client: %s %v %d %v close=%v\n%q, whole=%v, trailer %v\n", resp.Status, resp.Header, resp.ContentLength,
			resp.TransferEncoding, resp.Close, body, err == nil, resp.Trailer)
		if resp.StatusCode >= 200 || resp.StatusCode == 101 {
			break
		}
	}
	c.CloseWrite() // sooner, it would be a client that leaves
	fmt.Fprintf(&told, "after it: %q\n", c.Rest())
	want := before + 1
	heard := origin.take()
	if !strings.Contains(told.String(), "webproxy denied") || len(heard) > 0 {
		want++
	}
	for _, h := range heard {
		fmt.Fprintf(&told, "origin: %s\n", h)
	}
	for _, r := range p.Records(want)[before:] {
		fmt.Fprintf(&told, "record: %s\n", marshal(t, anonymous(r)))
	}
	return recordID.ReplaceAllString(told.String(), "T...")
}

var recordID = regexp.MustCompile(`T[0-9]{5}`)

// A scriptedOrigin answers the first request of every connection with the same bytes, and then closes it.
type scriptedOrigin struct {
	ln          net.Listener
	hidesLength bool       // its Content-Length is for the proxy only
	mu          sync.Mutex // guards heard
	// heard are the requests since take.
	heard []string
}

func scripted(t *testing.T, response string) *scriptedOrigin {
	o := &scriptedOrigin{hidesLength: lengthOfHop.MatchString(response)}
	o.ln = proxytest.Accept(t, func(c *net.TCPConn) { o.serve(c, response) })
	return o
}

func (o *scriptedOrigin) serve(c net.Conn, response string) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	o.mu.Lock()
	o.heard = append(o.heard, fmt.Sprintf("%s %s %s %v %d", r.Method, r.RequestURI, r.Host, r.Header, r.ContentLength))
	o.mu.Unlock()
	io.WriteString(c, response)
	c.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, c)
}

func (o *scriptedOrigin) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	heard := o.heard
	o.heard = nil
	return heard
}

// A talking origin serves its connections in the test's own goroutine, one after another.
func talking(t *testing.T) (*proxytest.Proxy, func() *talker) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	ln.(*net.TCPListener).SetDeadline(time.Now().Add(proxytest.Patience))
	p := proxytest.Start(t, proxytest.Config{Listener: ln})
	return p, func() *talker {
		t.Helper()
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(proxytest.Patience))
		return &talker{t: t, TCPConn: c.(*net.TCPConn), r: bufio.NewReader(c)}
	}
}

// A talker is an origin's end of a connection.
type talker struct {
	*net.TCPConn
	t *testing.T
	r *bufio.Reader
}

// hear reads a request.
func (o *talker) hear() *http.Request {
	o.t.Helper()
	r, err := http.ReadRequest(o.r)
	if err != nil {
		o.t.Fatalf("the origin hears: %v", err)
	}
	return r
}

func (o *talker) say(s string) {
	o.t.Helper()
	if _, err := io.WriteString(o.TCPConn, s); err != nil {
		o.t.Fatalf("the origin says: %v", err)
	}
}

const okResponse = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// An origin that ends a connection at rest, or in the moment when it is used again, fails no request.
func TestGetOnAConnectionThatEnds(t *testing.T) {
	p, accept := talking(t)
	c := p.Dial()
	ask := func(o *talker) {
		t.Helper()
		o.hear()
		o.say(okResponse)
		if resp := c.Response("GET"); c.Body(resp) != "ok" {
			t.Fatal(resp.Status)
		}
	}
	c.Send(p.Get("/1"))
	first := accept()
	ask(first)
	first.Close() // at rest
	c.Send(p.Get("/2"))
	second := accept()
	ask(second)
	c.Send(p.Get("/3"))
	second.hear()
	second.Close() // the request is on its way
	third := accept()
	ask(third)
	if r := p.Records(6); r[5].Error != "" || r[5].Connect == 0 {
		t.Errorf("close record %+v", r[5])
	}
}

// A request is sent twice only if nothing of a response came.
func TestGetIsNotRepeated(t *testing.T) {
	p, accept := talking(t)
	c := p.Dial()
	c.Send(p.Get("/1"))
	o := accept()
	o.hear()
	o.say(okResponse)
	c.Body(c.Response("GET"))
	c.Send(p.Get("/2"))
	o.hear()
	o.say("HTTP/1.1 2")
	o.Close()
	if resp := c.Response("GET"); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("%s", resp.Status)
	}
}

// What an origin says when nobody asked, or more than it announced, is no response to anybody.
func TestGetUnsolicited(t *testing.T) {
	p, accept := talking(t)
	for _, surplus := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "x"} {
		for _, late := range []bool{false, true} {
			c := p.Dial()
			c.Send(p.Get("/1"))
			o := accept()
			o.hear()
			if late {
				o.say(okResponse)
			} else {
				o.say(okResponse + surplus)
			}
			if body := c.Body(c.Response("GET")); body != "ok" {
				t.Fatalf("%q", body)
			}
			if late {
				o.say(surplus)
			}
			c.Send(p.Get("/2"))
			o = accept() // a new connection
			o.hear()
			o.say(strings.Replace(okResponse, "ok", "it", 1))
			if body := c.Body(c.Response("GET")); body != "it" {
				t.Errorf("the next response is %q", body)
			}
			o.Close()
			c.Close()
		}
	}
}

// A large body arrives whole, and nothing that comes after it.
func TestGetLarge(t *testing.T) {
	p, accept := talking(t)
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // 2 MiB: more than buffers and pipes hold
	c := p.Dial()
	c.Send(p.Get("/large"))
	o := accept()
	o.hear()
	go func() {
		fmt.Fprintf(o, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(body))
		o.Write(append(body, "and more"...)) // at once: it could be read at once
	}()
	resp := c.Response("GET")
	if got := c.Body(resp); got != string(body) {
		t.Fatalf("%d bytes, want %d", len(got), len(body))
	}
	if r := p.Records(2)[1]; r.BytesIn != int64(len(body)) || r.Error != "" {
		t.Errorf("close record %+v", r)
	}
	c.Send(p.Get("/next"))
	o = accept()
	o.hear()
	o.say(okResponse)
	if body := c.Body(c.Response("GET")); body != "ok" {
		t.Errorf("the next response is %q", body)
	}
}

// One that breaks off in the middle does so for the client; a client that leaves in the middle ends it.
func TestGetLargeBreaksOff(t *testing.T) {
	p, accept := talking(t)
	part := strings.Repeat("x", 1<<20)
	c := p.Dial()
	c.Send(p.Get("/large"))
	o := accept()
	o.hear()
	o.say("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + part)
	o.Close()
	if got, err := io.ReadAll(c.Response("GET").Body); !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != len(part) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if r := p.Records(2)[1]; r.Error != "http_response_incomplete" || r.BytesIn != int64(len(part)) {
		t.Errorf("close record %+v", r)
	}
	c = p.Dial()
	c.Send(p.Get("/large"))
	o = accept()
	o.hear()
	o.say("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\nx")
	c.Response("GET")
	c.Reset()
	if _, err := o.r.ReadByte(); err == nil {
		t.Error("the origin's connection goes on")
	}
	if r := p.Records(4)[3]; r.Error != "client_gone" {
		t.Errorf("close record %+v", r)
	}
}

// Requests that come at once are answered one after another, whichever way they are served.
func TestGetPipelined(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(rw, "%s %s %s", r.Method, r.URL.Path, body)
	})})
	c := p.Dial()
	c.Send(p.Get("/1") + p.Get("/2") + p.Request("POST", "/3", "Content-Length: 4") + "body" + p.Get("/4") +
		p.Get("/5", strings.TrimSpace(getThroughNetHTTP)) + p.Get("/6") + p.Request("HEAD", "/7") + p.Get("/8", "Connection: close"))
	want := []string{"GET /1 ", "GET /2 ", "POST /3 body", "GET /4 ", "GET /5 ", "GET /6 ", "", "GET /8 "}
	var got []string
	for i := range want {
		method := "GET"
		if i == 6 {
			method = "HEAD"
		}
		got = append(got, c.Body(c.Response(method)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if rest := c.Rest(); rest != "" {
		t.Errorf("%q after the last response", rest)
	}
	if records := p.Records(16); len(records) != 16 {
		t.Errorf("%d records, want 16", len(records))
	}
}

// After a reload no connection is used that was opened under the policy before.
func TestGetAfterReload(t *testing.T) {
	p, accept := talking(t)
	c := p.Dial()
	for range 2 {
		c.Send(p.Get("/"))
		o := accept()
		o.hear()
		o.say(okResponse)
		c.Body(c.Response("GET"))
		set := p.Compile(proxytest.OriginRule(p.Port))
		p.Live.Swap(set)
		p.Server.Recheck(set, time.Hour)
	}
}
