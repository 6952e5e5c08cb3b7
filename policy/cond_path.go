package policy

import (
	"fmt"
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
		if segment == "." || segment == ".." || segment == "" && i < len(path) {
			return false
		}
		start = i + 1
	}
	return true
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
	if !MatchPath(e.path, req.Path) || e.query != "" && e.query != req.Query {
		return PathNotAllowed
	}
	return reasonUnset
}

// compilePath refuses a deny that could not hold: in a tunnel the path cannot be seen.
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
	if !r.Deny && tunnel && !r.Inspect {
		c.warn(e, fmt.Sprintf("the path %s cannot be seen in a tunnel: the whole host %s is allowed", e.path, src.Host),
			"set inspect: true on a rule of its own to enforce it, or drop the path")
	}
}
