package policy

import (
	"fmt"
	"net/url"
	"strings"
)

// MatchPath reports whether path, as it stood in the request, is one of pattern's: equal to it, or
// below it at a "/"; a "*" at the end of pattern stands for anything from there on. The empty
// pattern matches every path. A path that a server could read as another one, with dot segments or
// with an encoded dot, slash or backslash, matches no pattern but the empty one.
func MatchPath(pattern, path string) bool {
	if pattern == "" {
		return true
	}
	if !plainPath(path) {
		return false
	}
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	rest, ok := strings.CutPrefix(path, pattern)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(pattern, "/"))
}

// mayMatchPath reports whether some server could read path as one of pattern's. It is the question
// of a deny: what MatchPath leaves open it takes for a match, and it looks through escapes,
// parameters (";a=b", RFC 3986, 3.3) and the case of letters.
func mayMatchPath(pattern, path string) bool {
	if !plainPath(path) {
		return true
	}
	path = bare(path)
	return !plainPath(path) || MatchPath(bare(pattern), path)
}

// bare is a plain path in lower case, without escapes and parameters.
func bare(path string) string {
	path = strings.ToLower(path)
	if strings.Contains(path, "%") {
		path, _ = url.PathUnescape(path) // a plain path has no bad escape
		path = strings.ToLower(path)
	}
	if !strings.Contains(path, ";") {
		return path
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i], _, _ = strings.Cut(s, ";")
	}
	return strings.Join(segments, "/")
}

// plainPath reports whether every server reads path as the same one.
func plainPath(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	start := 1
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			if path[i] == '\\' || path[i] == '%' && encodesSyntax(path[i:]) {
				return false
			}
			continue
		}
		segment := path[start:i]
		if isDotSegment(segment) || segment == "" && i < len(path) {
			return false
		}
		start = i + 1
	}
	return true
}

// isDotSegment reports whether s means this directory or the one above, with parameters too: some
// servers drop those first.
func isDotSegment(s string) bool {
	rest := strings.TrimPrefix(strings.TrimPrefix(s, "."), ".")
	return rest != s && (rest == "" || rest[0] == ';' || strings.HasPrefix(strings.ToLower(rest), "%3b"))
}

// encodesSyntax reports whether s starts with a percent escape for a byte that has a meaning in
// paths, or with none at all.
func encodesSyntax(s string) bool {
	if len(s) < 3 {
		return true
	}
	switch strings.ToLower(s[1:3]) {
	case "2e", "2f", "5c", "25", "00":
		return true
	}
	return !isHex(s[1]) || !isHex(s[2])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// checkPathPattern says what keeps s from being a path in a rule.
func checkPathPattern(s string) error {
	fixed := strings.TrimSuffix(s, "*")
	switch {
	case strings.Contains(fixed, "*"):
		return fmt.Errorf("path %q: a star may stand at the end only", s)
	case !plainPath(fixed):
		return fmt.Errorf("path %q: has dot segments, empty segments or encoded syntax, which no request may match", s)
	}
	return checkURLBytes("path", s)
}

// checkURLBytes refuses what can stand in no request-target (RFC 3986, 3.3 and 3.4).
func checkURLBytes(what, s string) error {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>^`{|}#\\", c) >= 0 {
			return fmt.Errorf("%s %q: byte %q must be percent-encoded", what, s, c)
		}
	}
	return nil
}

// checkPath judges the path and the query. What cannot be seen in a tunnel does not keep the host
// out; Decision.PathEnforced tells.
func (e *entry) checkPath(req *Request) Reason {
	if e.path == "" || req.Path == "" {
		return reasonUnset
	}
	if e.deny {
		if !mayMatchPath(e.path, req.Path) {
			return PathNotAllowed
		}
		return reasonUnset
	}
	if !MatchPath(e.path, req.Path) || e.query != "" && e.query != req.Query {
		return PathNotAllowed
	}
	return reasonUnset
}

// compilePath refuses a deny that could not hold: in a tunnel the path cannot be seen, and a query
// can be written in any number of ways.
func (c *compiler) compilePath(r *RuleSpec, src *Entry, e *entry) {
	e.path, e.query = src.Path, src.Query
	if e.path == "" {
		return
	}
	tunnel := e.admits.https.any()
	if r.Deny && tunnel && !r.Inspect {
		c.fail(e, "the path cannot be seen in a tunnel, so this deny would not hold",
			"deny the whole host, write http:// if only plain HTTP is meant, or set inspect: true")
	}
	if r.Deny && e.query != "" {
		c.fail(e, "a query can be written in many ways, so this deny would not hold", "deny the path without its query")
	}
	if !r.Deny && tunnel && !r.Inspect {
		c.warn(e, fmt.Sprintf("the path %s cannot be seen in a tunnel: the whole host %s is allowed", e.path, src.Host),
			"set inspect: true on a rule of its own to enforce it, or drop the path")
	}
}
