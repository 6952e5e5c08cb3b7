package proxy

import (
	"bytes"
	"strconv"
)

// Bounds on the response heads that answer one request, informational (1xx) responses included.
const (
	maxResponseHead   = 256 << 10 // bytes, of all heads together
	maxResponseFields = 1000      // in one head
	maxInformational  = 16        // responses before the final one
)

// A responseError says what is malformed in a response. Nothing in it was written by the peer.
type responseError string

func (e responseError) Error() string { return string(e) }

const (
	errResponseLine      responseError = "malformed status line"
	errResponseVersion   responseError = "version is not HTTP/1.0 or HTTP/1.1"
	errResponseStatus    responseError = "status is not a number from 100 to 999"
	errResponseSwitch    responseError = "status 101, although no protocol was asked for"
	errResponseControl   responseError = "control byte in the head"
	errResponseBareCR    responseError = "CR without LF in the head"
	errResponseBareLF    responseError = "LF without CR in the head"
	errResponseFold      responseError = "folded field line (obs-fold)"
	errResponseField     responseError = "malformed field name"
	errResponseFields    responseError = "more than 1000 fields"
	errResponseLength    responseError = "malformed Content-Length"
	errResponseLengths   responseError = "conflicting values of Content-Length"
	errResponseCoding    responseError = "Transfer-Encoding other than chunked"
	errResponseCoding10  responseError = "Transfer-Encoding in HTTP/1.0"
	errResponseBoth      responseError = "both Content-Length and Transfer-Encoding"
	errResponseLarge     responseError = "head larger than 256 KiB"
	errManyInformational responseError = "more than 16 informational (1xx) responses"
	errUnsolicited       responseError = "bytes that answer no request"
)

// A responseHead is a response head that has one meaning only: no two parsers can differ about where it
// ends and where its body does (RFC 9112, 4 to 6).
type responseHead struct {
	minor   int   // the x of HTTP/1.x
	status  int   // 100 to 999
	length  int64 // Content-Length in bytes; -1 if there is none
	chunked bool
	// unclean is set if the head is to be written anew before it is forwarded: see appendClean.
	unclean bool
}

// isFinal reports whether no other response to the same request follows.
func (h *responseHead) isFinal() bool { return h.status >= 200 || h.status == 101 }

// hasBody reports whether a body follows a final response to a request with method (RFC 9112, 6.3).
func (h *responseHead) hasBody(method string) bool {
	return method != "HEAD" && h.status != 204 && h.status != 304
}

// scanResponse looks for the end of a response head in b: see scanHead.
func scanResponse(b []byte, from int) (end int, err error) {
	end, f := scanHead(b, from)
	switch f {
	case flawless:
		return end, nil
	case flawBareCR:
		return 0, errResponseBareCR
	case flawBareLF:
		return 0, errResponseBareLF
	}
	return 0, errResponseControl
}

// parse reads a whole head, as measured by scanResponse, into h. Its error is a responseError. It
// allocates nothing and keeps nothing of b.
func (h *responseHead) parse(b []byte) error {
	*h = responseHead{length: -1}
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
			return errResponseFields
		}
		if err := h.parseField(line); err != nil {
			return err
		}
	}
}

// parseStatusLine reads HTTP-version SP status-code [SP reason-phrase]. Many servers leave out the space
// before a reason phrase that is empty.
func (h *responseHead) parseStatusLine(line []byte) error {
	version, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || !bytes.HasPrefix(version, []byte("HTTP/")) {
		return errResponseLine
	}
	switch string(version) {
	case "HTTP/1.1":
		h.minor = 1
	case "HTTP/1.0":
	default:
		return errResponseVersion
	}
	code, _, _ := bytes.Cut(rest, []byte(" "))
	for _, c := range code {
		if c < '0' || c > '9' || len(code) != 3 {
			return errResponseStatus
		}
		h.status = h.status*10 + int(c-'0')
	}
	if h.status < 100 {
		return errResponseStatus
	}
	return nil
}

func (h *responseHead) parseField(line []byte) error {
	if line[0] == ' ' || line[0] == '\t' {
		return errResponseFold
	}
	name, value, spaced := cutField(line)
	if !isToken(name) {
		return errResponseField
	}
	h.unclean = h.unclean || spaced
	switch {
	case equalFold(name, "content-length"):
		return h.parseLength(value)
	case equalFold(name, "transfer-encoding"):
		if h.chunked || !equalFold(value, "chunked") {
			return errResponseCoding
		}
		h.chunked = true
	}
	return nil
}

// cutField splits a field line; name is empty if it has no colon. White space before the colon, which
// must not be forwarded (RFC 9112, 5.1), belongs to neither; spaced reports that there is some.
func cutField(line []byte) (name, value []byte, spaced bool) {
	i := bytes.IndexByte(line, ':')
	if i < 0 {
		return nil, nil, false
	}
	name = bytes.TrimRight(line[:i], " \t")
	return name, trimSpace(line[i+1:]), len(name) < i
}

// parseLength reads a Content-Length, which may be a list of one value again and again (RFC 9110, 8.6).
func (h *responseHead) parseLength(value []byte) error {
	for part := range bytes.SplitSeq(value, []byte(",")) {
		n, ok := parseLength(trimSpace(part))
		switch {
		case !ok:
			return errResponseLength
		case h.length >= 0 && h.length != n:
			return errResponseLengths
		case h.length >= 0:
			h.unclean = true
		}
		h.length = n
	}
	return nil
}

// finish checks what can be told only when all fields are known.
func (h *responseHead) finish() error {
	switch {
	case h.chunked && h.length >= 0:
		return errResponseBoth
	case h.chunked && h.minor == 0:
		return errResponseCoding10
	}
	return nil
}

// appendClean appends b, a head that parse has read into h, to dst: without white space before colons,
// and with one Content-Length.
func (h *responseHead) appendClean(dst, b []byte) []byte {
	line, rest := cutLine(b)
	dst = append(append(dst, line...), crlf...)
	for length := false; ; {
		if line, rest = cutLine(rest); len(line) == 0 {
			return append(dst, crlf...)
		}
		name, value, _ := cutField(line)
		if isLength := equalFold(name, "content-length"); isLength && length {
			continue
		} else if isLength {
			length, value = true, strconv.AppendInt(nil, h.length, 10)
		}
		dst = append(append(dst, name...), ": "...)
		dst = append(append(dst, value...), crlf...)
	}
}
