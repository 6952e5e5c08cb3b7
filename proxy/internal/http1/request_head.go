package http1

import "bytes"

// A RequestHead is a request head with one meaning only: no two parsers can differ about where it ends, what it asks
// for, or how long its body is. Its slices point into the bytes it was parsed from.
type RequestHead struct {
	Method []byte
	Target []byte // the request target as written
	Minor  int    // the x of HTTP/1.x
	Host   []byte // the Host field; nil if there is none, as only HTTP/1.0 permits
	// Length is the length of the body in bytes; -1 if it is chunked.
	Length int64
	// expects is set for Expect: 100-continue.
	expects bool
	Fields  int // how many header fields there are
	// involved is set if there is a field that this parser cannot handle alone: see IsPlainConnect.
	involved bool
	// unusual is set if there is a field about a body or another protocol, or one that logs in the connection: see
	// IsPlainGet.
	unusual bool
}

func (h *RequestHead) IsConnect() bool { return string(h.Method) == "CONNECT" }

// IsPlainConnect reports whether h is a plain CONNECT, as most are: of HTTP/1.1, without fields about a body, and
// without a field that could change how it is served or what the response is.
func (h *RequestHead) IsPlainConnect() bool { return h.IsConnect() && h.Minor == 1 && !h.involved }

// IsPlainGet reports whether h is a plain GET or HEAD, as most are: of HTTP/1.1, in absolute form, without fields
// about a body, without an Upgrade, and without credentials for which the connection to the origin must be reserved
// for the client: see login.go.
func (h *RequestHead) IsPlainGet() bool {
	return h.Minor == 1 && !h.unusual && h.Target[0] != '/' && (string(h.Method) == "GET" || string(h.Method) == "HEAD")
}

// ScanHead looks for the end of a request head in b, of which the first from bytes were scanned before. It returns
// the length of the head with its final empty line, or 0 if more bytes are needed.
//
// A head that it accepts consists of lines that end in CRLF and contain no control byte except HTAB: bare LF, bare CR
// and NUL are read differently by different parsers (RFC 9112, 2.2 and 11.2).
func ScanHead(b []byte, from int) (end int, f ProtocolError) {
	for i := max(from-1, 0); i < len(b); i++ {
		c := b[i]
		if c >= ' ' && c != 0x7f || c == '\t' {
			continue
		}
		switch {
		case c == '\r' && i+1 == len(b):
			return 0, NoError // its LF may not have arrived yet
		case c == '\r' && b[i+1] != '\n':
			return 0, ErrBareCR
		case c == '\r':
			i++ // at the LF
			if i >= 3 && b[i-3] == '\r' && b[i-2] == '\n' {
				return i + 1, NoError
			}
		case c == '\n' && (i == 0 || b[i-1] != '\r'):
			return 0, ErrBareLF
		case c != '\n':
			return 0, ErrControlByte
		}
	}
	return 0, NoError
}

// Parse reads a whole head, as measured by ScanHead, into h. It allocates nothing.
func (h *RequestHead) Parse(b []byte) ProtocolError {
	*h = RequestHead{}
	line, rest := cutLine(b)
	if f := h.parseRequestLine(line); f != NoError {
		return f
	}
	p := framing{length: -1}
	for {
		line, rest = cutLine(rest)
		if len(line) == 0 {
			return h.finish(&p)
		}
		if f := h.parseField(line, &p); f != NoError {
			return f
		}
	}
}

// cutLine splits off the first line, without its CRLF. Every line has one: ScanHead has checked that.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 1 {
		return nil, nil
	}
	return b[:i-1], b[i+1:]
}

// parseRequestLine reads method SP request-target SP HTTP-version, with single spaces (RFC 9112, 3).
func (h *RequestHead) parseRequestLine(line []byte) ProtocolError {
	i := bytes.IndexByte(line, ' ')
	j := bytes.LastIndexByte(line, ' ')
	if i < 0 || j == i {
		return ErrRequestLine
	}
	if !IsToken(line[:i]) { // not kept for the record: it may be a URL with a password
		return ErrMethod
	}
	h.Method, h.Target = line[:i], line[i+1:j]
	switch string(line[j+1:]) {
	case "HTTP/1.1":
		h.Minor = 1
	case "HTTP/1.0":
	default:
		return ErrVersion
	}
	if len(h.Target) == 0 {
		return ErrRequestLine
	}
	for _, c := range h.Target {
		// A fragment is not part of a request target, and parsers differ about whether it is kept, cut or escaped.
		if c <= ' ' || c >= 0x7f || c == '#' {
			return ErrTargetByte
		}
	}
	return NoError
}

// framing collects the fields that say where the body ends.
type framing struct {
	length  int64 // -1 if there is no Content-Length
	chunked bool
}

