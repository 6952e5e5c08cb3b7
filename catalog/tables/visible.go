package tables

import (
	"bytes"
	"encoding/binary"
	"html"
	"strings"
	"unicode"
	"unicode/utf16"
)

// decode returns data as text. Excel and PowerShell write UTF-16 with a byte order mark; everything else is taken as UTF-8, with
// U+FFFD for invalid bytes.
func decode(data []byte) string {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		at := bytes.IndexByte(data[:min(len(data), 64)], 0) // UTF-16 without a mark has a zero beside each letter
		if at < 0 || at > 1 || len(data) < 4 || data[at+2] != 0 {
			return strings.ToValidUTF8(string(data), "\ufffd")
		}
		order, data = binary.LittleEndian, append([]byte{0, 0}, data...)
		if at == 0 {
			order = binary.BigEndian
		}
	}
	var units []uint16
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	return string(utf16.Decode(units))
}

// splitLines accepts the line ends of every system.
func splitLines(text string) []string {
	return strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
}

// visible removes hidden characters, and replaces unusual spaces, quotes and hyphens by plain ones. Letters that look like others
// are kept, to be refused later.
func visible(s string) string {
	if isPlain(s) {
		return s
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c < 0x80:
			if c == '\t' || c == '\n' || c >= ' ' && c != 0x7f {
				return c
			}
			return ' '
		case strings.ContainsRune("“”„‟″«»", c):
			return '"'
		case strings.ContainsRune("‘’‚‛′", c):
			return '\''
		case c == '\u2010' || c == '\u2011': // hyphens that word processors put
			return '-'
		case isHidden(c):
			return -1
		case unicode.IsSpace(c) || unicode.In(c, unicode.Zs, unicode.Zl, unicode.Zp, unicode.No): // No: footnotes, as in host¹
			return ' '
		}
		return c
	}, s)
}

// isPlain reports whether s has nothing but ASCII characters that are seen, blanks, tabs and line ends.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' || c >= 0x7f) && c != '\t' && c != '\n' {
			return false
		}
	}
	return true
}

// isHidden reports whether c is invisible: soft hyphens, zero-width and direction marks, tags and variation selectors.
func isHidden(c rune) bool {
	return c == '\u034f' || c == '\u2800' || unicode.In(c, unicode.Cf, unicode.Variation_Selector)
}

// hasHidden reports whether s has hidden characters, apart from a byte order mark at its beginning.
func hasHidden(s string) bool {
	return strings.ContainsFunc(strings.TrimPrefix(s, "\ufeff"), isHidden)
}

var (
	footnote = lazy(`(?i)<su[pb]>[^<>]{0,10}</su[pb]>`)
	// blockTag ends a line, as in a browser; inlineTag only ends a word: a footnote's number must not become a part of the host.
	blockTag  = lazy(`(?i)</?(?:br|p|div|li|ul|ol)(?:\s[^<>]*)?/?>`)
	inlineTag = lazy(`(?i)</?(?:a|b|i|u|em|strong|code|span|sup|sub|font|kbd|tt|small|mark|nobr|wbr)(?:\s[^<>]*)?/?>`)
	struckOut = lazy(`(?i)</?(?:del|s|strike)(?:\s[^<>]*)?>|~~`) // what is not valid any more
	anyTag    = lazy(`<[^<>]*>`)
	cellTag   = lazy(`(?i)<t[dh][\s>]`)
	entity    = lazy(`&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});`)
	autolink  = lazy(`<([a-zA-Z][a-zA-Z0-9+.-]*://[^<>\s]*)>`)
)

// plainText removes the markup of one cell or line, except emphasis and links. Its lines are separate parts.
func plainText(s string) string {
	s = visible(s)
	// Few lines have markup, and the expressions take far longer than a search for what each of them begins with.
	if strings.IndexByte(s, '<') >= 0 || strings.Contains(s, "~~") {
		s = footnote().ReplaceAllString(s, " ")
		s = struckOut().ReplaceAllString(s, " struck-out ")
		s = blockTag().ReplaceAllString(s, "\n")
		s = inlineTag().ReplaceAllString(s, " ")
		s = autolink().ReplaceAllString(s, " $1 ")
	}
	if strings.IndexByte(s, '&') >= 0 {
		// Only whole entities: "&region=" in a query is not "&reg;".
		s = visible(entity().ReplaceAllStringFunc(s, html.UnescapeString))
	}
	return unescape(s)
}

// unescape removes the backslash from Markdown's escapes: one before punctuation (CommonMark, 2.4).
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && isPunct(s[i+1]) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isPunct(c byte) bool {
	return '!' <= c && c <= '/' || ':' <= c && c <= '@' || '[' <= c && c <= '`' || '{' <= c && c <= '~'
}
