package policy

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MatchPath reports whether path, as it stood in the request, matches pattern: it is equal to it, or below it at a
// "/"; a "*" at the end of pattern stands for anything from there on. The empty pattern matches every path. A path
// that some server could resolve to one outside pattern matches only the empty pattern: see staysBelow.
func MatchPath(pattern, path string) bool {
	return pattern == "" || staysBelow(path) && isBelow(pattern, path)
}

// isBelow compares path with pattern byte by byte.
func isBelow(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	rest, ok := strings.CutPrefix(path, pattern)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(pattern, "/"))
}

// staysBelow reports whether every server reads path as one below each of its own prefixes. Dot segments, backslashes
// and what decodes to them leave a prefix. So may escapes of escapes, over-long UTF-8, look-alikes of dots and
// slashes (see leavesByUnicode) and NUL, which servers read differently. Encoded and repeated slashes do not: with a
// segment more or less, the path is still below. OCSP requests have both (RFC 6960, A.1).
func staysBelow(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	dots, named, parameters := 0, false, false // of the segment so far
	wide := false
	for i := 0; i <= len(path); {
		c, size := byte('/'), 1 // the end of the path ends its last segment
		if i < len(path) {
			if c, size = unescapeByte(path[i:]); size == 0 || c == '\\' || c == 0 {
				return false
			}
		}
		i += size
		wide = wide || c >= utf8.RuneSelf
		switch {
		case c == '/':
			if !named && (dots == 1 || dots == 2) {
				return false
			}
			dots, named, parameters = 0, false, false
		case c == '%' && beginsEscape(path[i:]), isOverlong(c, path[i:]):
			return false
		case parameters:
		case c == ';': // some servers drop parameters before they resolve dot segments
			parameters = true
		case c == '.':
			dots++
		case c > ' ': // some servers drop white space at the end of a segment
			named = true
		}
	}
	return !wide || !leavesByUnicode(path)
}

// unescapeByte returns the first byte of s, which is not empty, as it is or percent-encoded, and how many
// bytes of s it takes; 0 if the escape is malformed.
func unescapeByte(s string) (c byte, size int) {
	switch {
	case s[0] != '%':
		return s[0], 1
	case len(s) < 3 || !isHex(s[1]) || !isHex(s[2]):
		return 0, 0
	}
	return hexValue(s[1])<<4 | hexValue(s[2]), 3
}

// beginsEscape reports whether s, which follows an encoded percent sign, would be the rest of an escape if
// it were decoded once more.
func beginsEscape(s string) bool {
	for range 2 {
		if s == "" {
			return false
		}
		c, size := unescapeByte(s)
		if c == 'u' || c == 'U' { // %uXXXX, as some servers read it
			return true
		}
		if !isHex(c) {
			return false
		}
		s = s[size:]
	}
	return true
}

// isOverlong reports whether c and the byte that s begins with are the start of an over-long sequence of UTF-8 (RFC
// 3629, 3), which some decoders read as a dot or a backslash.
func isOverlong(c byte, s string) bool {
	if c < 0xc0 || s == "" {
		return false
	}
	next, _ := unescapeByte(s)
	switch c {
	case 0xc0, 0xc1:
		return next&0xc0 == 0x80
	case 0xe0:
		return 0x80 <= next && next < 0xa0
	case 0xf0:
		return 0x80 <= next && next < 0x90
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// hexValue is the value of a hexadecimal digit.
func hexValue(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

// checkPathPattern says why s cannot be a path in a rule.
func checkPathPattern(s string) error {
	fixed := strings.TrimSuffix(s, "*")
	switch {
	case strings.Contains(fixed, "*"):
		return fmt.Errorf("path %q: a star may stand at the end only", s)
	case !staysBelow(fixed):
		return fmt.Errorf("path %q: has dot segments, backslashes or double encoding, which no request may match", s)
	}
	return checkURLBytes("path", s)
}

// checkURLBytes refuses bytes that cannot stand in a request-target (RFC 3986, 3.3 and 3.4).
func checkURLBytes(what, s string) error {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>^`{|}#\\", c) >= 0 {
			return fmt.Errorf("%s %q: byte %q must be percent-encoded", what, s, c)
		}
	}
	return nil
}

// checkPath evaluates the path and the query. In a tunnel they cannot be seen: then they do not exclude the host, and
// Decision.PathEnforced says so.
func (e *entry) checkPath(req *Request) Reason {
	t := e.terms()
	if t.path == "" || req.Path == "" {
		return reasonUnset
	}
	if e.block.deny {
		if !mayMatchPath(t.path, req.Path) {
			return PathNotAllowed
		}
		return reasonUnset
	}
	if !MatchPath(t.path, req.Path) || t.query != "" && t.query != req.Query {
		return PathNotAllowed
	}
	return reasonUnset
}

// checkPathOf refuses a deny that could not hold: in a tunnel the path cannot be seen, and a query can be written in
// any number of ways.
func (c *compiler) checkPathOf(r *RuleSpec, e *entry) {
	t := e.terms()
	if t.path == "" {
		return
	}
	tunnel := t.admits.https.any()
	if r.Deny && tunnel && !r.Inspect {
		c.fail(e, "the path cannot be seen in a tunnel, so this deny would not hold",
			"deny the whole host, write http:// if only plain HTTP is meant, or set inspect: true")
	}
	if r.Deny && t.query != "" {
		c.fail(e, "a query can be written in many ways, so this deny would not hold", "deny the path without its query")
	}
	if !r.Deny && tunnel && !r.Inspect {
		c.warn(e, "path-over-tls", fmt.Sprintf("the path %s cannot be seen in a tunnel: the whole host %s is allowed", t.path, e.item.host),
			"set inspect: true on a rule of its own to enforce it, or drop the path")
	}
}
