package audit

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable is s without what a terminal would obey, and on one line: control characters, which JSON
// carries as escapes, and marks that turn the direction of text become U+FFFD.
func Printable(s string) string {
	if strings.IndexFunc(s, commanding) < 0 {
		return s
	}
	return strings.Map(func(c rune) rune {
		if commanding(c) {
			return utf8.RuneError
		}
		return c
	}, s)
}

func commanding(c rune) bool {
	if c >= ' ' && c < 0x7f {
		return false
	}
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
