package proxy

import (
	"net/http"
	"strings"
)

// stripOurName removes from an answer of an origin's what would make it look like one of this proxy's own:
// by Proxy-Status and Server, clients and operators tell a denial from the origin's words. What other
// proxies on the way say in Proxy-Status stays (RFC 9209, 2).
func stripOurName(h http.Header) {
	if v := h["Server"]; len(v) == 1 && strings.EqualFold(strings.Trim(v[0], " \t"), serverName) {
		delete(h, "Server")
	}
	v, ok := h["Proxy-Status"]
	if !ok {
		return
	}
	members, ok := splitList(strings.Join(v, ", "))
	if !ok { // it has no meaning (RFC 9651, 4.2), but may still be taken to have one
		delete(h, "Proxy-Status")
		return
	}
	kept := make([]string, 0, len(members))
	for _, m := range members {
		if !namesUs(m) {
			kept = append(kept, m)
		}
	}
	if len(kept) == 0 {
		delete(h, "Proxy-Status")
		return
	}
	h["Proxy-Status"] = []string{strings.Join(kept, ", ")}
}

// namesUs reports whether a member of Proxy-Status is said in this proxy's name, be it as a token or as
// a string.
func namesUs(member string) bool {
	name, _, _ := strings.Cut(member, ";")
	name = strings.ReplaceAll(strings.Trim(name, " \t\""), `\`, "")
	return strings.EqualFold(name, serverName)
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
