package ship

import (
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"webproxy/audit"
)

// responseLimit bounds how much of a response is read, in bytes.
const responseLimit = 64 << 10

// A responseError is a response with another status than 200.
type responseError struct {
	status int
	text   string        // the receiver's explanation
	wait   time.Duration // its Retry-After; 0 if it has none
}

func (e *responseError) Error() string {
	msg := fmt.Sprintf("the receiver responds %d %s", e.status, http.StatusText(e.status))
	switch {
	case e.text != "":
		msg += ": " + e.text
	case e.status >= 300 && e.status < 400:
		msg += ": redirections are not followed"
	}
	return msg
}

// refused reports whether the receiver refuses the records, rather than the credentials or the URL.
func (e *responseError) refused() bool {
	return e.status == http.StatusBadRequest || e.status == http.StatusRequestEntityTooLarge || e.status == http.StatusUnprocessableEntity
}

func newResponseError(resp *http.Response, body []byte) *responseError {
	e := &responseError{status: resp.StatusCode}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), protobufType) {
		body = []byte(rpcMessage(body))
	}
	e.text = clean(body)
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.wait = time.Duration(min(seconds, 3600)) * time.Second
	}
	return e
}

// partialSuccess reads an ExportLogsServiceResponse: how many records were rejected, and why.
func partialSuccess(body []byte) (rejected int64, why string) {
	for outer := range fields(body) {
		if outer.number != 1 {
			continue
		}
		for f := range fields(outer.bytes) {
			switch f.number {
			case 1:
				rejected = max(int64(f.varint), 0)
			case 2:
				why = clean(f.bytes)
			}
		}
	}
	return rejected, why
}

// rpcMessage reads the text of a google.rpc.Status.
func rpcMessage(body []byte) (text string) {
	for f := range fields(body) {
		if f.number == 2 {
			text = string(f.bytes)
		}
	}
	return text
}

// clean makes one short line of a receiver's text, without secrets: the text may quote the request, with a token in its URL.
func clean(b []byte) string {
	text := audit.Quotable(audit.Printable(strings.Join(strings.Fields(strings.ToValidUTF8(string(b), "\ufffd")), " ")))
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

// A field is a field of a protobuf message: a varint, or bytes (a text or a message).
type field struct {
	number protowire.Number
	varint uint64
	bytes  []byte
}

// fields yields the fields of a message, up to the first malformed one.
func fields(b []byte) iter.Seq[field] {
	return func(yield func(field) bool) {
		for len(b) > 0 {
			number, kind, n := protowire.ConsumeTag(b)
			if n < 0 {
				return
			}
			b = b[n:]
			if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
				return
			}
			f := field{number: number}
			switch kind {
			case protowire.VarintType:
				f.varint, _ = protowire.ConsumeVarint(b)
			case protowire.BytesType:
				f.bytes, _ = protowire.ConsumeBytes(b)
			}
			b = b[n:]
			if !yield(f) {
				return
			}
		}
	}
}
