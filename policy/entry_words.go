package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A field is a word of a line with its place.
type field struct {
	text   string
	column int // from 1
}

func (f field) fail(offset int, hint, format string, args ...any) error {
	return &EntryError{Column: f.column + offset, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

// splitFields splits a line at white space; a value may be quoted as in Go: reason="two words".
// A comment starts with # at the beginning of a word.
func splitFields(line string) ([]field, error) {
	fields, _, err := splitComment(line)
	return fields, err
}

// splitComment is splitFields, with the comment: from its # on, without the white space at its end.
func splitComment(line string) (fields []field, comment string, err error) {
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == ' ' || c == '\t':
			i++
			continue
		case c == '#':
			return fields, strings.TrimRight(line[i:], " \t"), nil
		}
		start := i
		text, n, err := nextWord(line[i:])
		if err != nil {
			err.Column += start
			return nil, "", err
		}
		i += n
		fields = append(fields, field{text, start + 1})
	}
	return fields, "", nil
}

// nextWord returns the word at the start of s, unquoted, and how many bytes of s it took.
func nextWord(s string) (string, int, *EntryError) {
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			return s[:i], i, nil
		case c < ' ' || c == 0x7f:
			return "", 0, &EntryError{Column: i + 1, Msg: fmt.Sprintf("control byte %q", c), Hint: "save the file as plain UTF-8 text"}
		case c == '"' && i > 0 && slices.Contains(entryKeys, s[:i-1]) && s[i-1] == '=':
			q, err := strconv.QuotedPrefix(s[i:])
			if err != nil {
				return "", 0, &EntryError{Column: i + 1, Msg: "missing closing quote"}
			}
			v, err := strconv.Unquote(q)
			if err != nil || strings.ContainsFunc(v, unicode.IsControl) {
				return "", 0, &EntryError{Column: i + 1, Msg: "a control character in a value"}
			}
			end := i + len(q)
			if end < len(s) && s[end] != ' ' && s[end] != '\t' {
				return "", 0, &EntryError{Column: end + 1, Msg: "want a space after the closing quote"}
			}
			return s[:i] + v, end, nil
		}
	}
	return s, len(s), nil
}