func (h *RequestHead) parseField(line []byte, p *framing) ProtocolError {
	if line[0] == ' ' || line[0] == '\t' {
		return ErrFold
	}
	i := bytes.IndexByte(line, ':')
	if i < 1 || !IsToken(line[:i]) { // a space before the colon is no token byte either
		return ErrFieldName
	}
	h.Fields++
	name, value := line[:i], trimSpace(line[i+1:])
	switch {
	case equalFold(name, "host"):
		if h.Host != nil {
			return ErrManyHosts
		}
		if !isHostValue(value) {
			return ErrHost
		}
		h.Host = value
	case equalFold(name, "content-length"):
		if p.length >= 0 {
			return ErrManyLengths
		}
		var ok bool
		if p.length, ok = ParseLength(value); !ok {
			return ErrLength
		}
		h.involved, h.unusual = true, true
	case equalFold(name, "transfer-encoding"):
		// Exactly "chunked", once: any other spelling is accepted by some parsers and not by others.
		if p.chunked || !equalFold(value, "chunked") {
			return ErrCoding
		}
		p.chunked = true
		h.involved, h.unusual = true, true
	case equalFold(name, "expect"):
		if h.expects || !equalFold(value, "100-continue") {
			return ErrExpect
		}
		h.expects = true
		h.involved, h.unusual = true, true
	case equalFold(name, "upgrade"):
		h.unusual = true
	case equalFold(name, "authorization"):
		h.unusual = h.unusual || LogsInConnection(value)
	case equalFold(name, "via"), equalFold(name, "accept"):
		h.involved = true
	case equalFold(name, "trailer"):
		return checkTrailerNames(value)
	}
	return NoError
}

// checkTrailerNames refuses a Trailer field that announces a length after the body it is about (RFC 9110, 6.5.1).
// net/http would refuse it too, but without a record.
func checkTrailerNames(list []byte) ProtocolError {
	for name := range bytes.SplitSeq(list, []byte(",")) {
		name = trimSpace(name)
		if equalFold(name, "content-length") || equalFold(name, "transfer-encoding") || equalFold(name, "trailer") {
			return ErrTrailerName
		}
	}
	return NoError
}

// finish checks what depends on several fields.
func (h *RequestHead) finish(p *framing) ProtocolError {
	switch {
	case h.Host == nil && h.Minor == 1:
		return ErrNoHost
	case p.chunked && p.length >= 0:
		return ErrLengthAndCoding
	case p.chunked && h.Minor == 0:
		return ErrCodingOn10
	case h.IsConnect() && (p.chunked || p.length > 0):
		// Where such a body would end and the tunnel begin is undefined (RFC 9110, 9.3.6).
		return ErrConnectBody
	}
	h.Length = max(p.length, 0)
	if p.chunked {
		h.Length = -1
	}
	return NoError
}

// ParseLength reads 1*DIGIT (RFC 9110, 8.6): no sign, no space, no list. Eighteen digits are enough for any real
// body, and fit an int64.
func ParseLength(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// trimSpace removes the optional white space around a field value: spaces and tabs, nothing else.
func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// equalFold compares b with lower, which is in lower case, in ASCII only: the Kelvin sign is not a k.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// IsToken reports whether b is a token (RFC 9110, 5.6.2).
func IsToken(b []byte) bool {
	for _, c := range b {
		if !IsTokenByte(c) {
			return false
		}
	}
	return len(b) > 0
}

func IsTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

// isHostValue reports whether b contains only bytes that a Host field may contain (RFC 3986, 3.2). The value itself
// does not matter: decisions are about the target, and Host is made from it again.
func isHostValue(b []byte) bool {
	for _, c := range b {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			continue
		}
		switch c {
		case '!', '$', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', ':', ';', '=', '@', '[', ']', '_', '~':
			continue
		}
		return false
	}
	return true
}

// connectionSchemes are those schemes, in lower case.
var connectionSchemes = [...]string{"ntlm", "negotiate", "kerberos", "nego2"}

// LogsInConnection reports whether one of the credentials or challenges in v, a field value, is of such a scheme. A
// field may contain several challenges (RFC 9110, 11.6.1), and some servers read several credentials, although the
// grammar has one. A comma inside a value looks like a separator: taking a parameter for a scheme only costs a
// connection.
func LogsInConnection(v []byte) bool {
	for part := range bytes.SplitSeq(v, []byte(",")) {
		part = trimSpace(part)
		end := 0
		for end < len(part) && IsTokenByte(part[end]) {
			end++
		}
		for _, scheme := range connectionSchemes {
			if equalFold(part[:end], scheme) {
				return true
			}
		}
	}
	return false
}
