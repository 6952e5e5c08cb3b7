package audit

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"webproxy/policy"
)

// appendLine appends r as a line, with its newline. It is JSON (RFC 8259); bytes that are not UTF-8 become \ufffd.
func appendLine(b []byte, r *Record) []byte {
	b = append(b, '{')
	kind := r.Type.kind()
	for i := range columns {
		c := &columns[i]
		b = c.appendTo(b, r, c.always&kind != 0)
	}
	b[len(b)-1] = '}' // v is always written, so this is a comma
	return append(b, '\n')
}

// appendTo appends the field of r and a comma, unless it is not set and need not be written.
func (c *column) appendTo(b []byte, r *Record, always bool) []byte {
	switch v := c.at(r).(type) {
	case *string:
		if *v == "" && !always {
			return b
		}
		b = c.appendText(c.appendKey(b), *v)
	case *uint16:
		if *v == 0 && !always {
			return b
		}
		b = strconv.AppendUint(c.appendKey(b), uint64(*v), 10)
	case *uint64:
		if *v == 0 && !always {
			return b
		}
		b = strconv.AppendUint(c.appendKey(b), *v, 10)
	case *int:
		if *v <= 0 && !always {
			return b
		}
		b = strconv.AppendInt(c.appendKey(b), int64(max(*v, 0)), 10)
	case *int64:
		if *v <= 0 && !always {
			return b
		}
		b = strconv.AppendInt(c.appendKey(b), max(*v, 0), 10)
	case *time.Duration:
		if *v <= 0 && !always {
			return b
		}
		b = strconv.AppendInt(c.appendKey(b), Milliseconds(*v), 10)
	case *bool:
		if !r.shows(c, *v) {
			return b
		}
		b = strconv.AppendBool(c.appendKey(b), *v)
	case *netip.Addr:
		if !v.IsValid() && !always {
			return b
		}
		b = append(appendAddress(append(c.appendKey(b), '"'), *v), '"')
	case *time.Time:
		if v.IsZero() && !always {
			return b
		}
		b = append(appendTime(append(c.appendKey(b), '"'), v.UTC()), '"')
	case *Type:
		b = c.appendText(c.appendKey(b), string(*v))
	case *[]string:
		if len(*v) == 0 {
			return b
		}
		b = c.appendList(c.appendKey(b), *v)
	default:
		panic(fmt.Sprintf("audit: column %s: no encoding for %T", c.name, v))
	}
	return append(b, ',')
}

// appendKey appends the name and a colon. No name needs escapes.
func (c *column) appendKey(b []byte) []byte {
	b = append(b, '"')
	b = append(b, c.name...)
	return append(b, '"', ':')
}

// appendText appends a string in quotes, as clean returns it.
func (c *column) appendText(b []byte, s string) []byte {
	b = append(b, '"')
	if len(s) <= c.limit && c.name != "path" && bare(s) { // nearly always
		b = append(b, s...)
	} else {
		b = appendEscaped(b, c.clean(s))
	}
	return append(b, '"')
}

// appendList appends a field of several strings.
func (c *column) appendList(b []byte, items []string) []byte {
	more := 0
	if len(items) > listLimit {
		more = len(items) - (listLimit - 1)
		items = items[:listLimit-1]
	}
	b = append(b, '[')
	for i, s := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = c.appendText(b, s)
	}
	if more > 0 {
		b = fmt.Appendf(b, `,"… and %d more"`, more)
	}
	return append(b, ']')
}

// bare reports whether s is ASCII that needs no escape.
func bare(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendEscaped appends s as the inside of a JSON string (RFC 8259, 7).
func appendEscaped(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			char, size := utf8.DecodeRuneInString(s[i:])
			if char == utf8.RuneError && size == 1 {
				b = append(b, `\ufffd`...)
			} else {
				b = append(b, s[i:i+size]...)
			}
			i += size
			continue
		}
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ':
			b = append(b, c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
	}
	return b
}

// shows reports whether a boolean field is written. See Record.PathEnforced for the exception.
func (r *Record) shows(c *column, set bool) bool {
	if c.name != "path_enforced" {
		return set
	}
	return r.Type == TypeDecision && (r.Path != "" || !set && r.Decision != policy.Denied)
}

// appendAddress appends a without a zone, which is valid on one machine only, and an IPv4 address in its usual form.
func appendAddress(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	return a.Unmap().WithZone("").AppendTo(b)
}

// appendTime appends t, which is in UTC, in TimeLayout. Every record has a time, and package time is slow to follow a
// layout, on a deep stack.
func appendTime(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(b, TimeLayout)
	}
	hour, minute, second := t.Clock()
	b = append(appendDigits(b, year/100), byte('0'+year/10%10), byte('0'+year%10), '-')
	b = append(appendDigits(b, int(month)), '-')
	b = append(appendDigits(b, day), 'T')
	b = append(appendDigits(b, hour), ':')
	b = append(appendDigits(b, minute), ':')
	b = append(appendDigits(b, second), '.')
	ms := t.Nanosecond() / int(time.Millisecond)
	return append(appendDigits(b, ms/10), byte('0'+ms%10), 'Z')
}

// appendDigits appends n, which is below 100, in two digits.
func appendDigits(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// Milliseconds rounds up: only what took no time at all is 0.
func Milliseconds(d time.Duration) int64 {
	return int64((max(d, 0) + time.Millisecond - 1) / time.Millisecond)
}

// clean returns s as it is written: bounded, valid UTF-8, and without control characters other than those JSON
// escapes or marks that change the direction of text: reading a log must be safe in a terminal. A path loses its
// query and the user information of URLs in it, which may contain credentials.
func (c *column) clean(s string) string {
	if c.name == "path" {
		s, _, _ = strings.Cut(s, "?")
		s = policy.QuotablePath(s)
	}
	if len(s) <= c.limit && plain(s) {
		return s
	}
	var b strings.Builder
	for _, char := range s {
		if char == 0x7f || char >= 0x80 && unicode.In(char, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			char = utf8.RuneError
		}
		b.WriteRune(char)
		if b.Len() > c.limit {
			return cut(b.String(), c.limit)
		}
	}
	return b.String()
}

// plain reports whether s is ASCII that needs no cleaning.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// cut shortens s to limit bytes, the last of them an ellipsis.
func cut(s string, limit int) string {
	end := limit - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// MarshalJSON returns the record as it is in the log, without the newline.
func (r Record) MarshalJSON() ([]byte, error) {
	return bytes.TrimSuffix(appendLine(nil, &r), []byte("\n")), nil
}
