package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
)

// trailerCases are chunked messages: what is announced, what comes, and what passes of it.
var trailerCases = []struct{ announced, sent, want string }{
	{"X-Sum", "X-Sum: 1\r\nX-More: 2\r\n", "X-Sum: 1\r\n"},
	{"X-Sum, Grpc-Status", "Grpc-Status: 0\r\nX-Sum: 1\r\nX-Sum: 2\r\n", "Grpc-Status: 0\r\nX-Sum: 1\r\nX-Sum: 2\r\n"},
	{"", "X-More: 2\r\n", ""},
	{"X-Sum", "X-More: 2\r\n", ""},
	{"X-Sum", "Content-Length: 2\r\nHost: b.test\r\nX-Sum: 1\r\nAuthorization: x\r\nSet-Cookie: a=b\r\n", "X-Sum: 1\r\n"},
	{"Host, Authorization, Www-Authenticate, Set-Cookie, Location, Proxy-Status, If-Match, Upgrade, Via, Content-Type, Cookie, X-Sum",
		"Host: b.test\r\nAuthorization: x\r\nWWW-Authenticate: x\r\nSet-Cookie: x\r\nLocation: /\r\nProxy-Status: x\r\nIf-Match: x\r\n" +
			"Upgrade: x\r\nVia: x\r\nContent-Type: x\r\nCookie: x\r\nX-Sum: 1\r\n", "X-Sum: 1\r\n"},
	{"Host, Set-Cookie", "Host: b.test\r\nSet-Cookie: a=b\r\n", ""},
}

func trailerLine(announced string) string {
	if announced == "" {
		return ""
	}
	return "Trailer: " + announced + "\r\n"
}

// sortedNames is a Trailer field, its names sorted.
func sortedNames(t http.Header) string {
	var names []string
	for _, v := range t["Trailer"] {
		names = append(names, strings.Split(strings.ReplaceAll(v, " ", ""), ",")...)
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

// wantNames is what may be announced of a case.
func wantNames(announced string) string {
	var names []string
	for name := range strings.SplitSeq(strings.ReplaceAll(announced, " ", ""), ",") {
		if strings.HasPrefix(name, "X-") || name == "Grpc-Status" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

// Of a response's trailers those pass that were announced and may be trailers at all.
func TestResponseTrailers(t *testing.T) {
	for _, tt := range trailerCases {
		p := proxytest.Start(t, proxytest.Config{Listener: listen(t, func(string) string {
			return "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n" + trailerLine(tt.announced) + "\r\n4\r\nbody\r\n0\r\n" + tt.sent + "\r\n"
		})})
		c := p.Dial()
		c.Send(p.Get("/", "TE: trailers", "Connection: TE, close"))
		head, rest, _ := strings.Cut(c.Rest(), "\r\n\r\n")
		if got := sortedNames(headerOf(t, head)); got != wantNames(tt.announced) {
			t.Errorf("announced %q, passed as %q", tt.announced, got)
		}
		body, trailer, ok := strings.Cut(rest, "0\r\n")
		if strings.Contains(head, "chunked") != ok || !strings.Contains(body, "body") || sorted(trailer) != tt.want && ok || !ok && tt.want != "" {
			t.Errorf("announced %q, sent %q:\n%q\npassed %q, want %q", tt.announced, tt.sent, head, rest, tt.want)
		}
	}
}

// sorted sorts the lines of a trailer section, without the empty one.
func sorted(section string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(section, "\r\n"), "\r\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func headerOf(t *testing.T, head string) http.Header {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head+"\r\n\r\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Trailer) > 0 { // net/http has moved them there
		names := make([]string, 0, len(resp.Trailer))
		for name := range resp.Trailer {
			names = append(names, name)
		}
		return http.Header{"Trailer": names}
	}
	return resp.Header
}

// The same of a request's.
func TestRequestTrailers(t *testing.T) {
	for _, tt := range trailerCases {
		got := make(chan [2]string, 1)
		p := proxytest.Start(t, proxytest.Config{Listener: listenRaw(t, got)})
		c := p.Dial()
		c.Send(strings.TrimSuffix(p.Request("POST", "/", "Transfer-Encoding: chunked", "Connection: close"), "\r\n") +
			trailerLine(tt.announced) + "\r\n4\r\nbody\r\n0\r\n" + tt.sent + "\r\n")
		if resp := c.Response("POST"); resp.StatusCode != 200 {
			t.Errorf("%q: %s", tt.announced, resp.Status)
			continue
		}
		message := <-got
		if names := announcedIn(message[0]); names != wantNames(tt.announced) {
			t.Errorf("announced %q, passed as %q", tt.announced, names)
		}
		_, trailer, _ := strings.Cut(message[1], "0\r\n")
		if sorted(trailer) != tt.want {
			t.Errorf("announced %q, sent %q: passed %q, want %q", tt.announced, tt.sent, trailer, tt.want)
		}
	}
}

// announcedIn is the Trailer field of a request head, its names sorted.
func announcedIn(head string) string {
	for line := range strings.SplitSeq(head, "\r\n") {
		if v, ok := strings.CutPrefix(line, "Trailer: "); ok {
			return sortedNames(http.Header{"Trailer": {v}})
		}
	}
	return ""
}

// listenRaw is an origin that takes one chunked request, byte by byte as it comes, and sends head and body to
// got.
func listenRaw(t *testing.T, got chan<- [2]string) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	t.Cleanup(func() { ln.Close(); <-done })
	go func() {
		defer close(done)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		r := bufio.NewReader(c)
		message := [2]string{}
		for i, end := range []string{"\r\n\r\n", "0\r\n"} {
			for !strings.HasSuffix(message[i], end) {
				b, err := r.ReadByte()
				if err != nil {
					return
				}
				message[i] += string(b)
			}
		}
		for line := ""; line != "\r\n"; {
			if line, err = r.ReadString('\n'); err != nil {
				return
			}
			message[1] += line
		}
		got <- message
		io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	}()
	return ln
}
