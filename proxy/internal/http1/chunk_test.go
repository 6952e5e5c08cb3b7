package http1

import (
	"bytes"
	"io"
	"net/http/httputil"
	"strings"
	"testing"
)

func TestChunks(t *testing.T) {
	tests := []struct {
		want ProtocolError
		body string // up to where it is found malformed
	}{
		{NoError, "0\r\n\r\n"},
		{NoError, "5\r\nhello\r\n0\r\n\r\n"},
		{NoError, "a;x=y\r\n0123456789\r\n000\r\n\r\n"},
		{NoError, "1;\r\nx\r\n0\r\nName: value\r\nOther:\r\n\r\n"},
		// sizes
		{ErrChunkSize, "\r\n"},
		{ErrChunkSize, " 5\r\n"},
		{ErrChunkSize, "5 \r\n"},
		{ErrChunkSize, "0x5\r\n"},
		{ErrChunkSize, "+5\r\n"},
		{ErrChunkSize, "-1\r\n"},
		{ErrChunkSize, "5\thello"},
		{ErrChunkSize, "1000000000000000\r\n"},
		{ErrChunkSize, "0000000000000000005\r\n"},
		{ErrBareLF, "5\nhello"},
		{ErrBareCR, "5\rhello"},
		// extensions
		{ErrBareLF, "5;x\nhello"},
		{ErrBareCR, "5;x\rhello"},
		{ErrChunkExtension, "5;\x00\r\n"},
		{ErrChunkExtension, "5;" + strings.Repeat("x", maxExtensionBytes+1)},
		// data
		{ErrChunkEnd, "5\r\nhello0\r\n"},
		{ErrChunkEnd, "5\r\nhello\n0\r\n"},
		{ErrBareCR, "5\r\nhello\r0\r\n"},
		// trailers
		{ErrTrailer, "0\r\n\n"},
		{ErrTrailer, "0\r\n Fold: x\r\n"},
		{ErrTrailer, "0\r\nA: b\r\n c\r\n"},
		{ErrTrailer, "0\r\n: b\r\n"},
		{ErrTrailer, "0\r\nA b: c\r\n"},
		{ErrTrailer, "0\r\nA\r\n"},
		{ErrTrailer, "0\r\nA: \x01\r\n"},
		{ErrTrailer, "0\r\nA: b\n"},
		{ErrTrailer, "0\r\nA: " + strings.Repeat("x", maxTrailerBytes)},
		{ErrBareCR, "0\r\n\rX"},
		{ErrBareCR, "0\r\nA: b\rX"},
	}
	for _, tt := range tests {
		for _, step := range []int{1, 2, 7, 1 << 20} {
			n, done, f := scanInSteps([]byte(tt.body+"GET"), step)
			if f != tt.want {
				t.Errorf("scan %.60q by %d: %v, want %v", tt.body, step, f, tt.want)
			}
			if f == NoError && (!done || n != len(tt.body)) {
				t.Errorf("scan %.60q by %d: ends at %d, done %v; want %d", tt.body, step, n, done, len(tt.body))
			}
		}
	}
}

// scanInSteps scans b in pieces of size step.
func scanInSteps(b []byte, step int) (n int, done bool, f ProtocolError) {
	var s Chunks
	for n < len(b) && !s.Done() && f == NoError {
		var k int
		k, f = s.Scan(b[n:min(n+step, len(b))])
		n += k
	}
	return n, s.Done(), f
}

// FuzzChunks: every cut gives the same result, and a body that is whole for us is the same one, with
// the same end, for net/http's reader.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\nGET"), 3)
	f.Add([]byte("a;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"), 1)
	f.Add([]byte("1\r\nx\r\n00\r\n\r\n"), 5)
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		if step < 1 {
			step = 1
		}
		n, done, fl := scanInSteps(b, len(b)+1)
		if n2, done2, f2 := scanInSteps(b, step); n2 != n || done2 != done || f2 != fl {
			t.Fatalf("by %d: %d %v %v; whole: %d %v %v", step, n2, done2, f2, n, done, fl)
		}
		if !done {
			return
		}
		rest := bytes.NewReader(b[:n])
		if _, err := io.ReadAll(httputil.NewChunkedReader(rest)); err != nil && !strings.Contains(err.Error(), "too much overhead") {
			t.Fatalf("net/http refuses: %v", err)
		}
	})
}
