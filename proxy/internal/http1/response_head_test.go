package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/net/http/httpguts"
)

// readResponses returns all that a ResponseStream makes of what src sends after a request with method.
func readResponses(method string, src io.Reader) (string, error) {
	s := &ResponseStream{Source: src}
	s.Expect(method, false)
	b, err := io.ReadAll(struct{ io.Reader }{s})
	if err == nil && s.err != nil && s.err != io.EOF {
		err = s.err
	}
	return string(b), err
}

func TestResponseRefuses(t *testing.T) {
	tests := []struct {
		want error
		head string
	}{
		// lines
		{ErrResponseBareLF, "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"},
		{ErrResponseBareLF, "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n"},
		{ErrResponseBareLF, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n"},
		{ErrResponseBareCR, "HTTP/1.1 200 OK\r\nX: a\rContent-Length: 0\r\n\r\n"},
		{ErrResponseBareCR, "HTTP/1.1 200 OK\r\r\n\r\n"},
		{ErrResponseControl, "HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n"},
		{ErrResponseControl, "HTTP/1.1 200 O\x7fK\r\n\r\n"},
		{ErrResponseFold, "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"},
		{ErrResponseFold, "HTTP/1.1 200 OK\r\n\tX: a\r\n\r\n"},
		// status line
		{ErrResponseLine, "\r\nHTTP/1.1 200 OK\r\n\r\n"},
		{ErrResponseLine, "SSH-2.0-OpenSSH\r\n\r\n"},
		{ErrResponseLine, "HTTP/1.1\r\n\r\n"},
		{ErrResponseLine, "http/1.1 200 OK\r\n\r\n"},
		{ErrResponseLine, "ICY 200 OK\r\n\r\n"},
		{ErrResponseVersion, "HTTP/2.0 200 OK\r\n\r\n"},
		{ErrResponseVersion, "HTTP/1.2 200 OK\r\n\r\n"},
		{ErrResponseVersion, "HTTP/1.10 200 OK\r\n\r\n"},
		{ErrResponseVersion, "HTTP/0.9 200 OK\r\n\r\n"},
		{ErrResponseVersion, "HTTP/1.1\t200 OK\r\n\r\n"},
		{ErrResponseStatus, "HTTP/1.1 99 OK\r\n\r\n"},
		{ErrResponseStatus, "HTTP/1.1 099 OK\r\n\r\n"},
		{ErrResponseStatus, "HTTP/1.1 2000 OK\r\n\r\n"},
		{ErrResponseStatus, "HTTP/1.1 +20 OK\r\n\r\n"},
		{ErrResponseStatus, "HTTP/1.1  200 OK\r\n\r\n"},
		{ErrResponseStatus, "HTTP/1.1 200-OK\r\n\r\n"},
		{ErrResponseSwitch, "HTTP/1.1 101 Switching\r\n\r\n"},
		// fields
		{ErrResponseField, "HTTP/1.1 200 OK\r\nX\r\n\r\n"},
		{ErrResponseField, "HTTP/1.1 200 OK\r\n: x\r\n\r\n"},
		{ErrResponseField, "HTTP/1.1 200 OK\r\nX Y: z\r\n\r\n"},
		{ErrResponseField, "HTTP/1.1 200 OK\r\nContent-Length\xa0: 3\r\n\r\n"},
		{ErrResponseFields, "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", maxResponseFields+1) + "\r\n"},
		{ErrResponseLarge, "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", MaxResponseHead) + "\r\n\r\n"},
		{ErrResponseLarge, strings.Repeat("HTTP/1.1 103 Early\r\nX: "+strings.Repeat("x", 60<<10)+"\r\n\r\n", 5) + "HTTP/1.1 200 OK\r\n\r\n"},
		{ErrManyInformational, strings.Repeat("HTTP/1.1 103 Early\r\n\r\n", MaxInformational+1) + "HTTP/1.1 200 OK\r\n\r\n"},
		// framing
		{ErrResponseLength, "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n"},
		{ErrResponseLength, "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n"},
		{ErrResponseLength, "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n"},
		{ErrResponseLength, "HTTP/1.1 200 OK\r\nContent-Length: 5,\r\n\r\n"},
		{ErrResponseLengths, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"},
		{ErrResponseLengths, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length : 6\r\n\r\n"},
		{ErrResponseLengths, "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n"},
		{ErrResponseBoth, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{ErrResponseBoth, "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n"},
		{ErrResponseCoding, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
		{ErrResponseCoding, "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n"},
		{ErrResponseCoding, "HTTP/1.1 200 OK\r\nTransfer-Encoding\t: identity\r\n\r\n"},
		{ErrResponseCoding, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{ErrResponseCoding10, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{io.ErrUnexpectedEOF, "HTTP/1.1 200 OK\r\nContent-Le"},
	}
	for _, tt := range tests {
		if got, err := readResponses("GET", strings.NewReader(tt.head)); err != tt.want || strings.HasSuffix(got, "\n\r\n") && tt.want != ErrManyInformational && !strings.Contains(tt.head, " 103 ") {
			t.Errorf("%.80q: read %.80q, %v, want %v", tt.head, got, err, tt.want)
		}
	}
}

func TestResponseAccepts(t *testing.T) {
	const end = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	tests := []struct{ method, in, want string }{
		{"GET", end, end},
		{"GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", ""},
		{"GET", "HTTP/1.0 999 \x80\r\nEmpty:\r\n\r\nto the end\n", ""},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n", ""},
		{"GET", "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + end, ""},
		{"CONNECT", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\x00\x01HTTP", ""},
		// a space before the colon is removed (RFC 9112, 5.1), and lengths that agree are one
		{"GET", "HTTP/1.1 200 OK\r\nX \t: a:  b\t\r\nContent-Length : 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nX: a:  b\r\nContent-Length: 2\r\n\r\nok"},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\ncontent-length: 02\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nok"},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", end},
		{"GET", "HTTP/1.1 103 Early\r\nLink : x\r\n\r\n" + end, "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + end},
		// what follows a response is none
		{"GET", end + "HTTP/1.1 200 OK\r\n\r\n", end},
		{"GET", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nextra", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n"},
		{"HEAD", end, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nextra", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	}
	for _, tt := range tests {
		if tt.want == "" {
			tt.want = tt.in
		}
		for name, src := range map[string]io.Reader{"whole": strings.NewReader(tt.in), "bytes": iotest.OneByteReader(strings.NewReader(tt.in))} {
			got, err := readResponses(tt.method, src)
			if got != tt.want || err != nil && (err != ErrUnsolicited || tt.want == tt.in) {
				t.Errorf("%s %q (%s) = %q, %v, want %q", tt.method, tt.in, name, got, err, tt.want)
			}
		}
	}
}

// A response that nobody awaits is an error, and so is all that follows one.
func TestResponseUnsolicited(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	s := &ResponseStream{Source: strings.NewReader(ok)}
	if n, err := s.Read(make([]byte, 100)); n != 0 || err != ErrUnsolicited {
		t.Errorf("before a request: %d, %v", n, err)
	}
	s = &ResponseStream{Source: strings.NewReader(ok + ok)}
	s.Expect("GET", false)
	b := make([]byte, 100)
	n, err := s.Read(b)
	if string(b[:n]) != ok || err != io.EOF || s.IsIdle() {
		t.Errorf("two at once: %q, %v, idle %v", b[:n], err, s.IsIdle())
	}
	s.Expect("GET", false)
	if n, err := s.Read(b); n != 0 || err != ErrUnsolicited {
		t.Errorf("the second: %d, %v", n, err)
	}
}

func TestResponseAllocatesNothing(t *testing.T) {
	ok := []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: x\r\n\r\nok")
	r := bytes.NewReader(ok)
	s := &ResponseStream{Source: r}
	p := make([]byte, 4096)
	if n := testing.AllocsPerRun(100, func() {
		r.Reset(ok)
		s.Expect("GET", false)
		if n, err := s.Read(p); n != len(ok) || err != nil || !s.IsIdle() {
			t.Fatal(n, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// FuzzResponse: where bytes are cut makes no difference to what passes; what passes, net/http reads in the
// same way, dropping nothing; and it passes unchanged when it comes again.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200\r\nTransfer-Encoding : chunked\r\n\r\n2;x\r\nok\r\n0\r\nA: b\r\n\r\nmore",
		"HTTP/1.0 404 No\r\nX \t: y\r\n\r\nto the end", "HTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n", "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\ncontent-length: 2\r\n\r\nok", "HTTP/1.1 200 OK\nX: y\n\n", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
		"HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0X0",
	} {
		f.Add("GET", s, 7)
		f.Add("HEAD", s, 1)
	}
	f.Add("CONNECT", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\x00\x01\x02", 3)
	f.Add("CONNECT", "HTTP/1.0 200 \r\nContent-Length:1\r\n\r\n", 46)
	f.Fuzz(func(t *testing.T, method, in string, size int) {
		if method != "HEAD" && method != "CONNECT" {
			method = "GET"
		}
		out, err := readResponses(method, strings.NewReader(in))
		pieces, pieceErr := readResponses(method, &inPieces{rest: in, size: max(size, 1)})
		if out != pieces || kindOf(err) != kindOf(pieceErr) {
			t.Fatalf("whole: %q, %v\nin pieces: %q, %v", out, err, pieces, pieceErr)
		}
		if kindOf(err) != nil || out == "" {
			return
		}
		if again, err := readResponses(method, strings.NewReader(out)); again != out || err != nil {
			t.Fatalf("%q comes again as %q, %v", out, again, err)
		}
		r := bufio.NewReader(strings.NewReader(out))
		for {
			head, _, whole := strings.Cut(readAhead(r), "\r\n\r\n")
			if !whole { // it ended after an informational response, or the head is larger than r
				return
			}
			resp, err := http.ReadResponse(r, &http.Request{Method: method})
			if err != nil {
				t.Fatalf("net/http reads %q: %v", out, err)
			}
			fields := len(resp.TransferEncoding) + len(resp.Trailer)
			for name, values := range resp.Header {
				if !httpguts.ValidHeaderFieldName(name) {
					t.Fatalf("field %q is dropped from %q", name, out)
				}
				fields += len(values)
			}
			if lines := strings.Count(head, "\r\n"); fields < lines && len(resp.Trailer) == 0 && resp.Header["Trailer"] == nil && !strings.Contains(strings.ToLower(head), "trailer") &&
				!strings.Contains(strings.ToLower(head), "transfer-encoding") {
				t.Fatalf("%d fields of %d in %q", fields, lines, head)
			}
			if resp.StatusCode >= 200 {
				body, err := io.ReadAll(resp.Body)
				tunnel := method == "CONNECT" && resp.StatusCode < 300 // what follows is no body, whatever the head says
				if rest, _ := io.ReadAll(r); !tunnel && (len(rest) > 0 || err != nil) && isWhole(method, out) {
					t.Fatalf("net/http reads %q as %q, %v, and then %q", out, body, err, rest)
				}
				return
			}
		}
	})
}

// isWhole reports whether the final response in s has come to its end.
func isWhole(method, s string) bool {
	stream := &ResponseStream{Source: strings.NewReader(s)}
	stream.Expect(method, false)
	io.Copy(io.Discard, struct{ io.Reader }{stream})
	return stream.state == responseIdle || stream.state == responseRaw
}

// readAhead returns what r will read, as far as its buffer goes.
func readAhead(r *bufio.Reader) string {
	r.Peek(1)
	b, _ := r.Peek(r.Buffered())
	return string(b)
}

// kindOf makes one of the errors that end what passed well.
func kindOf(err error) error {
	if err == ErrUnsolicited {
		return nil
	}
	return err
}

// An inPieces returns size bytes at a time.
type inPieces struct {
	rest string
	size int
}

func (r *inPieces) Read(p []byte) (int, error) {
	if r.rest == "" {
		return 0, io.EOF
	}
	n := copy(p, r.rest[:min(r.size, len(r.rest))])
	r.rest = r.rest[n:]
	return n, nil
}
