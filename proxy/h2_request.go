package proxy

import (
	"strings"
	"webproxy/proxy/internal/http1"

	"golang.org/x/net/http2/hpack"
)

// check returns what keeps fields from being a request (RFC 9113, 8.1 to 8.3). They are written as the head of an
// HTTP/1.1 request, which must pass the same parsers: there is one grammar for both versions.
func (f *h2Filter) check(fields []hpack.HeaderField) (http1.ProtocolError, error) {
	b, count, why := appendH1Head(f.head[:0], fields)
	f.head = b
	defer clear(b) // it may hold credentials
	if why != http1.NoError {
		return why, nil
	}
	switch end, why := http1.ScanHead(b, 0); {
	case why != http1.NoError:
		return why, nil
	case end != len(b):
		return http1.ErrControlByte, nil // a line break; appendH1Head lets none through
	}
	var h http1.RequestHead
	if why := h.Parse(b); why != http1.NoError {
		return why, nil
	}
	if h.Fields != count {
		return http1.ErrFieldName, nil
	}
	_, why, err := http1.ParseTarget(&h)
	return why, err
}

// An h2Pseudo is the pseudo-header fields of a request.
type h2Pseudo struct {
	method, scheme, authority, path string
	seen                            map[string]bool
}

// appendH1Head appends the head of an HTTP/1.1 request that asks for what fields do, and counts its fields.
func appendH1Head(b []byte, fields []hpack.HeaderField) (head []byte, count int, why http1.ProtocolError) {
	var p h2Pseudo
	regular := len(fields)
	for i, hf := range fields {
		if !strings.HasPrefix(hf.Name, ":") {
			regular = i
			break
		}
		if !p.take(hf) {
			return b, 0, http1.ErrPseudo
		}
	}
	host, why := h2Host(p, fields[regular:])
	if why != http1.NoError {
		return b, 0, why
	}
	target := p.path
	switch connect := p.method == "CONNECT"; {
	case !p.seen[":method"], connect && (len(p.seen) != 2 || !p.seen[":authority"]):
		return b, 0, http1.ErrPseudo // RFC 9113, 8.5
	case connect:
		target = p.authority
	case !p.seen[":path"] || p.scheme != "https":
		return b, 0, http1.ErrPseudo
	}
	if hasControl(p.method) || hasControl(target) || hasControl(host) {
		return b, 0, http1.ErrControlByte
	}
	b = append(append(append(append(b, p.method...), ' '), target...), " HTTP/1.1\r\n"...)
	if host != "" {
		b = append(append(append(b, "Host: "...), host...), "\r\n"...)
		count++
	}
	for _, hf := range fields[regular:] {
		if why := checkH2Field(hf); why != http1.NoError {
			return b, 0, why
		}
		if hf.Name == "host" {
			continue
		}
		b = append(append(append(append(b, hf.Name...), ": "...), hf.Value...), "\r\n"...)
		count++
	}
	return append(b, "\r\n"...), count, http1.NoError
}

// take reads one pseudo-header field; each may occur once (RFC 9113, 8.3).
func (p *h2Pseudo) take(hf hpack.HeaderField) bool {
	if p.seen[hf.Name] {
		return false
	}
	if p.seen == nil {
		p.seen = make(map[string]bool, 4)
	}
	p.seen[hf.Name] = true
	switch hf.Name {
	case ":method":
		p.method = hf.Value
	case ":scheme":
		p.scheme = hf.Value
	case ":authority":
		p.authority = hf.Value
	case ":path":
		p.path = hf.Value
	default:
		return false
	}
	return true
}

// h2Host is what the request names as its host: :authority or, without that, Host. Two that differ are malformed
// (RFC 9113, 8.3.1).
func h2Host(p h2Pseudo, fields []hpack.HeaderField) (string, http1.ProtocolError) {
	host, found := p.authority, false
	for _, hf := range fields {
		if hf.Name != "host" {
			continue
		}
		if found || p.seen[":authority"] && hf.Value != p.authority {
			return "", http1.ErrManyHosts
		}
		host, found = hf.Value, true
	}
	return host, http1.NoError
}

// checkH2Field refuses a field that HTTP/2 does not allow (RFC 9113, 8.2).
func checkH2Field(hf hpack.HeaderField) http1.ProtocolError {
	if !http1.IsToken([]byte(hf.Name)) || strings.ToLower(hf.Name) != hf.Name {
		return http1.ErrFieldName
	}
	if hasControl(hf.Value) {
		return http1.ErrControlByte
	}
	switch hf.Name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return http1.ErrConnectionField
	case "te":
		if !strings.EqualFold(hf.Value, "trailers") {
			return http1.ErrConnectionField
		}
	}
	return http1.NoError
}

// checkH2Trailers is check for the fields after a body.
func checkH2Trailers(fields []hpack.HeaderField) http1.ProtocolError {
	for _, hf := range fields {
		if why := checkH2Field(hf); why != http1.NoError { // a pseudo-header field is no token
			return why
		}
	}
	return http1.NoError
}

// hasControl reports whether s contains a control byte other than a tab: scanHead refuses those, and one that ends a
// line would make two fields of one.
func hasControl(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// methodOf is the method in fields, if it is one, for records.
func methodOf(fields []hpack.HeaderField) string {
	for _, hf := range fields {
		if hf.Name == ":method" && http1.IsToken([]byte(hf.Value)) {
			return hf.Value
		}
	}
	return ""
}
