package audit

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"webproxy/policy"
)

// Printable is s on one line and without anything that a terminal would interpret: control characters, which JSON
// carries as escapes, and marks that change the direction of text become U+FFFD.
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

// Quotable is a text of another program, such as an error that quotes a URL or the response of a receiver, without
// what may be a password or a token: of each word that contains a URL or an address, it drops the part before an "@"
// and the part after a "?".
func Quotable(text string) string {
	if !strings.ContainsAny(text, "@?%") {
		return text
	}
	words := strings.SplitAfter(text, " ")
	for i, word := range words {
		space := strings.HasSuffix(word, " ")
		word = strings.TrimSuffix(word, " ")
		if shown := policy.Quotable(word); shown != word {
			words[i] = "…" + shown
			if space {
				words[i] += " "
			}
		}
	}
	return strings.Join(words, "")
}

// AddrText is a as text, empty if it is no address.
func AddrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
