package audit

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A parser reads the JSON of one flat object (RFC 8259).
type parser struct {
	text  string
	pos   int
	plain bool // text has no escapes and no control characters, so that a string ends at the next quote
}

// isPlain reports whether text has neither a backslash nor a character below the space, as nearly all lines. It looks at eight bytes
// at a time.
func isPlain(text string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(text); i += 8 {
		w := uint64(text[i]) | uint64(text[i+1])<<8 | uint64(text[i+2])<<16 | uint64(text[i+3])<<24 |
			uint64(text[i+4])<<32 | uint64(text[i+5])<<40 | uint64(text[i+6])<<48 | uint64(text[i+7])<<56
		slash := w ^ ones*'\\'
		// The high bit of each byte below the space, or that is a backslash. A borrow can only mark more bytes than that.
		if ((w-ones*' ')&^w|(slash-ones)&^slash)&highs != 0 && !isPlainBytes(text[i:i+8]) {
			return false
		}
	}
	return isPlainBytes(text[i:])
}

func isPlainBytes(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] == '\\' {
			return false
		}
	}
	return true
}

func (p *parser) fail(want string) error {
	return fmt.Errorf("column %d: want %s", p.pos+1, want)
}

// object reads the whole text as an object into r, and returns which columns it had.
func (p *parser) object(r *Record) (seen columnSet, err error) {
	if !p.take('{') {
		return 0, p.fail("an object")
	}
	next := 0
	for first := true; !p.take('}'); first = false {
		if !first && !p.take(',') {
			return 0, p.fail(`"," or "}"`)
		}
		var i int
		if next < len(columns) && strings.HasPrefix(p.text[p.pos:], columnKeys[next]) { // as Log writes it
			i = next
			p.pos += len(columnKeys[next])
		} else {
			name, err := p.string()
			if err != nil {
				return 0, err
			}
			if !p.take(':') {
				return 0, p.fail(`":"`)
			}
			i = columnIndex(name, next)
		}
		if i < 0 {
			if err := p.skip(); err != nil {
				return 0, err
			}
			continue
		}
		if seen&(1<<i) != 0 {
			return 0, fmt.Errorf("%s is there twice", columns[i].name)
		}
		seen |= 1 << i
		next = i + 1
		if err := p.value(columns[i].at(r)); err != nil {
			return 0, fmt.Errorf("%s: %w", columns[i].name, err)
		}
	}
	p.space()
	if p.pos != len(p.text) {
		return 0, p.fail("nothing after the object")
	}
	return seen, nil
}

// value reads the value of a column into the field it belongs to.
func (p *parser) value(field any) (err error) {
	var n uint64
	switch v := field.(type) {
	case *string:
		*v, err = p.string()
	case *Type:
		var s string
		s, err = p.string()
		*v = Type(s)
	case *uint64:
		*v, err = p.number(math.MaxUint64)
	case *uint16:
		n, err = p.number(math.MaxUint16)
		*v = uint16(n)
	case *int:
		n, err = p.number(math.MaxInt32)
		*v = int(n)
	case *int64:
		n, err = p.number(math.MaxInt64)
		*v = int64(n)
	case *time.Duration:
		n, err = p.number(uint64(math.MaxInt64 / time.Millisecond))
		*v = time.Duration(n) * time.Millisecond
	case *bool:
		*v, err = p.bool()
	case *netip.Addr:
		*v, err = p.address()
	case *time.Time:
		*v, err = p.time()
	case *[]string:
		*v, err = p.list()
	default:
		panic(fmt.Sprintf("audit: no decoding for %T", field))
	}
	return err
}

func (p *parser) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return
		}
	}
}

// take skips white space and then c, if c is next.
func (p *parser) take(c byte) bool {
	if p.pos < len(p.text) && p.text[p.pos] > ' ' { // as Log writes it
		if p.text[p.pos] != c {
			return false
		}
		p.pos++
		return true
	}
	p.space()
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) string() (string, error) {
	if !p.take('"') {
		return "", p.fail("a string")
	}
	start := p.pos
	if p.plain {
		if n := strings.IndexByte(p.text[start:], '"'); n >= 0 {
			p.pos = start + n + 1
			return p.text[start : start+n], nil
		}
	}
	for i := start; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.pos = i + 1
			return p.text[start:i], nil
		case c == '\\':
			return p.escaped(start - 1)
		case c < ' ':
			p.pos = i
			return "", p.fail("a control character to be escaped")
		}
	}
	return "", p.fail("a closing quote")
}

