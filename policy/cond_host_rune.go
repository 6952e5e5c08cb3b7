package policy

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// A runeError says that a host contains a character that no name has: one that a word processor, a web page or a mail
// client made of a quote, a hyphen, a dot or a space. IDNA encodes or drops many of these silently, and the result is
// another name: a deny of it would deny nothing.
type runeError struct {
	host string
	at   int // where in host it begins, in bytes
	r    rune
}

func (e *runeError) Error() string {
	return fmt.Sprintf("host %+q: has %s, which is in no host name", e.host, runeName(e.r))
}

// hint says what to write instead.
func (e *runeError) hint() string {
	switch {
	case isDash(e.r):
		return `write the ASCII hyphen "-"`
	case isDot(e.r):
		return `write the ASCII dot "."`
	case unicode.Is(unicode.Cf, e.r):
		return "remove it: it was copied along, and nobody sees it"
	case unicode.IsSpace(e.r):
		return `remove it, or write an ASCII space`
	case isSlash(e.r):
		return `write the ASCII slash "/"`
	}
	return "remove it"
}

// checkRunes returns a *runeError for the first character of host that no name has. RFC 5892 permits letters, marks
// and digits, and the few others of its section 2.6. Symbols such as emoji are accepted, since there are names with
// them.
func checkRunes(host string) error {
	if isASCII(host) {
		return nil
	}
	for i, r := range host {
		switch {
		case r < utf8.RuneSelf, r == utf8.RuneError, unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.So):
		case permittedRune(r):
		default:
			return &runeError{host, i, r}
		}
	}
	return nil
}

// permittedRune reports whether r is one of the characters of RFC 5892, 2.6 and appendix A, that are neither letters
// nor marks nor digits. Package idna checks where each may stand.
func permittedRune(r rune) bool {
	switch r {
	case 0xb7, 0x375, 0x5f3, 0x5f4, 0xf0b, 0x200c, 0x200d, 0x30fb:
		return true
	}
	return false
}

func runeName(r rune) string {
	word := "a punctuation mark"
	switch {
	case isDash(r):
		word = "a dash"
	case isDot(r):
		word = "a dot that is not ASCII's"
	case isSlash(r):
		word = "a slash that is not ASCII's"
	case unicode.In(r, unicode.Pi, unicode.Pf), r == 0x201a, r == 0x201e, 0x2032 <= r && r <= 0x2037, 0x301d <= r && r <= 0x301f,
		r == 0xff02, r == 0xff07, r == 0xb4, r == 0x2d8:
		word = "a typographic quotation mark"
	case unicode.Is(unicode.Cf, r):
		word = "an invisible character"
	case unicode.IsSpace(r), r == 0x180e:
		word = "a space that is not ASCII's"
	case unicode.IsControl(r):
		word = "a control character"
	case 0xff00 < r && r < 0xff5f:
		word = fmt.Sprintf("a full-width %q", r-0xfee0)
	case unicode.In(r, unicode.Sm, unicode.Sk, unicode.Sc):
		word = "a sign"
	}
	if unicode.IsPrint(r) {
		return fmt.Sprintf("%s (%c, %U)", word, r, r)
	}
	return fmt.Sprintf("%s (%U)", word, r)
}

func isDash(r rune) bool {
	return unicode.Is(unicode.Pd, r) || r == 0x2212 || r == 0x2043
}

func isDot(r rune) bool {
	switch r {
	case 0x2024, 0x2025, 0x2026, 0x3002, 0xfe52, 0xff0e, 0xff61:
		return true
	}
	return false
}

func isSlash(r rune) bool {
	switch r {
	case 0x2044, 0x2215, 0x29f8, 0xff0f, 0xff3c:
		return true
	}
	return false
}
