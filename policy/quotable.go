package policy

import (
	"regexp"
	"strings"
)

// Quotable returns the part of an authority or URL from outside that a log or a response may quote. It leaves out
// everything before an "@", which may be a password (RFC 3986, 3.2.1), and everything after a "?" or "#", which may
// contain a token. All count in their percent-encoded form too, encoded once or more often: a client that encodes
// twice means the same. The result may be empty.
func Quotable(s string) string {
	end, start := len(s), 0
	for i := 0; i < len(s); i++ {
		switch c, size := delimiter(s[i:]); c {
		case '@':
			start = i + size
		case '?', '#':
			end = min(end, i)
		}
	}
	if start >= end {
		return ""
	}
	return s[start:end]
}

// delimiter returns the "@", "?" or "#" that s begins with, encoded or not, and how many bytes it takes; 0 if it
// begins with none.
func delimiter(s string) (c byte, size int) {
	if s[0] != '%' {
		c = s[0]
		size = 1
	} else {
		code := s[1:]
		for strings.HasPrefix(code, "25") { // an encoded "%"
			code = code[2:]
		}
		if len(code) < 2 || !isHex(code[0]) || !isHex(code[1]) {
			return 0, 0
		}
		c = hexValue(code[0])<<4 | hexValue(code[1])
		size = len(s) - len(code) + 2
	}
	if c == '@' || c == '?' || c == '#' {
		return c, size
	}
	return 0, 0
}

// Parts of a path, each of them plain or percent-encoded, once or more often.
const (
	quotedColon = `(?::|%(?:25)*3[Aa])`
	quotedSlash = `(?:/|%(?:25)*2[Ff])`
	quotedAt    = `(?:@|%(?:25)*40)`
	quotedQuery = `%(?:25)*3[Ff]`
)

var (
	// urlUser is the beginning of a URL up to its host; the first group is what may be quoted of it.
	urlUser = regexp.MustCompile(`(` + quotedColon + quotedSlash + `+)[^/]*` + quotedAt)
	// nameUser is a user name and a password in a segment.
	nameUser = regexp.MustCompile(`[^/]*` + quotedColon + `[^/]*` + quotedAt)
	// urlQuery is a URL up to its query, which is encoded in a path, and all that follows.
	urlQuery = regexp.MustCompile(`(` + quotedColon + quotedSlash + `.*?)` + quotedQuery + `.*`)
)

// QuotablePath returns a path without the user information and the queries of URLs inside it, as in
// /fetch/https://user:password@host/ or its percent-encoded form, and without anything else that looks like a user
// name with a password.
func QuotablePath(path string) string {
	if !strings.ContainsAny(path, "@%") || !strings.Contains(path, ":") && !strings.Contains(path, "3A") && !strings.Contains(path, "3a") {
		return path // as most paths
	}
	path = urlUser.ReplaceAllString(path, "$1")
	path = nameUser.ReplaceAllString(path, "")
	return urlQuery.ReplaceAllString(path, "$1")
}
