package proxy

import "bytes"

// A head is a request head that has one meaning only: no two parsers can differ about where it ends,
// what it asks for, or how long its body is. Its slices point into the bytes it was parsed from.
type head struct {
	method []byte
	target []byte // the request target as written
	minor  int    // the x of HTTP/1.x
	host   []byte // the Host field; nil if there is none, which only HTTP/1.0 may do
	// length is the length of the body in bytes; -1 if it is chunked.
	length int64
	// expects is set for Expect: 100-continue.
	expects bool
	fields  int // how many header fields there are
	// involved is set if there is a field that takes more than this parser to obey: see isPlainConnect.
	involved bool
	// unusual is set if there is a field about a body, about another protocol, or one that logs in the
	// connection: see isPlainGet.
	unusual bool
}

func (h *head) isConnect() bool { return string(h.method) == "CONNECT" }

// isPlainConnect reports whether h is a CONNECT as nearly all are: of HTTP/1.1, without a word about
// a body, and without a field that could change what becomes of it or what it is answered.
func (h *head) isPlainConnect() bool { return h.isConnect() && h.minor == 1 && !h.involved }

// isPlainGet reports whether h is a GET or HEAD as nearly all are: of HTTP/1.1, in absolute form, without a
// word about a body, without the wish to speak anything else, and without credentials that make the connection
// to the origin the client's own: see login.go.
func (h *head) isPlainGet() bool {
	return h.minor == 1 && !h.unusual && h.target[0] != '/' && (string(h.method) == "GET" || string(h.method) == "HEAD")
}

// scanHead looks for the end of a request head in b, of which the first from bytes were scanned
// before. It returns the length of the head with its final empty line, or 0 if more bytes are needed.
//
// Whatever it lets pass consists of lines that end in CRLF and hold no control byte but HTAB: bare LF,
// bare CR and NUL are read differently by different parsers (RFC 9112, 2.2 and 11.2).
func scanHead(b []byte, from int) (end int, f flaw) {
	for i := max(from-1, 0); i < len(b); i++ {
		c := b[i]
		if c >= ' ' && c != 0x7f || c == '\t' {
			continue
		}
		switch {
		case c == '\r' && i+1 == len(b):
			return 0, flawless // its LF may be on the way
		case c == '\r' && b[i+1] != '\n':
			return 0, flawBareCR
		case c == '\r':
			i++ // at the LF
			if i >= 3 && b[i-3] == '\r' && b[i-2] == '\n' {
				return i + 1, flawless
			}
		case c == '\n' && (i == 0 || b[i-1] != '\r'):
			return 0, flawBareLF
		case c != '\n':
			return 0, flawControlByte
		}
	}
	return 0, flawless
}

// parse reads a whole head, as measured by scanHead, into h. It allocates nothing.
func (h *head) parse(b []byte) flaw {
	*h = head{}
	line, rest := cutLine(b)
	if f := h.parseRequestLine(line); f != flawless {
		return f
	}
	p := framing{length: -1}
	for {
		line, rest = cutLine(rest)
		if len(line) == 0 {
			return h.finish(&p)
		}
		if f := h.parseField(line, &p); f != flawless {
			return f
		}
	}
}

// cutLine splits off the first line, without its CRLF. Every line has one: scanHead saw to it.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 1 {
		return nil, nil
	}
	return b[:i-1], b[i+1:]
}

// parseRequestLine reads method SP request-target SP HTTP-version, with single spaces (RFC 9112, 3).
func (h *head) parseRequestLine(line []byte) flaw {
	i := bytes.IndexByte(line, ' ')
	j := bytes.LastIndexByte(line, ' ')
	if i < 0 || j == i {
		return flawRequestLine
	}
	if !isToken(line[:i]) { // it is not kept for the record: it may be a URL with a password
		return flawMethod
	}
	h.method, h.target = line[:i], line[i+1:j]
	switch string(line[j+1:]) {
	case "HTTP/1.1":
		h.minor = 1
	case "HTTP/1.0":
	default:
		return flawVersion
	}
	if len(h.target) == 0 {
		return flawRequestLine
	}
	for _, c := range h.target {
		// A fragment is no part of a request target, and whether one is kept, cut or escaped
		// differs from parser to parser.
		if c <= ' ' || c >= 0x7f || c == '#' {
			return flawTargetByte
		}
	}
	return flawless
}

