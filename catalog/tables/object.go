package tables

import (
	"regexp"
	"strings"
)

// pair matches a line of a JSON object: "key": "value",
var pair = regexp.MustCompile(`^[\[{\s,]*"([^"]{1,40})"\s*:\s*(.*?)[\s,]*$`)

// jsonObject reads an object that has a pair to a line, as documents print them, often with smart
// quotes, so that a JSON parser would refuse it. It reports whether the next line begins one.
func (d *document) jsonObject() bool {
	var keys, values []string
	var at []int // the line of each pair
	i := d.next
	for ; i < len(d.lines) && i < d.next+100; i++ {
		text := strings.TrimSpace(visible(d.shown[i]))
		if i > d.next && strings.HasPrefix(text, "{") {
			break // another object; this one had no end
		}
		if m := pair.FindStringSubmatch(text); m != nil {
			keys, at = append(keys, m[1]), append(at, i)
			values = append(values, strings.TrimSpace(strings.TrimRight(strings.TrimSpace(m[2]), "]}")))
		} else if text != "" && strings.Trim(text, "[]{},; ") != "" {
			break
		}
		if strings.HasSuffix(strings.TrimRight(text, ",]; "), "}") {
			i++
			break
		}
	}
	l := layoutOf(keys)
	if !l.sure() {
		return false
	}
	for k := range values {
		values[k] = strings.Trim(values[k], `"`)
	}
	d.accountObject(i, at, l, d.row(values, l))
	return true
}

// accountObject puts the lines of an object into the report. What it came to stands at the line of
// its first address.
func (d *document) accountObject(end int, at []int, l layout, f finding) {
	main := at[0]
	for k, c := range l.columns {
		if c == addrs {
			main = at[k]
			break
		}
	}
	for ; d.next < end; d.next++ {
		raw := d.lines[d.next]
		switch {
		case strings.TrimSpace(visible(raw)) == "":
		case d.next == main:
			d.account(d.next+1, raw, f)
		default:
			d.account(d.next+1, raw, leave(Prose, strings.TrimSpace(raw), "a part of an object", ""))
		}
	}
}
