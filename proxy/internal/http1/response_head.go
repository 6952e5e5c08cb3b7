package http1

import (
	"bytes"
	"strconv"
)

// Bounds on the response heads for one request, informational (1xx) responses included.
const (
	MaxResponseHead   = 256 << 10 // bytes, of all heads together
	maxResponseFields = 1000      // in one head
	MaxInformational  = 16        // responses before the final one
)

// A ResponseError says what is malformed in a response. It contains nothing that the peer wrote.
type ResponseError string

func (e ResponseError) Error() string { return string(e) }

// Detail is the text for the record and the client: why a response is not forwarded.
func (e ResponseError) Detail() string { return "malformed response: " + string(e) }

const (
	ErrResponseLine      ResponseError = "malformed status line"
	ErrResponseVersion   ResponseError = "version is not HTTP/1.0 or HTTP/1.1"
	ErrResponseStatus    ResponseError = "status is not a number from 100 to 999"
	ErrResponseSwitch    ResponseError = "status 101, although no protocol was asked for"
	ErrResponseControl   ResponseError = "control byte in the head"
	ErrResponseBareCR    ResponseError = "CR without LF in the head"
	ErrResponseBareLF    ResponseError = "LF without CR in the head"
	ErrResponseFold      ResponseError = "folded field line (obs-fold)"
	ErrResponseField     ResponseError = "malformed field name"
	ErrResponseFields    ResponseError = "more than 1000 fields"
	ErrResponseLength    ResponseError = "malformed Content-Length"
	ErrResponseLengths   ResponseError = "conflicting values of Content-Length"
	ErrResponseCoding    ResponseError = "Transfer-Encoding other than chunked"
	ErrResponseCoding10  ResponseError = "Transfer-Encoding in HTTP/1.0"
	ErrResponseBoth      ResponseError = "both Content-Length and Transfer-Encoding"
	ErrResponseLarge     ResponseError = "head larger than 256 KiB"
	ErrManyInformational ResponseError = "more than 16 informational (1xx) responses"
	ErrUnsolicited       ResponseError = "bytes that belong to no response"
)

// A ResponseHead is a response head with one meaning only: no two parsers can differ about where it ends and where
// its body does (RFC 9112, 4 to 6).
type ResponseHead struct {
	minor   int   // the x of HTTP/1.x
	status  int   // 100 to 999
	length  int64 // Content-Length in bytes; -1 if there is none
	chunked bool
	// unclean is set if the head is to be written anew before it is forwarded: see appendClean.
	unclean bool
}

// isFinal reports whether no other response to the same request follows.
func (h *ResponseHead) isFinal() bool { return h.status >= 200 || h.status == 101 }

// hasBody reports whether a body follows a final response to a request with method (RFC 9112, 6.3).
func (h *ResponseHead) hasBody(method string) bool {
	return method != "HEAD" && h.status != 204 && h.status != 304
}

// scanResponse looks for the end of a response head in b: see ScanHead.
func scanResponse(b []byte, from int) (end int, err error) {
	end, f := ScanHead(b, from)
	switch f {
	case NoError:
		return end, nil
	case ErrBareCR:
		return 0, ErrResponseBareCR
	case ErrBareLF:
		return 0, ErrResponseBareLF
	}
	return 0, ErrResponseControl
}

// parse reads a whole head, as measured by scanResponse, into h. Its error is a ResponseError. It
// allocates nothing and keeps nothing of b.
func (h *ResponseHead) parse(b []byte) error {
	*h = ResponseHead{length: -1}
	line, rest := cutLine(b)
	if err := h.parseStatusLine(line); err != nil {
		return err
	}
	for fields := 0; ; fields++ {
		line, rest = cutLine(rest)
		if len(line) == 0 {
			return h.finish()
		}
		if fields == maxResponseFields {
			return ErrResponseFields
		}
		if err := h.parseField(line); err != nil {
			return err
		}
	}
}

// parseStatusLine reads HTTP-version SP status-code [SP reason-phrase]. Many servers omit the space before an empty
// reason phrase.
func (h *ResponseHead) parseStatusLine(line []byte) error {
	version, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || !bytes.HasPrefix(version, []byte("HTTP/")) {
		return ErrResponseLine
	}
	switch string(version) {
	case "HTTP/1.1":
		h.minor = 1
	case "HTTP/1.0":
	default:
		return ErrResponseVersion
	}
	code, _, _ := bytes.Cut(rest, []byte(" "))
	for _, c := range code {
		if c < '0' || c > '9' || len(code) != 3 {
			return ErrResponseStatus
		}
		h.status = h.status*10 + int(c-'0')
	}
	if h.status < 100 {
		return ErrResponseStatus
	}
	return nil
}

func (h *ResponseHead) parseField(line []byte) error {
	if line[0] == ' ' || line[0] == '\t' {
		return ErrResponseFold
	}
	name, value, spaced := cutField(line)
	if !IsToken(name) {
		return ErrResponseField
	}
	h.unclean = h.unclean || spaced
	switch {
	case equalFold(name, "content-length"):
		return h.parseLength(value)
	case equalFold(name, "transfer-encoding"):
		if h.chunked || !equalFold(value, "chunked") {
			return ErrResponseCoding
		}
		h.chunked = true
	}
	return nil
}

// cutField splits a field line; name is empty if it has no colon. White space before the colon, which must not be
// forwarded (RFC 9112, 5.1), belongs to neither; spaced reports whether there is any.
func cutField(line []byte) (name, value []byte, spaced bool) {
	i := bytes.IndexByte(line, ':')
	if i < 0 {
		return nil, nil, false
	}
	name = bytes.TrimRight(line[:i], " \t")
	return name, trimSpace(line[i+1:]), len(name) < i
}

// parseLength reads a Content-Length, which may be a list that repeats one value (RFC 9110, 8.6).
func (h *ResponseHead) parseLength(value []byte) error {
	for part := range bytes.SplitSeq(value, []byte(",")) {
		n, ok := ParseLength(trimSpace(part))
		switch {
		case !ok:
			return ErrResponseLength
		case h.length >= 0 && h.length != n:
			return ErrResponseLengths
		case h.length >= 0:
			h.unclean = true
		}
		h.length = n
	}
	return nil
}

// finish checks what depends on several fields.
func (h *ResponseHead) finish() error {
	switch {
	case h.chunked && h.length >= 0:
		return ErrResponseBoth
	case h.chunked && h.minor == 0:
		return ErrResponseCoding10
	}
	return nil
}

// appendClean appends b, a head that Parse has read into h, to dst: without white space before colons,
// and with one Content-Length.
func (h *ResponseHead) appendClean(dst, b []byte) []byte {
	line, rest := cutLine(b)
	dst = append(append(dst, line...), "\r\n"...)
	for length := false; ; {
		if line, rest = cutLine(rest); len(line) == 0 {
			return append(dst, "\r\n"...)
		}
		name, value, _ := cutField(line)
		if isLength := equalFold(name, "content-length"); isLength && length {
			continue
		} else if isLength {
			length, value = true, strconv.AppendInt(nil, h.length, 10)
		}
		dst = append(append(dst, name...), ": "...)
		dst = append(append(dst, value...), "\r\n"...)
	}
}
