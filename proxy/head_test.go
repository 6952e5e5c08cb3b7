package proxy

import (
	"bufio"
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"
)

// judgeHead is what a wire does with a head that came in one piece.
func judgeHead(b []byte) (head, asked, int, flaw) {
	var h head
	end, f := scanHead(b, 0)
	if f != flawless || end == 0 {
		return h, asked{}, end, f
	}
	if f := h.parse(b[:end]); f != flawless {
		return h, asked{}, end, f
	}
	a, f, _ := readTarget(&h)
	return h, a, end, f
}

const hostLine = "Host: a.example\r\n"

func TestHeadRefuses(t *testing.T) {
	tests := []struct {
		want flaw
		head string
	}{
		// lines
		{flawBareLF, "GET http://a.example/ HTTP/1.1\nHost: a.example\r\n\r\n"},
		{flawBareLF, "GET http://a.example/ HTTP/1.1\r\nHost: a.example\n\r\n"},
		{flawBareLF, "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\n"},
		{flawBareLF, "\nGET http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawBareCR, "GET http://a.example/ HTTP/1.1\r\nHost: a.example\rX: y\r\n\r\n"},
		{flawBareCR, "GET http://a.example/\r HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawBareCR, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\r\r\n\r\n"},
		{flawControlByte, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\x00b\r\n\r\n"},
		{flawControlByte, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\x0bb\r\n\r\n"},
		{flawControlByte, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\x7fb\r\n\r\n"},
		{flawControlByte, "GET\x1fhttp://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawFold, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\r\n b\r\n\r\n"},
		{flawFold, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X: a\r\n\tb\r\n\r\n"},
		{flawFold, "GET http://a.example/ HTTP/1.1\r\n Host: a.example\r\n\r\n"},
		// request line
		{flawRequestLine, "\r\nGET http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawRequestLine, "GET\r\n" + hostLine + "\r\n"},
		{flawRequestLine, "GET http://a.example/\r\n" + hostLine + "\r\n"},
		{flawRequestLine, "GET  HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawTargetByte, "GET  http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawTargetByte, "GET http://a.example/a b HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawTargetByte, "GET http://a.example/\tHTTP/1.1 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawTargetByte, "GET http://a.example/#x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawTargetByte, "GET http://a.example/\xc3\xa9 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawMethod, "G@T http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawMethod, " GET http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawVersion, "GET http://a.example/ HTTP/1.2\r\n" + hostLine + "\r\n"},
		{flawVersion, "GET http://a.example/ http/1.1\r\n" + hostLine + "\r\n"},
		{flawVersion, "GET http://a.example/ HTTP/01.1\r\n" + hostLine + "\r\n"},
		{flawVersion, "GET http://a.example/ HTTP/0.9\r\n" + hostLine + "\r\n"},
		{flawVersion, "PRI * HTTP/2.0\r\n\r\n"},
		// targets
		{flawTargetForm, "GET * HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawTargetForm, "GET a.example HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawTargetForm, "GET a.example:80 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawTargetForm, "GET mailto:x@a.example HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawTargetForm, "GET ://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawEscape, "GET http://a.example/%zz HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawEscape, "GET http://a.example/% HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawEscape, "GET /%2 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT /path HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT //a.example:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT a.example HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT a.example: HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT :443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT a.example:0443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT a.example:+443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT a.example:0 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT a.example:65536 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT a.example:https HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT a.example:443:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT user@a.example:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT http://a.example:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT a.example:443/x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT a%2eexample:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT 0x7f.1:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "CONNECT * HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "GET http:///x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, "GET http://user@a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{flawAuthority, `GET http://a.example\@b.example/ HTTP/1.1` + "\r\n" + hostLine + "\r\n"},
		// fields
		{flawFieldName, "GET http://a.example/ HTTP/1.1\r\nHost : a.example\r\n\r\n"},
		{flawFieldName, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + ": x\r\n\r\n"},
		{flawFieldName, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X\r\n\r\n"},
		{flawFieldName, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "X Y: z\r\n\r\n"},
		{flawFieldName, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length\xa0: 3\r\n\r\n"},
		{flawNoHost, "GET http://a.example/ HTTP/1.1\r\n\r\n"},
		{flawNoHost, "CONNECT a.example:443 HTTP/1.1\r\n\r\n"},
		{flawManyHosts, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + hostLine + "\r\n"},
		{flawManyHosts, "GET http://a.example/ HTTP/1.0\r\n" + hostLine + "HOST:b.example\r\n\r\n"},
		{flawHost, "GET http://a.example/ HTTP/1.1\r\nHost: a.example/\r\n\r\n"},
		{flawHost, "GET http://a.example/ HTTP/1.1\r\nHost: a b\r\n\r\n"},
		{flawExpect, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Expect: 200-ok\r\n\r\n"},
		// framing
		{flawLength, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: +5\r\n\r\n"},
		{flawLength, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: -1\r\n\r\n"},
		{flawLength, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: 0x5\r\n\r\n"},
		{flawLength, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: 5, 5\r\n\r\n"},
		{flawLength, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length:\r\n\r\n"},
		{flawLength, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: 9999999999999999999\r\n\r\n"},
		{flawManyLengths, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: 5\r\ncontent-length: 5\r\n\r\n"},
		{flawManyLengths, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"},
		{flawLengthAndCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{flawLengthAndCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"},
		{flawCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: xchunked\r\n\r\n"},
		{flawCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: chunked, identity\r\n\r\n"},
		{flawCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: gzip, chunked\r\n\r\n"},
		{flawCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{flawCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: \"chunked\"\r\n\r\n"},
		{flawCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: identity\r\n\r\n"},
		{flawCoding, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding:\r\n\r\n"},
		{flawCodingOn10, "POST http://a.example/ HTTP/1.0\r\n" + hostLine + "Transfer-Encoding: chunked\r\n\r\n"},
		{flawConnectBody, "CONNECT a.example:443 HTTP/1.1\r\n" + hostLine + "Content-Length: 5\r\n\r\n"},
		{flawConnectBody, "CONNECT a.example:443 HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: chunked\r\n\r\n"},
	}
	for _, tt := range tests {
		if _, _, end, f := judgeHead([]byte(tt.head)); f != tt.want {
			t.Errorf("judge(%q) = %v (end %d), want %v", tt.head, f, end, tt.want)
		}
	}
}

func TestHeadAccepts(t *testing.T) {
	tests := []struct {
		form   form
		target string
		length int64
		head   string
	}{
		{formAbsolute, "http://a.example:80", 0, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{formAbsolute, "http://a.example:80", 0, "GET HTTP://A.Example HTTP/1.1\r\nhOST:\t other \t\r\n\r\n"},
		{formAbsolute, "http://a.example:8080", 0, "GET http://a.example:8080?a=%zz HTTP/1.1\r\n" + hostLine + "\r\n"},
		{formAbsolute, "http://[2001:db8::1]:80", 0, "GET http://[2001:DB8::1]/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{formAbsolute, "https://a.example:443", 0, "GET https://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{formAbsolute, "http://a.example:80", 0, "GET http://a.example:/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{formAbsolute, "http://[2001:db8::1]:80", 0, "GET http://[2001:db8::1]:?x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{formAbsolute, "https://a.example:443", 0, "GET https://a.example:/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{formAbsolute, "https://[2001:db8::1]:443", 0, "GET https://[2001:db8::1]/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{formAbsolute, "", 0, "GET ftp://a.example/ HTTP/1.1\r\n" + hostLine + "\r\n"},
		{formAbsolute, "http://a.example:80", 0, "GET http://a.example/ HTTP/1.0\r\n\r\n"},
		{formAbsolute, "http://a.example:80", 5, "POST http://a.example/{|} HTTP/1.1\r\n" + hostLine + "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n"},
		{formAbsolute, "http://a.example:80", -1, "POST http://a.example/ HTTP/1.1\r\n" + hostLine + "Transfer-Encoding: Chunked\r\n\r\n"},
		{formAbsolute, "http://a.example:80", 0, "GET http://a.example/ HTTP/1.1\r\n" + hostLine + "Empty:\r\nX: \xc3\xa9\r\n\r\n"},
		{formAuthority, "https://a.example:443", 0, "CONNECT a.example:443 HTTP/1.1\r\n" + hostLine + "\r\n"},
		{formAuthority, "https://a.example:443", 0, "CONNECT A.EXAMPLE.:443 HTTP/1.0\r\nContent-Length: 0\r\n\r\n"},
		{formOrigin, "", 0, "GET /x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{formOrigin, "", 0, "GET //x HTTP/1.1\r\n" + hostLine + "\r\n"},
		{formAsterisk, "", 0, "OPTIONS * HTTP/1.1\r\n" + hostLine + "\r\n"},
	}
	for _, tt := range tests {
		h, a, end, f := judgeHead([]byte(tt.head))
		if f != flawless || end != len(tt.head) || a.form != tt.form || a.target.String() != tt.target || h.length != tt.length {
			t.Errorf("judge(%q) = %v, end %d, form %d, target %v, length %d; want form %d, target %s, length %d",
				tt.head, f, end, a.form, a.target, h.length, tt.form, tt.target, tt.length)
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
		wantEnd, wantFlaw := scanHead([]byte(s), 0)
		for cut := range s {
			end, f := scanHead([]byte(s[:cut]), 0)
			if f == flawless && end == 0 {
				end, f = scanHead([]byte(s), cut)
			}
			if end != wantEnd || f != wantFlaw {
				t.Errorf("scan %q cut at %d: %d, %v; want %d, %v", s, cut, end, f, wantEnd, wantFlaw)
			}
		}
	}
}

func TestHeadAllocatesNothing(t *testing.T) {
	b := []byte("GET http://a.example/x HTTP/1.1\r\n" + hostLine + "Accept: */*\r\nContent-Length: 5\r\n\r\n")
	var h head
	if n := testing.AllocsPerRun(100, func() {
		end, _ := scanHead(b, 0)
		h.parse(b[:end])
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
		end, fl := scanHead(b, 0)
		if k := int(cut); k < len(b) {
			if e, g := scanHead(b[:k], 0); e == 0 && g == flawless {
				if e, g = scanHead(b, k); e != end || g != fl {
					t.Fatalf("cut at %d: %d, %v; whole: %d, %v", k, e, g, end, fl)
				}
			}
		}
		h, a, end, fl := judgeHead(b)
		if fl != flawless || end == 0 {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			t.Fatalf("net/http refuses: %v", err)
		}
		compareHeads(t, r, &h, a)
	})
}

func compareHeads(t *testing.T, r *http.Request, h *head, a asked) {
	if r.Method != string(h.method) || r.RequestURI != string(h.target) || r.ProtoMajor != 1 || r.ProtoMinor != h.minor {
		t.Fatalf("net/http reads %s %s %s", r.Method, r.RequestURI, r.Proto)
	}
	if r.ContentLength != h.length || (h.length < 0) != slices.Equal(r.TransferEncoding, []string{"chunked"}) {
		t.Fatalf("net/http reads length %d, coding %v; want %d", r.ContentLength, r.TransferEncoding, h.length)
	}
	if e := r.Header.Get("Expect"); h.expects != strings.EqualFold(e, "100-continue") || e != "" && !h.expects {
		t.Fatalf("net/http reads Expect: %q", e)
	}
	// What net/http's server checks beyond ReadRequest.
	hosts := r.Header["Host"]
	if h.minor == 1 && h.host == nil || len(hosts) > 1 || len(hosts) == 1 && !httpguts.ValidHostHeader(hosts[0]) {
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
	if a.form == formAbsolute && (r.URL.Scheme != a.scheme || r.URL.User != nil) {
		t.Fatalf("net/http reads URL %+v", r.URL)
	}
	if !a.target.IsZero() && a.target.Addr().IsValid() == false {
		host := strings.TrimSuffix(strings.ToLower(r.URL.Hostname()), ".")
		if host != a.target.Host() {
			t.Fatalf("net/http reads host %q, we %q", host, a.target.Host())
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
	var h head
	for b.Loop() {
		end, _ := scanHead(text, 0)
		if h.parse(text[:end]) != flawless {
			b.Fatal("refused")
		}
	}
}
