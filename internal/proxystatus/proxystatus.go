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
	NextHop  string // the server that it is about; may be empty
	Received int    // the status code that the next hop sent; 0 if it is not known
	Details  string // for people
}

// String is m as a member of the field.
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

// Without returns the members of a Proxy-Status field that are not by proxy, whose name may be a token or a string. A field with an
// unterminated string is invalid (RFC 9651, 4.2), but others may still accept it: Without returns nil for it.
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

// HasError reports whether the field has an error of a type that begins with prefix.
func HasError(field []string, prefix string) bool {
	return slices.ContainsFunc(field, func(v string) bool { return strings.Contains(v, "error="+prefix) })
}

// splitList splits a List of RFC 9651 at the commas outside of strings. ok is false if a string is not terminated.
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
