package policy

import "strings"

// Quotable returns the part of an authority or URL from outside that a log or an answer may quote. It
// leaves out everything before an "@", which may be a password (RFC 3986, 3.2.1), and everything after
// a "?" or "#", which may hold a token. Both count in their percent-encoded form too: a client that
// encodes twice means the same. What is left may be empty.
func Quotable(s string) string {
	end, start := len(s), 0
	for i := 0; i < len(s); i++ {
		switch delimiter(s[i:]) {
		case '@':
			start = i + delimiterLen(s[i:])
		case '?', '#':
			end = min(end, i)
		}
	}
	if start >= end {
		return ""
	}
	return s[start:end]
}

// delimiter returns the "@", "?" or "#" that s begins with, encoded or not; 0 if it begins with none.
func delimiter(s string) byte {
	switch {
	case s[0] == '@' || s[0] == '?' || s[0] == '#':
		return s[0]
	case s[0] != '%' || len(s) < len("%40"):
		return 0
	case s[1] == '4' && s[2] == '0':
		return '@'
	case s[1] == '3' && (s[2] == 'F' || s[2] == 'f'):
		return '?'
	case s[1] == '2' && s[2] == '3':
		return '#'
	}
	return 0
}

func delimiterLen(s string) int {
	if s[0] == '%' {
		return len("%40")
	}
	return 1
}

// QuotablePath returns a path without the user information of URLs inside it, as in
// /fetch/https://user:password@host/ or its percent-encoded form.
func QuotablePath(path string) string {
	if !strings.Contains(path, "@") && !strings.Contains(path, "%40") {
		return path
	}
	var b strings.Builder
	for {
		begin := urlAuthority(path)
		if begin < 0 {
			b.WriteString(path)
			return b.String()
		}
		b.WriteString(path[:begin])
		path = path[begin:]
		end := len(path)
		if i := strings.IndexByte(path, '/'); i >= 0 {
			end = i
		}
		for i := end - 1; i >= 0; i-- {
			if delimiter(path[i:]) == '@' {
				path = path[i+delimiterLen(path[i:]):]
				break
			}
		}
	}
}

// urlAuthority returns where in path the authority of the first URL begins; -1 if there is no URL.
func urlAuthority(path string) int {
	first := -1
	for _, mark := range []string{"://", "%3A%2F%2F", "%3a%2f%2f"} {
		if i := strings.Index(path, mark); i >= 0 && (first < 0 || i+len(mark) < first) {
			first = i + len(mark)
		}
	}
	return first
}
