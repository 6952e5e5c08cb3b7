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
	text string
	pos  int
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
		name, err := p.string()
		if err != nil {
			return 0, err
		}
		if !p.take(':') {
			return 0, p.fail(`":"`)
		}
		i := columnIndex(name, next)
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
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || len(s) != len(TimeLayout) || s[len(s)-5] != '.' || s[len(s)-1] != 'Z' {
		return time.Time{}, fmt.Errorf("%q is not a time such as %q", s, TimeLayout)
	}
	return t, nil
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
