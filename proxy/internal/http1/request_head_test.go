package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"
)

// parseHead is what a client connection does with a head that came in one piece.
func parseHead(b []byte) (RequestHead, RequestTarget, int, ProtocolError) {
	var h RequestHead
	end, f := ScanHead(b, 0)
	if f != NoError || end == 0 {
		return h, RequestTarget{}, end, f
	}
	if f := h.Parse(b[:end]); f != NoError {
		return h, RequestTarget{}, end, f
	}
	a, f, _ := ParseTarget(&h)
	return h, a, end, f
}

const hostLine = "Host: a.example\r\n"

func TestHeadRefuses(t *testing.T) {
	tests := []struct {
		want ProtocolError
		head string
	}{
		// lines
		{ErrBareLF, "GET http://a.example/ HTTP/1.1\nHost: a.example\r\n\r\n"},
		{ErrBareLF, "GET http://a.example/ HTTP/1.1\r\nHost: a.example\n\r\n"},
		{ErrBareLF, "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\n"},
		{ErrBareLF, "\nGET http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrBareCR, "GET http://a.example/ HTTP/1.1\r\nHost: a.example\rX: y\r\n\r\n"},
		{ErrBareCR, "GET http://a.example/\r HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrBareCR, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\r\r\n\r\n"},
		{ErrControlByte, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\x00b\r\n\r\n"},
		{ErrControlByte, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\x0bb\r\n\r\n"},
		{ErrControlByte, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\x7fb\r\n\r\n"},
		{ErrControlByte, "GET\x1fhttp://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrFold, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\r\n b\r\n\r\n"},
		{ErrFold, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\r\n\tb\r\n\r\n"},
		{ErrFold, "GET http://a.example/ HTTP/1.1\r\n Host: a.example\r\n\r\n"},
		// request line
		{ErrRequestLine, "\r\nGET http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrRequestLine, "GET\r\n" + hostLine + "\r\n"},
		{ErrRequestLine, "GET http://a.example/\r\n" + hostLine + "\r\n"},
		{ErrRequestLine, "GET  HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrTargetByte, "GET  http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrTargetByte, "GET http://a.example/a b HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrTargetByte, "GET http://a.example/\tHTTP/1.1 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrTargetByte, "GET http://a.example/#x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrTargetByte, "GET http://a.example/\xc3\xa9 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrMethod, "G@T http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrMethod, " GET http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrVersion, "GET http://a.example/ HTTP/1.2\r\n" + hostLine + "\r\n"},
		{ErrVersion, "GET http://a.example/ http/1.1\r\n" + hostLine + "\r\n"},
		{ErrVersion, "GET http://a.example/ HTTP/01.1\r\n" + hostLine + "\r\n"},
		{ErrVersion, "GET http://a.example/ HTTP/0.9\r\n" + hostLine + "\r\n"},
		{ErrVersion, "PRI * HTTP/2.0\r\n\r\n"},
		// targets
		{ErrTargetForm, "GET * HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrTargetForm, "GET a.example HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrTargetForm, "GET a.example:80 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrTargetForm, "GET mailto:x@a.example HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrTargetForm, "GET ://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrEscape, "GET http://a.example/%zz HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrEscape, "GET http://a.example/% HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrEscape, "GET /%2 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT /path HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT //a.example:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT a.example HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT a.example: HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT :443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT a.example:0443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT a.example:+443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT a.example:0 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT a.example:65536 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT a.example:https HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT a.example:443:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT user@a.example:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT http://a.example:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT a.example:443/x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT a%2eexample:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT 0x7f.1:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "CONNECT * HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "GET http:///x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, "GET http://user@a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{ErrAuthority, `GET http://a.example\@b.example/ HTTP/1.1` + "\r\n" + hostLine + "\r\n"},
		// fields
		{ErrFieldName, "GET http://a.example/ HTTP/1.1\r\nHost : a.example\r\n\r\n"},
		{ErrFieldName, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + ": x\r\n\r\n"},
		{ErrFieldName, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X\r\n\r\n"},
		{ErrFieldName, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X Y: z\r\n\r\n"},
		{ErrFieldName, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length\xa0: 3\r\n\r\n"},
		{ErrNoHost, "GET http://a.example/ HTTP/1.1\r\n\r\n"},
		{ErrNoHost, "CONNECT a.example:443 HTTP/1.1\r\n\r\n"},
		{ErrManyHosts, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + hostLine + "\r\n"},
		{ErrManyHosts, "GET http://a.example/ HTTP/1.0\r\n" + hostLine + "HOST:b.example\r\n\r\n"},
		{ErrHost, "GET http://a.example/ HTTP/1.1\r\nHost: a.example/\r\n\r\n"},
		{ErrHost, "GET http://a.example/ HTTP/1.1\r\nHost: a b\r\n\r\n"},
		{ErrExpect, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Expect: 200-ok\r\n\r\n"},
		// framing
		{ErrLength, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: +5\r\n\r\n"},
		{ErrLength, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: -1\r\n\r\n"},
		{ErrLength, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: 0x5\r\n\r\n"},
		{ErrLength, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: 5, 5\r\n\r\n"},
		{ErrLength, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length:\r\n\r\n"},
		{ErrLength, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: 9999999999999999999\r\n\r\n"},
		{ErrManyLengths, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: 5\r\ncontent-length: 5\r\n\r\n"},
		{ErrManyLengths, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"},
		{ErrLengthAndCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{ErrLengthAndCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"},
		{ErrCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: xchunked\r\n\r\n"},
		{ErrCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: chunked, identity\r\n\r\n"},
		{ErrCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: gzip, chunked\r\n\r\n"},
		{ErrCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{ErrCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: \"chunked\"\r\n\r\n"},
		{ErrCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: identity\r\n\r\n"},
		{ErrCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding:\r\n\r\n"},
		{ErrCodingOn10, "POST http://a.example/ HTTP/1.0\r\n" + hostLine + "Transfer-Encoding: chunked\r\n\r\n"},
		{ErrConnectBody, "CONNECT a.example:443 HTTP/1.1\r\n" + hostLine + "Content-Length: 5\r\n\r\n"},
		{ErrConnectBody, "CONNECT a.example:443 HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: chunked\r\n\r\n"},
	}
	for _, tt := range tests {
		if _, _, end, f := parseHead([]byte(tt.head)); f != tt.want {
			t.Errorf("Parse(%q) = %v (end %d), want %v", tt.head, f, end, tt.want)
		}
	}
}

func TestHeadAccepts(t *testing.T) {
	tests := []struct {
		form   TargetForm
		target string
		length int64
		head   string
	}{
		{FormAbsolute, "http://a.example:80", 0, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{FormAbsolute, "http://a.example:80", 0, "GET HTTP://A.Example HTTP/1.1\r\nhOST:\t other \t\r\n\r\n"},
		{FormAbsolute, "http://a.example:8080", 0, "GET http://a.example:8080?a=%zz HTTP/1.1\r\n" + hostLine + "\r\n"},
		{FormAbsolute, "http://[2001:db8::1]:80", 0, "GET http://[2001:DB8::1]/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{FormAbsolute, "https://a.example:443", 0, "GET https://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{FormAbsolute, "http://a.example:80", 0, "GET http://a.example:/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{FormAbsolute, "http://[2001:db8::1]:80", 0, "GET http://[2001:db8::1]:?x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{FormAbsolute, "https://a.example:443", 0, "GET https://a.example:/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{FormAbsolute, "https://[2001:db8::1]:443", 0, "GET https://[2001:db8::1]/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{FormAbsolute, "", 0, "GET ftp://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{FormAbsolute, "http://a.example:80", 0, "GET http://a.example/ HTTP/1.0\r\n\r\n"},
		{FormAbsolute, "http://a.example:80", 5, "POST http://a.example/{|} HTTP/1.1\r\n" + hostLine + "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n"},
		{FormAbsolute, "http://a.example:80", -1, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: Chunked\r\n\r\n"},
		{FormAbsolute, "http://a.example:80", 0, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "Empty:\r\nX: \xc3\xa9\r\n\r\n"},
		{FormAuthority, "https://a.example:443", 0, "CONNECT a.example:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{FormAuthority, "https://a.example:443", 0, "CONNECT A.EXAMPLE.:443 HTTP/1.0\r\nContent-Length: 0\r\n\r\n"},
		{FormOrigin, "", 0, "GET /x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{FormOrigin, "", 0, "GET //x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{FormAsterisk, "", 0, "OPTIONS * HTTP/1.1\r\n" + hostLine + "\r\n"},
	}
	for _, tt := range tests {
		h, a, end, f := parseHead([]byte(tt.head))
		if f != NoError || end != len(tt.head) || a.Form != tt.form || a.Target.String() != tt.target || h.Length != tt.length {
			t.Errorf("Parse(%q) = %v, end %d, form %d, target %v, length %d; want form %d, target %s, length %d",
				tt.head, f, end, a.Form, a.Target, h.Length, tt.form, tt.target, tt.length)
		}
	}
}

// Bytes come in any pieces: where they are cut makes no difference.
func TestHeadInPieces(t *testing.T) {
	heads := []string{
		"GET http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\nmore",
		"GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\rb\r\n\r\n",
		"GET http://a.example/ HTTP/1.1\nHost: x\r\n\r\n",
		"\r\n\r\nGET",
	}
	for _, s := range heads {
		wantEnd, wantFlaw := ScanHead([]byte(s), 0)
		for cut := range s {
			end, f := ScanHead([]byte(s[:cut]), 0)
			if f == NoError && end == 0 {
				end, f = ScanHead([]byte(s), cut)
			}
			if end != wantEnd || f != wantFlaw {
				t.Errorf("scan %q cut at %d: %d, %v; want %d, %v", s, cut, end, f, wantEnd, wantFlaw)
			}
		}
	}
}

func TestHeadAllocatesNothing(t *testing.T) {
	b := []byte("GET http://a.example/x HTTP/1.1\r\n" + hostLine + "Accept: */*\r\nContent-Length: 5\r\n\r\n")
	var h RequestHead
	if n := testing.AllocsPerRun(100, func() {
		end, _ := ScanHead(b, 0)
		h.Parse(b[:end])
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// FuzzHead: what is accepted, net/http accepts too, and reads in the same way: its server never
// finds anything to answer by itself. And every cut of the same bytes gives the same result.
func FuzzHead(f *testing.F) {
	f.Add([]byte("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"), uint8(3))
	f.Add([]byte("CONNECT [::1]:443 HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n"), uint8(0))
	f.Add([]byte("POST https://a.example/%41?x#y HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), uint8(30))
	f.Add([]byte("OPTIONS * HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"), uint8(60))
	f.Add([]byte("POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nTrailer: X,\tTrailer\r\n\r\n0\r\n\r\n"), uint8(90))
	f.Add([]byte("GET ftp://a.example:21//x;y=%2F HTTP/1.1\r\nHost: ~\r\n\r\n"), uint8(9))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		end, fl := ScanHead(b, 0)
		if k := int(cut); k < len(b) {
			if e, g := ScanHead(b[:k], 0); e == 0 && g == NoError {
				if e, g = ScanHead(b, k); e != end || g != fl {
					t.Fatalf("cut at %d: %d, %v; whole: %d, %v", k, e, g, end, fl)
				}
			}
		}
		h, a, end, fl := parseHead(b)
		if fl != NoError || end == 0 {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			t.Fatalf("net/http refuses: %v", err)
		}
		compareHeads(t, r, &h, a)
	})
}

func compareHeads(t *testing.T, r *http.Request, h *RequestHead, a RequestTarget) {
	if r.Method != string(h.Method) || r.RequestURI != string(h.Target) || r.ProtoMajor != 1 || r.ProtoMinor != h.Minor {
		t.Fatalf("net/http reads %s %s %s", r.Method, r.RequestURI, r.Proto)
	}
	if r.ContentLength != h.Length || (h.Length < 0) != slices.Equal(r.TransferEncoding, []string{"chunked"}) {
		t.Fatalf("net/http reads length %d, coding %v; want %d", r.ContentLength, r.TransferEncoding, h.Length)
	}
	if e := r.Header.Get("Expect"); h.expects != strings.EqualFold(e, "100-continue") || e != "" && !h.expects {
		t.Fatalf("net/http reads Expect: %q", e)
	}
	// What net/http's server checks beyond ReadRequest.
	hosts := r.Header["Host"]
	if h.Minor == 1 && h.Host == nil || len(hosts) > 1 || len(hosts) == 1 && !httpguts.ValidHostHeader(hosts[0]) {
		t.Fatalf("Host %q", hosts)
	}
	for name, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			t.Fatalf("field name %q", name)
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				t.Fatalf("field value %q", v)
			}
		}
	}
	if a.Form == FormAbsolute && (r.URL.Scheme != a.Scheme || r.URL.User != nil) {
		t.Fatalf("net/http reads URL %+v", r.URL)
	}
	if !a.Target.IsZero() && a.Target.Addr().IsValid() == false {
		host := strings.TrimSuffix(strings.ToLower(r.URL.Hostname()), ".")
		if host != a.Target.Host() {
			t.Fatalf("net/http reads host %q, we %q", host, a.Target.Host())
		}
	}
}

func BenchmarkHead(b *testing.B) {
	text := []byte("GET http://www.example.com/index.html?q=1 HTTP/1.1\r\nHost: www.example.com\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en\r\n" +
		"Accept-Encoding: gzip, deflate\r\nProxy-Connection: keep-alive\r\n\r\n")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var h RequestHead
	for b.Loop() {
		end, _ := ScanHead(text, 0)
		if h.Parse(text[:end]) != NoError {
			b.Fatal("refused")
		}
	}
}
