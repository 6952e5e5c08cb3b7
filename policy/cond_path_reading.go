package policy

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// mayMatchPath reports whether some server could read path as one that pattern matches. It is for denies: where
// MatchPath is uncertain it reports a match, and it undoes the encodings that reading and fileName undo.
func mayMatchPath(pattern, path string) bool {
	if !staysBelow(path) {
		return true
	}
	pattern, path = reading(pattern), reading(path)
	return isBelow(pattern, path) || isBelow(fileName(pattern, false), fileName(path, true))
}

// reading is path without escapes, case-folded, with compatible characters of Unicode replaced, and without
// parameters (";a=b", RFC 3986, 3.3), empty segments, and what follows an encoded "?" or "#": a server that decodes
// twice ends the path there.
func reading(path string) string {
	if strings.Contains(path, "%") {
		path, _ = url.PathUnescape(path) // staysBelow has refused bad escapes
		if i := strings.IndexAny(path, "?#"); i >= 0 {
			path = path[:i]
		}
	}
	path = folded(path)
	if strings.Contains(path, ";") {
		segments := strings.Split(path, "/")
		for i, s := range segments {
			segments[i], _, _ = strings.Cut(s, ";")
		}
		path = strings.Join(segments, "/")
	}
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// folded is s case-folded, as servers compare names that ignore case (Unicode, 3.13 and UAX 15): the long s is an s,
// full-width letters are letters.
func folded(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return unicode.ToLower(least)
	}, norm.NFKC.String(s))
}

// fileName is path as a Windows file system reads its segments: without dots and spaces at the end, and, if streams
// is set, without the name of a stream ("secret::$DATA", MS-FSCC 2.1.5).
func fileName(path string, streams bool) string {
	if !strings.ContainsAny(path, ". :\t") {
		return path
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if streams {
			s, _, _ = strings.Cut(s, ":")
		}
		segments[i] = strings.TrimRight(s, ". \t")
	}
	return strings.Join(segments, "/")
}

// leavesByUnicode reports whether path, which contains bytes other than ASCII, has a character which some servers
// replace by a dot, a slash, a backslash or a percent sign, because it is the nearest one that they know (UAX 15,
// NFKC).
func leavesByUnicode(path string) bool {
	decoded, err := url.PathUnescape(path)
	if err != nil || isASCII(decoded) {
		return false
	}
	for _, r := range decoded {
		if r >= utf8.RuneSelf && strings.ContainsAny(norm.NFKC.String(string(r)), `./\%`) {
			return true
		}
	}
	return false
}
