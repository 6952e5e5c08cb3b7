package audit

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"time"

	"webproxy/internal/setting"
)

// newTest makes the test of one field against one value. op is one of = ~ < <= > >=. The column of
// an error is the caller's to set.
func newTest(column int, op string, v token) (test, *QueryError) {
	c := &columns[column]
	t := test{column: column, told: Comparison{Field: c.name, Op: op, Value: v.text, Quoted: v.quoted}}
	if op == "~" {
		holds, err := matchesExpression(c, v.text)
		t.holds = holds
		return t, err
	}
	var err *QueryError
	switch c.at(new(Record)).(type) {
	case *string:
		t, err = textTest(t, op, v, func(field any) string { return *field.(*string) })
	case *Type:
		t, err = textTest(t, op, v, func(field any) string { return string(*field.(*Type)) })
	case *[]string:
		t, err = listTest(t, op, v)
	case *netip.Addr:
		t, err = addressTest(t, op, v)
	case *bool:
		t, err = boolTest(t, op, v)
	case *time.Time:
		t.holds, t.told.Time, err = timeTest(op, v)
	case *time.Duration:
		t.holds, t.told.Number, err = numberTest(op, v, parseMilliseconds, func(field any) uint64 {
			return uint64(Milliseconds(*field.(*time.Duration)))
		})
	case *int64:
		t.holds, t.told.Number, err = numberTest(op, v, parseBytes, func(field any) uint64 { return uint64(max(*field.(*int64), 0)) })
	case *int:
		t.holds, t.told.Number, err = numberTest(op, v, parseNumber, func(field any) uint64 { return uint64(max(*field.(*int), 0)) })
	case *uint16:
		t.holds, t.told.Number, err = numberTest(op, v, parseNumber, func(field any) uint64 { return uint64(*field.(*uint16)) })
	case *uint64:
		t.holds, t.told.Number, err = numberTest(op, v, parseNumber, func(field any) uint64 { return *field.(*uint64) })
	default:
		panic("audit: no test for column " + c.name)
	}
	return t, err
}

// matchesExpression tests a field, as it is written in the log, against a regular expression.
func matchesExpression(c *column, expr string) (func(any) bool, *QueryError) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, &QueryError{Msg: err.Error(), Hint: "~ takes a regular expression (RE2); = takes a name, or a wildcard such as *.example.com"}
	}
	switch c.at(new(Record)).(type) {
	case *string:
		return func(field any) bool { return re.MatchString(*field.(*string)) }, nil
	case *Type:
		return func(field any) bool { return re.MatchString(string(*field.(*Type))) }, nil
	case *netip.Addr:
		return func(field any) bool {
			a := *field.(*netip.Addr)
			return a.IsValid() && re.MatchString(a.String())
		}, nil
	case *[]string:
		return func(field any) bool { return slices.ContainsFunc(*field.(*[]string), re.MatchString) }, nil
	}
	return nil, &QueryError{Msg: c.name + " is not a text; ~ is for texts", Hint: "use = != < <= > >="}
}

func noOrder(column int, op string) *QueryError {
	if op == "=" {
		return nil
	}
	return &QueryError{Msg: fmt.Sprintf("%s has no order; %s is for numbers and times", columns[column].name, op)}
}

// addressTest tests for an address, a prefix or, with an empty value, for none.
func addressTest(t test, op string, v token) (test, *QueryError) {
	if err := noOrder(t.column, op); err != nil {
		return t, err
	}
	if v.text == "" {
		t.holds = func(field any) bool { return !field.(*netip.Addr).IsValid() }
		return t, nil
	}
	if prefix, err := netip.ParsePrefix(v.text); err == nil {
		prefix = prefix.Masked()
		t.told.Prefix = prefix
		t.holds = func(field any) bool { return prefix.Contains(*field.(*netip.Addr)) }
		return t, nil
	}
	addr, err := netip.ParseAddr(v.text)
	if err != nil {
		return t, &QueryError{
			Msg:  fmt.Sprintf("%q is not an address", v.text),
			Hint: "want an address such as 10.0.1.12, or a prefix such as 10.0.1.0/24",
		}
	}
	addr = addr.Unmap().WithZone("")
	t.told.Equal = []string{addr.String()}
	t.holds = func(field any) bool { return *field.(*netip.Addr) == addr }
	t.texts = needText(`"` + addr.String() + `"`)
	return t, nil
}

func boolTest(t test, op string, v token) (test, *QueryError) {
	if err := noOrder(t.column, op); err != nil {
		return t, err
	}
	if v.text != "true" && v.text != "false" {
		return t, &QueryError{Msg: fmt.Sprintf("%q: want true or false", v.text)}
	}
	want := v.text == "true"
	t.holds = func(field any) bool { return *field.(*bool) == want }
	return t, nil
}

// ParseTime reads a time as people write it on a command line: RFC 3339, or a date, or a month, with or without hours
// and minutes; UTC unless it says otherwise.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly, "2006-01"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-11-24, or 2026-11-24T07:01:49Z", s)
}

func timeTest(op string, v token) (func(any) bool, time.Time, *QueryError) {
	at, err := ParseTime(v.text)
	if err != nil {
		return nil, at, &QueryError{Msg: err.Error()}
	}
	holds := comparing(op)
	return func(field any) bool { return holds(field.(*time.Time).Compare(at)) }, at, nil
}

// numberTest compares a number with the one that parse reads.
func numberTest(op string, v token, parse func(string) (uint64, error), number func(any) uint64) (func(any) bool, uint64, *QueryError) {
	n, err := parse(v.text)
	if err != nil {
		return nil, 0, &QueryError{Msg: err.Error()}
	}
	holds := comparing(op)
	return func(field any) bool { return holds(cmp.Compare(number(field), n)) }, n, nil
}

// comparing returns, from the sign of a comparison, whether op holds.
func comparing(op string) func(sign int) bool {
	switch op {
	case "<":
		return func(sign int) bool { return sign < 0 }
	case "<=":
		return func(sign int) bool { return sign <= 0 }
	case ">":
		return func(sign int) bool { return sign > 0 }
	case ">=":
		return func(sign int) bool { return sign >= 0 }
	}
	return func(sign int) bool { return sign == 0 }
}

func parseNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number", s)
	}
	return n, nil
}

// parseBytes reads a number of bytes, with or without a unit.
func parseBytes(s string) (uint64, error) {
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n, nil
	}
	var size setting.Size
	if err := size.UnmarshalText([]byte(s)); err != nil || size < 0 {
		return 0, fmt.Errorf("%q is not a number of bytes such as 1000 or 10MiB", s)
	}
	return uint64(size), nil
}

// parseMilliseconds reads a length of time: a number of milliseconds, or one with its unit.
func parseMilliseconds(s string) (uint64, error) {
	if n, err := strconv.ParseUint(s, 10, 64); err == nil && n <= math.MaxInt64/uint64(time.Millisecond) {
		return n, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a length of time such as 250 (milliseconds) or 1.5s", s)
	}
	return uint64(Milliseconds(d)), nil
}
