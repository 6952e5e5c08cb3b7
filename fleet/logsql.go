package fleet

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"webproxy/audit"
)

const (
	everything = "*"
	nothing    = "!*"
	// filterLimit bounds a filter, in bytes: VictoriaLogs accepts queries of 16 KiB by default.
	filterLimit = 12 << 10
	// Numbers below exactNumbers are compared exactly by LogsQL, which treats all as floating point.
	exactNumbers = 1 << 53
)

// attributes are the fields of a record that package ship sends as attributes, by field: LogsQL can search them without
// reading the line. A missing attribute is an empty text, or the number 0. The site is not among them: that attribute says
// who delivered a record, even if the site had another name when it was written.
var attributes = map[string]string{
	"type": "webproxy.type", "id": "webproxy.id", "group": "webproxy.group",
	"decision": "webproxy.decision", "reason": "webproxy.reason", "rule": "webproxy.rule", "policy": "webproxy.policy",
	"mode": "webproxy.mode", "client": "client.address", "client_port": "client.port", "method": "http.request.method",
	"scheme": "url.scheme", "path": "url.path", "host": "server.address", "port": "server.port", "dst_ip": "network.peer.address",
	"sni": "tls.client.server_name", "error": "error.type", "status": "http.response.status_code", "seq": "webproxy.seq",
	"bytes_out": "webproxy.bytes_out", "bytes_in": "webproxy.bytes_in", "dur_ms": "webproxy.dur_ms", "count": "webproxy.count",
}

// quoted is s as a value in LogsQL, whatever it holds. LogsQL reads quoted values as Go does.
func quoted(s string) string { return strconv.Quote(s) }

// Filter is a LogsQL filter that holds for every record that q matches, and possibly for others: its results
// must still be evaluated by q.
func Filter(q *audit.Query) string {
	filter := superset(q.Condition(), true)
	if len(filter) > filterLimit {
		return everything
	}
	return filter
}

// superset is a filter that holds for at least all records for which c is want.
func superset(c audit.Condition, want bool) string {
	switch c.Op {
	case "and":
		return join(c.Parts, want, want)
	case "or":
		return join(c.Parts, want, !want)
	case "not":
		if len(c.Parts) == 1 {
			return superset(c.Parts[0], !want)
		}
	}
	filter, exact := comparison(&c.Comparison)
	switch {
	case want:
		return filter
	case exact:
		return "!" + filter
	}
	return everything
}

// join is a filter that holds for at least all records for which all of parts, or one of them, are want.
func join(parts []audit.Condition, want, all bool) string {
	var filters []string
	for _, p := range parts {
		switch f := superset(p, want); {
		case f == everything && !all, f == nothing && all:
			return f
		case f != everything && f != nothing && !slices.Contains(filters, f):
			filters = append(filters, f)
		}
	}
	switch {
	case len(filters) == 0 && all:
		return everything
	case len(filters) == 0:
		return nothing
	case all:
		return "(" + strings.Join(filters, " ") + ")"
	}
	return "(" + strings.Join(filters, " or ") + ")"
}

// comparison is a filter that holds for at least all records for which c does; exact means that it holds for no others.
func comparison(c *audit.Comparison) (filter string, exact bool) {
	attribute, sent := attributes[c.Field]
	name := quoted(attribute) + ":"
	switch {
	case c.Op == "~": // LogsQL may read the regular expression differently from Go
	case sent && c.Equal != nil:
		values := make([]string, len(c.Equal))
		exact = true
		for i, v := range c.Equal {
			values[i] = name + "=" + quoted(v)
			exact = exact && !numeric(v)
		}
		slices.Sort(values)
		// An empty attribute is not sent, like a field that is not set.
		return "(" + strings.Join(slices.Compact(values), " or ") + ")", exact
	case sent && c.Tail != "":
		return name + "~" + quoted(regexp.QuoteMeta(c.Tail)+"$"), false
	case sent && c.Prefix.IsValid():
		if c.Prefix.Addr().Is4() {
			return name + "ipv4_range(" + quoted(c.Prefix.String()) + ")", false
		}
	case sent && isNumber(c.Field):
		return number(name, c)
	case c.Field == "ts":
		return recordTime(c), false
	}
	return inLine(c.Line), false
}

// numeric reports whether VictoriaLogs may keep v as a number, an IPv4 address or a time. It does where a block of records has more than
// eight values of an attribute, and all of them are such: "1.10" and "1.1" are one then, and so are "3.00" and "3", "1_0" and "10",
// "10.0.0.01" and "10.0.0.1" (v1.52.2, lib/logstorage/values_encoder.go).
func numeric(v string) bool {
	const digits = "0123456789"
	return strings.ContainsAny(v, digits) && !strings.ContainsFunc(v, func(r rune) bool {
		return !strings.ContainsRune(digits+"+-._: eEtTzZ", r)
	})
}

func isNumber(field string) bool {
	switch field {
	case "client_port", "port", "status", "seq", "bytes_out", "bytes_in", "dur_ms", "count":
		return true
	}
	return false
}

// number is a comparison of an attribute that is not sent if it is 0.
func number(name string, c *audit.Comparison) (filter string, exact bool) {
	if c.Number >= exactNumbers {
		return everything, false
	}
	filter = name + c.Op + strconv.FormatUint(c.Number, 10)
	zero := c.Op == "=" && c.Number == 0 || c.Op == "<" && c.Number > 0 || c.Op == "<=" || c.Op == ">=" && c.Number == 0
	switch {
	case zero:
		filter = "(" + filter + " or " + name + `="")`
	case c.Op == ">", c.Op == ">=": // a number that exceeds the signed attribute is sent as a negative number
		filter = "(" + filter + " or " + name + "<0)"
	}
	return filter, false
}

// recordTime compares the time of a record, in whole milliseconds; VictoriaLogs has the same time.
func recordTime(c *audit.Comparison) string {
	const layout = "2006-01-02T15:04:05.000000000Z"
	if c.Time.Year() < 1700 || c.Time.Year() > 2250 {
		return everything
	}
	early, late := c.Time.UTC().Add(-time.Millisecond).Format(layout), c.Time.UTC().Add(time.Millisecond).Format(layout)
	switch c.Op {
	case "<", "<=":
		return "_time:<" + late
	case ">", ">=":
		return "_time:>" + early
	}
	return "_time:[" + early + "," + late + "]"
}

// inLine is a filter for lines with one of texts. LogsQL finds them as phrases, which end at the ends of words: it cannot search for a text that
// ends within a word.
func inLine(texts []string) string {
	if len(texts) == 0 {
		return everything
	}
	var filters []string
	for _, text := range texts {
		if text == "" || isWord(text[0]) {
			return everything
		}
		f := quoted(text)
		if isWord(text[len(text)-1]) {
			f += "*"
		}
		filters = append(filters, "_msg:"+f)
	}
	return "(" + strings.Join(filters, " or ") + ")"
}

// isWord reports whether LogsQL counts c among the letters of a word. Texts that Line has are ASCII.
func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c >= 0x80
}
