package tables

import "strings"

// A word of a line, with what stood around it in the source taken off.
type word struct {
	text  string
	raw   string // with the punctuation
	trims string // what was taken off that may matter: a stray bracket
}

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

// joinPorts puts "host:80," and "443" together again.
func joinPorts(fields []string) []string {
	var out []string
	for _, f := range fields {
		if n := len(out); n > 0 && strings.HasSuffix(out[n-1], ",") && endsInPorts(strings.TrimSuffix(out[n-1], ",")) &&
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
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != ',' && c != ';' && c != '|' {
			continue
		}
		head := s[start:i]
		if i+1 < len(s) && isDigit(s[i+1]) && (endsInPorts(head) || strings.Trim(head, "0123456789,") == "") || inPath(head) && i+1 < len(s) {
			continue
		}
		if head != "" {
			out = append(out, s[start:i+1]) // with its comma, which parts ports too
		}
		start = i + 1
	}
	if start < len(s) || len(out) == 0 {
		out = append(out, s[start:])
	}
	return out
}

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

// trim takes quotes, emphasis and punctuation off a word. A star is taken off only in pairs that
// enclose a word, since one that stands alone is a wildcard.
func trim(s string) (text, trims string) {
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
		for _, mark := range []string{"**", "__", "*", "_", "~~"} {
			if inner, ok := enclosed(s, mark); ok {
				s = inner
			}
		}
		if s == before {
			return s, trims
		}
	}
}

// enclosed returns what stands between two marks, unless the first may be a wildcard's star.
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
