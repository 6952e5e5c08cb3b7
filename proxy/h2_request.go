package proxy

import (
	"strings"

	"golang.org/x/net/http2/hpack"
)

// check reports what keeps fields from being a request (RFC 9113, 8.1 to 8.3). What they ask for is written as the head
// of an HTTP/1.1 request, and must pass the same parsers: there is one grammar for both versions.
func (f *h2Filter) check(fields []hpack.HeaderField) (flaw, error) {
	b, count, why := appendH1Head(f.head[:0], fields)
	f.head = b
	defer clear(b) // it may hold credentials
	if why != flawless {
		return why, nil
	}
	switch end, why := scanHead(b, 0); {
	case why != flawless:
		return why, nil
	case end != len(b):
		return flawControlByte, nil // a line break; appendH1Head lets none through
	}
	var h head
	if why := h.parse(b); why != flawless {
		return why, nil
	}
	if h.fields != count {
		return flawFieldName, nil
	}
	_, why, err := readTarget(&h)
	return why, err
}

// An h2Pseudo is the pseudo-header fields of a request.
type h2Pseudo struct {
	method, scheme, authority, path string
	seen                            map[string]bool
}

// appendH1Head appends the head of an HTTP/1.1 request that asks for what fields do, and counts its fields.
func appendH1Head(b []byte, fields []hpack.HeaderField) (head []byte, count int, why flaw) {
	var p h2Pseudo
	regular := len(fields)
	for i, hf := range fields {
		if !strings.HasPrefix(hf.Name, ":") {
			regular = i
			break
		}
		if !p.take(hf) {
			return b, 0, flawPseudo
		}
	}
	host, why := h2Host(p, fields[regular:])
	if why != flawless {
		return b, 0, why
	}
	target := p.path
	switch connect := p.method == "CONNECT"; {
	case !p.seen[":method"], connect && (len(p.seen) != 2 || !p.seen[":authority"]):
		return b, 0, flawPseudo // RFC 9113, 8.5
	case connect:
		target = p.authority
	case !p.seen[":path"] || p.scheme != "https":
		return b, 0, flawPseudo
	}
	if hasControl(p.method) || hasControl(target) || hasControl(host) {
		return b, 0, flawControlByte
	}
	b = append(append(append(append(b, p.method...), ' '), target...), " HTTP/1.1\r\n"...)
	if host != "" {
		b = append(append(append(b, "Host: "...), host...), "\r\n"...)
		count++
	}
	for _, hf := range fields[regular:] {
		if why := checkH2Field(hf); why != flawless {
			return b, 0, why
		}
		if hf.Name == "host" {
			continue
		}
		b = append(append(append(append(b, hf.Name...), ": "...), hf.Value...), "\r\n"...)
		count++
	}
	return append(b, "\r\n"...), count, flawless
}

// take reads one pseudo-header field; each may come once (RFC 9113, 8.3).
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
func h2Host(p h2Pseudo, fields []hpack.HeaderField) (string, flaw) {
	host, found := p.authority, false
	for _, hf := range fields {
		if hf.Name != "host" {
			continue
		}
		if found || p.seen[":authority"] && hf.Value != p.authority {
			return "", flawManyHosts
		}
		host, found = hf.Value, true
	}
	return host, flawless
}

// checkH2Field refuses a field that HTTP/2 has no place for (RFC 9113, 8.2).
func checkH2Field(hf hpack.HeaderField) flaw {
	if !isToken([]byte(hf.Name)) || strings.ToLower(hf.Name) != hf.Name {
		return flawFieldName
	}
	if hasControl(hf.Value) {
		return flawControlByte
	}
	switch hf.Name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return flawConnectionField
	case "te":
		if !strings.EqualFold(hf.Value, "trailers") {
			return flawConnectionField
		}
	}
	return flawless
}

// checkH2Trailers is check for the fields after a body.
func checkH2Trailers(fields []hpack.HeaderField) flaw {
	for _, hf := range fields {
		if why := checkH2Field(hf); why != flawless { // a pseudo-header field is no token
			return why
		}
	}
	return flawless
}

// hasControl reports whether s holds a control byte other than a tab: scanHead refuses those, and one that ends a line would
// make two fields of one.
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
		if hf.Name == ":method" && isToken([]byte(hf.Value)) {
			return hf.Value
		}
	}
	return ""
}
