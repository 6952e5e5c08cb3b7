package export

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"webproxy/audit"
)

// appendSquid appends r in Squid's native format of access.log:
//
//	time elapsed client code/status bytes method URL user hierarchy/address type
func appendSquid(b []byte, r *audit.Record) []byte {
	at := r.Time.UnixMilli()
	b = fmt.Appendf(b, "%d.%03d %6d ", at/1000, at%1000, audit.Milliseconds(r.Duration))
	b = appendWord(b, audit.AddrText(r.Client))
	code, hierarchy := "TCP_DENIED", "HIER_NONE/-"
	switch {
	case !permitted(r):
	case r.Method == http.MethodConnect:
		code = "TCP_TUNNEL"
	default:
		code = "TCP_MISS"
	}
	if r.DstIP.IsValid() {
		hierarchy = "HIER_DIRECT/" + r.DstIP.String()
	}
	b = fmt.Appendf(b, " %s/%03d %d ", code, r.Status, r.BytesIn)
	b = appendWord(b, cmp.Or(r.Method, "NONE"))
	b = append(b, ' ')
	switch {
	case r.Host == "": // as Squid has it
		b = append(b, urlOrError(r)...)
	case r.Method == http.MethodConnect:
		b = appendWord(b, hostPort(r))
	default:
		b = appendWord(b, urlOf(r))
	}
	b = append(b, " - "...)
	b = append(b, hierarchy...)
	return append(b, " -\n"...)
}

// w3cHead begins a W3C extended log file. Fields beginning with x- are ours.
const w3cHead = "#Version: 1.0\n#Software: webproxy\n" +
	"#Fields: date time time-taken c-ip c-port cs-method cs-uri-scheme r-host r-port r-ip cs-uri-stem sc-status " +
	"cs-bytes sc-bytes x-decision x-reason x-rule x-group x-id x-count\n"

// appendW3C appends r as a line of a W3C extended log file; time-taken is in seconds.
func appendW3C(b []byte, r *audit.Record) []byte {
	b = r.Time.UTC().AppendFormat(b, "2006-01-02 15:04:05 ")
	ms := audit.Milliseconds(r.Duration)
	b = fmt.Appendf(b, "%d.%03d", ms/1000, ms%1000)
	for _, word := range []string{
		audit.AddrText(r.Client), positive(int64(r.ClientPort)), r.Method, r.Scheme, r.Host, positive(int64(r.Port)), audit.AddrText(r.DstIP), r.Path,
		positive(int64(r.Status)), strconv.FormatInt(r.BytesOut, 10), strconv.FormatInt(r.BytesIn, 10),
		string(r.Decision), r.Reason, r.Rule, r.Group, r.ID, strconv.FormatInt(max(r.Count, 1), 10),
	} {
		b = append(b, ' ')
		b = appendWord(b, word)
	}
	return append(b, '\n')
}

// positive is n in decimal; empty if it is not above 0.
func positive(n int64) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// appendWord appends s as one word of a line whose fields are separated by spaces: whatever could end the word or the
// line, or be taken for something else, is escaped as in a URL. An empty s is written "-".
func appendWord(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}