// escaped reads a string that has escapes; start is its opening quote. They are rare.
func (p *parser) escaped(start int) (string, error) {
	for i := start + 1; i < len(p.text); i++ {
		switch p.text[i] {
		case '\\':
			i++
		case '"':
			var s string
			if err := json.Unmarshal([]byte(p.text[start:i+1]), &s); err != nil {
				return "", p.fail("a string with proper escapes")
			}
			p.pos = i + 1
			return s, nil
		}
	}
	return "", p.fail("a closing quote")
}

// number reads a whole number up to limit: the log has no other numbers.
func (p *parser) number(limit uint64) (uint64, error) {
	p.space()
	start := p.pos
	for p.pos < len(p.text) && '0' <= p.text[p.pos] && p.text[p.pos] <= '9' {
		p.pos++
	}
	digits := p.text[start:p.pos]
	if 0 < len(digits) && len(digits) < 19 && (digits[0] != '0' || len(digits) == 1) { // no such number overflows
		n := uint64(0)
		for i := range len(digits) {
			n = n*10 + uint64(digits[i]-'0')
		}
		if n <= limit {
			return n, nil
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > limit || len(digits) > 1 && digits[0] == '0' {
		p.pos = start
		return 0, p.fail(fmt.Sprintf("a whole number from 0 to %d", limit))
	}
	return n, nil
}

func (p *parser) bool() (bool, error) {
	p.space()
	rest := p.text[p.pos:]
	for _, b := range []bool{false, true} {
		if word := strconv.FormatBool(b); strings.HasPrefix(rest, word) {
			p.pos += len(word)
			return b, nil
		}
	}
	return false, p.fail("true or false")
}

func (p *parser) address() (netip.Addr, error) {
	s, err := p.string()
	if err != nil || s == "" {
		return netip.Addr{}, err
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%q is not an IP address", s)
	}
	return a, nil
}

func (p *parser) time() (time.Time, error) {
	s, err := p.string()
	if err != nil {
		return time.Time{}, err
	}
	if t, ok := plainTime(s); ok {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || len(s) != len(TimeLayout) || s[len(s)-5] != '.' || s[len(s)-1] != 'Z' {
		return time.Time{}, fmt.Errorf("%q is not a time such as %q", s, TimeLayout)
	}
	return t, nil
}

// plainTime parses a time in TimeLayout; false for all that are wrong.
func plainTime(s string) (time.Time, bool) {
	const layout = "dddd-dd-ddTdd:dd:dd.dddZ"
	if len(s) != len(layout) {
		return time.Time{}, false
	}
	for i := range len(layout) {
		if c := s[i]; layout[i] == 'd' && (c < '0' || '9' < c) || layout[i] != 'd' && c != layout[i] {
			return time.Time{}, false
		}
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	month, day, hour, minute, second := two(5), two(8), two(11), two(14), two(17)
	if month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	milli := int(s[20]-'0')*100 + two(21)
	t := time.Date(two(0)*100+two(2), time.Month(month), day, hour, minute, second, milli*int(time.Millisecond), time.UTC)
	return t, t.Day() == day // else the month has no such day
}

func (p *parser) list() ([]string, error) {
	if !p.take('[') {
		return nil, p.fail("a list")
	}
	var items []string
	for !p.take(']') {
		if len(items) > 0 && !p.take(',') {
			return nil, p.fail(`"," or "]"`)
		}
		s, err := p.string()
		if err != nil {
			return nil, err
		}
		items = append(items, s)
	}
	return items, nil
}

// skip skips a value of any kind.
func (p *parser) skip() error {
	d := json.NewDecoder(strings.NewReader(p.text[p.pos:]))
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return p.fail("a value")
	}
	p.pos += int(d.InputOffset())
	return nil
}
