package tables

import "strings"

// pair matches a line of a JSON object: "key": "value",
var pair = lazy(`^[\[{\s,]*"([^"]{1,40})"\s*:\s*(.*?)[\s,]*$`)

// jsonObject reads an object that has a pair to a line, as documents print them, often with smart
// quotes, so that a JSON parser would refuse it. It reports whether the next line begins one that
// has an address.
func (d *document) jsonObject() bool {
	var keys, values []string
	i := d.next
	for ; i < len(d.lines) && i < d.next+100; i++ {
		text := strings.TrimSpace(visible(d.shown[i]))
		if i > d.next && strings.HasPrefix(text, "{") {
			break // another object; this one had no end
		}
		if m := pair().FindStringSubmatch(text); m != nil {
			keys = append(keys, m[1])
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
	d.account(d.next+1, strings.Join(d.lines[d.next:i], "\n"), d.row(values, l))
	d.next = i
	return true
}
