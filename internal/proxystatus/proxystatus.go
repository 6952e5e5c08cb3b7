package proxystatus

import (
	"slices"
	"strconv"
	"strings"
)

// A Member is what one proxy says in a Proxy-Status field.
type Member struct {
	Proxy    string // a token
	Error    string // the proxy error type
	NextHop  string // the server that it is about; empty if none is named
	Received int    // the status code that the next hop sent; 0 if it is not told
	Details  string // in plain words
}

// String is m as it stands in the field.
func (m *Member) String() string {
	s := m.Proxy + "; error=" + m.Error
	if m.NextHop != "" {
		s += "; next-hop=" + Quote(m.NextHop)
	}
	if m.Received != 0 {
		s += "; received-status=" + strconv.Itoa(m.Received)
	}
	return s + "; details=" + Quote(m.Details)
}

// Quote writes s as a String of RFC 9651 (formerly 8941), 4.1.6.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ' && c < 0x7f:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Without returns the members of a Proxy-Status field of which proxy does not claim to be the author, be it as a
// token or as a string. If a string in the field has no end, it has no meaning (RFC 9651, 4.2), but may still be taken to
// have one: nothing is left of it.
func Without(field []string, proxy string) []string {
	members, ok := splitList(strings.Join(field, ", "))
	if !ok {
		return nil
	}
	return slices.DeleteFunc(members, func(member string) bool {
		name, _, _ := strings.Cut(member, ";")
		name = strings.ReplaceAll(strings.Trim(name, " \t\""), `\`, "")
		return strings.EqualFold(name, proxy)
	})
}

// HasError reports whether a proxy on the way says that there was an error of a type that begins with prefix.
func HasError(field []string, prefix string) bool {
	return slices.ContainsFunc(field, func(v string) bool { return strings.Contains(v, "error="+prefix) })
}

// splitList splits a List of RFC 9651 at the commas outside of strings. It reports false if a string in it
// has no end.
func splitList(s string) (members []string, ok bool) {
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			members = append(members, strings.Trim(s[start:i], " \t"))
			start = i + 1
		}
	}
	return append(members, strings.Trim(s[start:], " \t")), !quoted
}
