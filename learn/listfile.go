package learn

import (
	"bytes"
	"slices"
	"strings"

	"webproxy/policy"
)

// AppendLines returns a copy of the content of a list file with lines appended. Every byte of data is kept, and the new
// lines end as those of the file do.
func AppendLines(data []byte, lines []string) []byte {
	end := "\n"
	if i := bytes.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		end = "\r\n"
	}
	out := bytes.Clone(data)
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, end...)
	}
	for _, l := range lines {
		out = append(out, l...)
		out = append(out, end...)
	}
	return out
}

// HasLine reports whether a list file has an entry that admits the same as line does, for at least as long. Who approved it
// and why is not compared.
func HasLine(data []byte, line string) bool {
	want, err := policy.ParseEntry(line)
	if err != nil {
		return false
	}
	place := conditions(want)
	for text := range strings.Lines(string(data)) {
		have, err := policy.ParseEntry(strings.TrimRight(text, "\r\n"))
		if err != nil || have.Host == (policy.Pattern{}) || conditions(have) != place {
			continue
		}
		if have.Expires.IsZero() || !want.Expires.IsZero() && !have.Expires.Time().Before(want.Expires.Time()) {
			return true
		}
	}
	return false
}

// conditions is equal for entries that differ only in their end and in their remarks.
func conditions(e policy.Entry) string {
	if len(e.Ports) == 0 {
		e.Ports = []uint16{e.Scheme.DefaultPort()}
	}
	if e.Scheme == policy.SchemeNone && !slices.Contains(e.Ports, 80) {
		e.Scheme = policy.HTTPS // on port 80 it would be both
	}
	e.ID, e.Tag, e.By, e.Reason, e.Source, e.Expires = "", "", "", "", "", policy.Expiry{}
	return e.String()
}
