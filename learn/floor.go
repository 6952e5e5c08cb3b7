package learn

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"webproxy/catalog"
	"webproxy/policy"
)

// floor says why "*.domain" must not be proposed; empty if it may.
func floor(domain string) string {
	if shared, ok := catalog.SharedUnder(domain); ok {
		if shared.Above {
			return fmt.Sprintf("contains %s, where every %s has a name", shared.Suffix, shared.What)
		}
		return fmt.Sprintf("every %s has a name below %s", shared.What, shared.Suffix)
	}
	switch registrable := catalog.Registrable(domain); registrable {
	case "":
		return "a public suffix"
	case domain:
		return "a whole domain as it was registered"
	}
	return ""
}

// tooWide is floor of a pattern; empty for an exact name. A pattern with stars inside labels may only be proposed as a
// built-in list has it.
func tooWide(p policy.Pattern) string {
	if !p.IsWildcard() || inLabel(p) && catalog.HasHost(p.String()) {
		return ""
	}
	return floor(p.Tail())
}

// owner describes the names beside host, if they do not all belong to one owner: then host belongs to one customer of
// a provider, and its name does not show whether that customer is trusted.
func owner(host string) string {
	if what := catalog.Receiver(host); what != "" {
		return fmt.Sprintf("a %s: it exists to receive what anybody sends it", what)
	}
	if what := catalog.SharedHost(host); what != "" {
		return fmt.Sprintf("every %s is at %s, told apart by path alone", what, host)
	}
	for at := parent(host); at != ""; at = parent(at) {
		if shared, ok := catalog.SharedUnder(at); ok && !shared.Above && strings.Contains(at, ".") && shared.Suffix != "" {
			return fmt.Sprintf("one of many: every %s has a name below %s", shared.What, shared.Suffix)
		}
	}
	return ""
}

// parent is host without its first label; empty if nothing is left.
func parent(host string) string {
	_, rest, _ := strings.Cut(host, ".")
	return rest
}

// hostPort is e as an authority.
func (e Endpoint) hostPort() string { return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port))) }

// entryText is the list entry that admits host, a name or a pattern, on one port by CONNECT or by plain HTTP.
func entryText(host string, port uint16, scheme policy.Scheme) string {
	if scheme == policy.HTTP {
		if port == 80 {
			return "http://" + host
		}
		return fmt.Sprintf("http://%s:%d", host, port)
	}
	if port == 80 { // without a scheme it would admit plain HTTP too
		return fmt.Sprintf("https://%s:%d", host, port)
	}
	return fmt.Sprintf("%s:%d", host, port)
}