// framing collects the fields that say where the body ends.
type framing struct {
	length  int64 // -1 if there is no Content-Length
	chunked bool
}

func (h *head) parseField(line []byte, p *framing) flaw {
	if line[0] == ' ' || line[0] == '\t' {
		return flawFold
	}
	i := bytes.IndexByte(line, ':')
	if i < 1 || !isToken(line[:i]) { // a space before the colon is no token byte either
		return flawFieldName
	}
	h.fields++
	name, value := line[:i], trimSpace(line[i+1:])
	switch {
	case equalFold(name, "host"):
		if h.host != nil {
			return flawManyHosts
		}
		if !isHostValue(value) {
			return flawHost
		}
		h.host = value
	case equalFold(name, "content-length"):
		if p.length >= 0 {
			return flawManyLengths
		}
		var ok bool
		if p.length, ok = parseLength(value); !ok {
			return flawLength
		}
		h.involved, h.unusual = true, true
	case equalFold(name, "transfer-encoding"):
		// Exactly "chunked", once: every other spelling is one that some parser takes
		// for it and another does not.
		if p.chunked || !equalFold(value, "chunked") {
			return flawCoding
		}
		p.chunked = true
		h.involved, h.unusual = true, true
	case equalFold(name, "expect"):
		if h.expects || !equalFold(value, "100-continue") {
			return flawExpect
		}
		h.expects = true
		h.involved, h.unusual = true, true
	case equalFold(name, "upgrade"):
		h.unusual = true
	case equalFold(name, "authorization"):
		h.unusual = h.unusual || logsInConnection(value)
	case equalFold(name, "via"), equalFold(name, "accept"):
		h.involved = true
	case equalFold(name, "trailer"):
		return checkTrailerNames(value)
	}
	return flawless
}

// checkTrailerNames refuses a Trailer field that announces a length behind the body it is about
// (RFC 9110, 6.5.1). net/http would refuse it too, by itself and without a record.
func checkTrailerNames(list []byte) flaw {
	for name := range bytes.SplitSeq(list, []byte(",")) {
		name = trimSpace(name)
		if equalFold(name, "content-length") || equalFold(name, "transfer-encoding") || equalFold(name, "trailer") {
			return flawTrailerName
		}
	}
	return flawless
}

// finish checks what can be told only when all fields are known.
func (h *head) finish(p *framing) flaw {
	switch {
	case h.host == nil && h.minor == 1:
		return flawNoHost
	case p.chunked && p.length >= 0:
		return flawLengthAndCoding
	case p.chunked && h.minor == 0:
		return flawCodingOn10
	case h.isConnect() && (p.chunked || p.length > 0):
		// Where such a body would end and the tunnel begin is anybody's guess (RFC 9110, 9.3.6).
		return flawConnectBody
	}
	h.length = max(p.length, 0)
	if p.chunked {
		h.length = -1
	}
	return flawless
}

// parseLength reads 1*DIGIT (RFC 9110, 8.6): no sign, no space, no list. Eighteen digits are more
// bytes than anybody sends, and fit an int64.
func parseLength(b []byte) (int64, bool) {
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

// equalFold compares b with lower, which is in lower case, in ASCII only: the Kelvin sign is no k.
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

// isToken reports whether b is a token (RFC 9110, 5.6.2).
func isToken(b []byte) bool {
	for _, c := range b {
		if !isTokenByte(c) {
			return false
		}
	}
	return len(b) > 0
}

func isTokenByte(c byte) bool {
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

// isHostValue reports whether b holds only bytes that a Host field may hold (RFC 3986, 3.2). The
// value itself is of no consequence: the target is what is judged, and Host is made from it again.
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
