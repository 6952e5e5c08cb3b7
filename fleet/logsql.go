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
	// filterLimit bounds a filter: VictoriaLogs takes queries of 16 KiB unless it is told otherwise.
	filterLimit = 12 << 10
	// exactNumbers are those below, which LogsQL compares exactly: it takes all for floating point.
	exactNumbers = 1 << 53
)

// attributes are the fields of a record that package ship sends as attributes, by field: what LogsQL can look for without
// reading the line. An attribute that is missing is an empty text, or the number 0. The site is not among them: as an attribute it is
// who delivered a record, also one of a time when the site had another name.
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

// Filter is a filter of LogsQL that holds for every record of the log that q matches, and perhaps for others: what it lets
// through must be evaluated by q.
func Filter(q *audit.Query) string {
	filter := superset(q.Condition(), true)
	if len(filter) > filterLimit {
		return everything
	}
	return filter
}

// superset is a filter that holds for every record for which c is want.
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

// join is a filter that holds for every record for which all of parts, or else one of them, are want.
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

// comparison is a filter that holds for every record for which c does; exact says that it holds for no other.
func comparison(c *audit.Comparison) (filter string, exact bool) {
	attribute, sent := attributes[c.Field]
	name := quoted(attribute) + ":"
	switch {
	case c.Op == "~": // what LogsQL takes for a regular expression need not be what Go does
	case sent && c.Equal != nil:
		values := make([]string, len(c.Equal))
		for i, v := range c.Equal {
			values[i] = name + "=" + quoted(v)
		}
		slices.Sort(values)
		// An attribute is left out if it is empty, as a field that is not set is.
		return "(" + strings.Join(slices.Compact(values), " or ") + ")", true
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

func isNumber(field string) bool {
	switch field {
	case "client_port", "port", "status", "seq", "bytes_out", "bytes_in", "dur_ms", "count":
		return true
	}
	return false
}

// number is a comparison of an attribute that is left out if it is 0.
func number(name string, c *audit.Comparison) (filter string, exact bool) {
	if c.Number >= exactNumbers {
		return everything, false
	}
	filter = name + c.Op + strconv.FormatUint(c.Number, 10)
	zero := c.Op == "=" && c.Number == 0 || c.Op == "<" && c.Number > 0 || c.Op == "<=" || c.Op == ">=" && c.Number == 0
	switch {
	case zero:
		filter = "(" + filter + " or " + name + `="")`
	case c.Op == ">", c.Op == ">=": // one that does not fit an attribute, which has a sign, is sent as a negative number
		filter = "(" + filter + " or " + name + "<0)"
	}
	return filter, false
}

// recordTime compares the time of a record, in whole milliseconds, which is that of VictoriaLogs too.
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

// inLine is a filter for lines with one of texts. They are found as phrases, which end where words do: a text that ends within a
// word cannot be asked for.
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
