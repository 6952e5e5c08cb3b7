package audit

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"webproxy/policy"
)

// An encoder turns Records into lines. Its scratch space is why encoding allocates nothing, and
// why one encoder serves one goroutine at a time.
type encoder struct {
	json    zapcore.Encoder
	fields  [1]zapcore.Field
	record  *Record
	scratch [64]byte
}

func newEncoder() *encoder {
	e := &encoder{json: zapcore.NewJSONEncoder(zapcore.EncoderConfig{})}
	e.fields[0] = zap.Inline(e)
	return e
}

// encode returns r as a line with its newline. The caller frees the buffer.
func (e *encoder) encode(r *Record) (*buffer.Buffer, error) {
	e.record = r
	line, err := e.json.EncodeEntry(zapcore.Entry{}, e.fields[:])
	e.record = nil
	return line, err
}

// MarshalLogObject implements zapcore.ObjectMarshaler for the record being encoded.
func (e *encoder) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	r := e.record
	kind := r.Type.kind()
	for i := range columns {
		c := &columns[i]
		e.add(enc, c, c.at(r), c.always&kind != 0)
	}
	return nil
}

// add writes one field unless it is not set and need not be there.
func (e *encoder) add(enc zapcore.ObjectEncoder, c *column, field any, always bool) {
	switch v := field.(type) {
	case *string:
		if *v != "" || always {
			enc.AddString(c.name, c.clean(*v))
		}
	case *uint16:
		if *v != 0 || always {
			enc.AddUint16(c.name, *v)
		}
	case *uint64:
		if *v != 0 || always {
			enc.AddUint64(c.name, *v)
		}
	case *int:
		if *v > 0 || always {
			enc.AddInt(c.name, max(*v, 0))
		}
	case *int64:
		if *v > 0 || always {
			enc.AddInt64(c.name, max(*v, 0))
		}
	case *time.Duration:
		if *v > 0 || always {
			enc.AddInt64(c.name, Milliseconds(*v))
		}
	case *bool:
		if e.record.shows(c, *v) {
			enc.AddBool(c.name, *v)
		}
	case *netip.Addr:
		if v.IsValid() || always {
			enc.AddByteString(c.name, e.address(*v))
		}
	case *time.Time:
		if !v.IsZero() || always {
			enc.AddByteString(c.name, appendTime(e.scratch[:0], v.UTC()))
		}
	case *Type:
		enc.AddString(c.name, c.clean(string(*v)))
	case *[]string:
		if len(*v) > 0 {
			enc.AddArray(c.name, list{c, *v})
		}
	default:
		panic(fmt.Sprintf("audit: column %s: no encoding for %T", c.name, field))
	}
}

// shows reports whether a boolean field is written. See Record.PathEnforced for the odd one.
func (r *Record) shows(c *column, set bool) bool {
	if c.name != "path_enforced" {
		return set
	}
	return r.Type == TypeDecision && (r.Path != "" || !set && r.Decision != policy.Denied)
}

// address is a without a zone, which means something on one machine only, and an IPv4 address
// in the form everybody searches for. It is valid until the next call.
func (e *encoder) address(a netip.Addr) []byte {
	if !a.IsValid() {
		return nil
	}
	return a.Unmap().WithZone("").AppendTo(e.scratch[:0])
}

// appendTime appends t, which is in UTC, in TimeLayout. Every record has a time, and to follow a layout takes
// package time long, on a deep stack.
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

// Milliseconds rounds up: what took any time at all does not read as nothing.
func Milliseconds(d time.Duration) int64 {
	return int64((max(d, 0) + time.Millisecond - 1) / time.Millisecond)
}

// A list is a field of several strings.
type list struct {
	column *column
	items  []string
}

// MarshalLogArray implements zapcore.ArrayMarshaler.
func (l list) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	items, more := l.items, 0
	if len(items) > listLimit {
		more = len(items) - (listLimit - 1)
		items = items[:listLimit-1]
	}
	for _, s := range items {
		enc.AppendString(l.column.clean(s))
	}
	if more > 0 {
		enc.AppendString(fmt.Sprintf("… and %d more", more))
	}
	return nil
}

// clean returns s as it is written: bounded, valid UTF-8, and without control characters other than
// those JSON escapes or marks that turn the direction of text: reading a log must be safe in a terminal.
// A path loses its query and the user information of URLs in it, should it have any: these carry credentials.
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

// plain reports whether s is ASCII that needs no care.
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

// MarshalJSON returns the record as it stands in the log, without the newline.
func (r Record) MarshalJSON() ([]byte, error) {
	line, err := newEncoder().encode(&r)
	if err != nil {
		return nil, err
	}
	defer line.Free()
	return bytes.TrimSuffix(bytes.Clone(line.Bytes()), []byte("\n")), nil
}
