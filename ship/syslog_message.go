package ship

import (
	"strconv"
	"strings"
)

// A syslogFormat turns items into syslog messages.
type syslogFormat struct {
	facility Facility
	host     string // a HOSTNAME of RFC 5424
	limit    int    // of a message, in bytes
}

func newSyslogFormat(r *ReceiverSpec, host string) syslogFormat {
	limit := r.MaxMessage
	if limit == 0 {
		limit = DefaultMaxMessage
	}
	return syslogFormat{r.Facility, headerField(host, 255), int(limit)}
}

// syslogTime is a TIMESTAMP of RFC 5424, in UTC.
const syslogTime = "2006-01-02T15:04:05.000Z"

// append appends i as a message with its length before it (RFC 6587, 3.4.1; RFC 5425, 4.3):
//
//	265 <134>1 2026-11-24T07:01:49.123Z proxy1 webproxy - egress.decision - {"v":1,...}
//
// The text is JSON in UTF-8, without the byte order mark of RFC 5424: parsers of JSON do not accept it.
func (f *syslogFormat) append(b []byte, i *item) ([]byte, error) {
	r := &i.record
	head := "<" + strconv.Itoa(8*f.facility.code()+int(severityOf(r))) + ">1 " + r.Time.UTC().Format(syslogTime) + " " + f.host +
		" webproxy - " + headerField(string(r.Type), 32) + " - "
	text := i.line
	if len(head)+len(text) > f.limit && i.checkpoint == nil {
		var err error
		if text, err = shorten(*r, f.limit-len(head)); err != nil {
			return b, err
		}
	}
	b = strconv.AppendInt(b, int64(len(head)+len(text)), 10)
	b = append(b, ' ')
	b = append(b, head...)
	return append(b, text...), nil
}

// headerField makes s a field of a message's header: printable ASCII without spaces, or "-" for nothing.
func headerField(s string, limit int) string {
	s = strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), limit)]
}
