package review

import (
	"strings"
	"testing"
	"time"

	"webproxy/audit"
)

// The end of a request tells what was malformed in the origin's response, as the record does.
func TestWhyEnd(t *testing.T) {
	end := &audit.Record{Status: 502, Duration: time.Second, Error: "http_protocol_error", Detail: "malformed response: LF without CR in the head"}
	a := &Why{Found: Found{end: end}}
	var b strings.Builder
	a.writeEnd(&b)
	const want = " end     status 502 after 1s, 0 bytes out, 0 in, http_protocol_error: malformed response: LF without CR in the head\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
