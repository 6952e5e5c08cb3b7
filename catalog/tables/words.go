package tables

import "strings"

// A word of a line, without the punctuation around it.
type word struct {
	text  string
	raw   string // with the punctuation
	trims string // removed brackets that may matter
}

// maxWord bounds an address with the punctuation around it, in bytes. Longer words are not read.
const maxWord = 4096

// words splits a part of a line at spaces, and addresses at commas.
func words(part string) []word {
	var all []word
	for _, raw := range joinPorts(strings.Fields(unpair(part))) {
		for _, piece := range splitList(raw) {
			w := word{raw: piece}
			w.text, w.trims = trim(piece)
			all = append(all, w)
		}
	}
	return all
}

// unpair removes code marks, which pair around words: "`host`, `host`".
func unpair(s string) string { return strings.ReplaceAll(s, "`", " ") }

// joinPorts joins "host:80," and "443".
func joinPorts(fields []string) []string {
	var out []string
	for _, f := range fields {
		if n := len(out); n > 0 && len(out[n-1]) < maxWord && strings.HasSuffix(out[n-1], ",") && endsInPorts(strings.TrimSuffix(out[n-1], ",")) &&
			strings.Trim(f, "0123456789,") == "" && isDigit(f[0]) {
			out[n-1] += f
			continue
		}
		out = append(out, f)
	}
	return out
}

// splitList splits "a.example,b.example" but neither "host:80,443" nor a comma within a path.
func splitList(s string) []string {
	var out []string
	start := 0
	h := newHead(s)
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != ',' && c != ';' && c != '|' {
			h.add(i)
			continue
		}
		if i+1 < len(s) && isDigit(s[i+1]) && (h.endsInPorts() || h.numbers) || h.path && i+1 < len(s) {
			h.add(i)
			continue
		}
		if i > start {
			out = append(out, s[start:i+1]) // with its comma, which separates ports too
		}
		start = i + 1
		h = newHead(s[start:])
		h.base = start
	}
	if start < len(s) || len(out) == 0 {
		out = append(out, s[start:])
	}
	return out
}

// A head is the state of splitList within a piece, so that the piece is not read again at each of its commas.
type head struct {
	text    string
	base    int  // the offset of text in the whole
	scheme  int  // the end of "scheme://"; 0 if there is none
	path    bool // a path or a query has begun
	numbers bool // nothing but digits and commas so far
	colon   int  // of the last colon; -1 if there is none, or if it has more than ports after it
}

func newHead(s string) head {
	h := head{text: s, numbers: true, colon: -1}
	const longest = 64 // the longest scheme
	if at := strings.Index(s[:min(len(s), longest)], "://"); at >= 0 {
		h.scheme = at + len("://")
	}
	return h
}

// add takes the next byte, at offset i in the whole.
func (h *head) add(i int) {
	i -= h.base
	c := h.text[i]
	if !isDigit(c) && c != ',' {
		h.numbers = false
	}
	switch {
	case i < h.scheme:
	case c == '/' || c == '?':
		h.path, h.colon = true, -1
	case c == ':':
		h.colon = i
		if i == h.scheme || h.path {
			h.colon = -1
		}
	case !isDigit(c) && c != ',':
		h.colon = -1
	}
}

// endsInPorts reports whether the bytes added are host:port or host:port,port.
func (h *head) endsInPorts() bool { return h.colon >= 0 }

// endsInPorts reports whether s is host:port or host:port,port.
func endsInPorts(s string) bool {
	_, s, _ = cutScheme(s)
	at := strings.LastIndexByte(s, ':')
	return at > 0 && at+1 < len(s) && strings.Trim(s[at+1:], "0123456789,") == "" && !inPath(s)
}

func inPath(s string) bool {
	_, s, _ = cutScheme(s)
	return strings.ContainsAny(s, "/?")
}

func cutScheme(s string) (scheme, rest string, ok bool) {
	if scheme, rest, ok = strings.Cut(s, "://"); ok {
		return scheme, rest, true
	}
	return "", s, false
}

// trim removes quotes, emphasis and punctuation from a word. Stars are removed only in pairs around a word, since a single one is
// a wildcard.
func trim(s string) (text, trims string) {
	if len(s) > maxWord {
		return s, ""
	}
	for {
		before := s
		s = strings.Trim(s, "\"'")
		s = strings.TrimLeft(s, "(,;")
		s = strings.TrimRight(s, ",;|:.!?")
		if strings.HasPrefix(s, "[\"") || strings.HasPrefix(s, "['") {
			s = s[1:] // a list in JSON or PowerShell
		}
		for _, pair := range []string{"<>", "[]"} {
			if strings.HasPrefix(s, pair[:1]) && strings.HasSuffix(s, pair[1:]) {
				s = s[1 : len(s)-1]
			}
		}
		for _, pair := range []string{"()", "[]", "{}"} {
			open, shut := pair[:1], pair[1:]
			if strings.HasSuffix(s, shut) && strings.Count(s, shut) > strings.Count(s, open) {
				s, trims = strings.TrimSuffix(s, shut), trims+shut
			}
		}
		for _, mark := range []string{"**", "__", "*", "_"} {
			if inner, ok := enclosed(s, mark); ok {
				s = inner
			}
		}
		if s == before {
			return s, trims
		}
	}
}

// enclosed returns the text between two marks, unless the first may be the star of a wildcard.
func enclosed(s, mark string) (string, bool) {
	if len(s) <= 2*len(mark) || !strings.HasPrefix(s, mark) || !strings.HasSuffix(s, mark) {
		return s, false
	}
	inner := s[len(mark) : len(s)-len(mark)]
	if inner[0] == '.' || mark == "*" && strings.HasSuffix(inner, "/") {
		return s, false // "*.example.com*", "*.example.com/*"
	}
	return inner, true
}
