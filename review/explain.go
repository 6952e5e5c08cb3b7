package review

import (
	"fmt"
	"net/netip"
	"strings"

	"webproxy/policy"
)

// ClientAddr returns an address for client, which is an address, the name of a client group, or empty: this machine, or if that
// is in no group, a client of the first group.
func ClientAddr(set *policy.Set, client string) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(client); err == nil {
		return addr, nil
	}
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	groups := set.Groups()
	if client == "" && (set.GroupOf(loopback) != "" || len(groups) == 0) {
		return loopback, nil
	}
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name
		if client != "" && g.Name != client {
			continue
		}
		for _, p := range g.Prefixes {
			if addr, ok := addrIn(set, p, g.Name); ok {
				return addr, nil
			}
		}
	}
	return netip.Addr{}, fmt.Errorf("client %q: neither an address nor one of the groups %s", client, strings.Join(names, ", "))
}

// addrIn finds an address of p that is in the group: parts of p may be in other groups.
func addrIn(set *policy.Set, p netip.Prefix, group string) (netip.Addr, bool) {
	addr := p.Addr()
	for range 256 {
		if set.GroupOf(addr) == group {
			return addr, true
		}
		if addr = addr.Next(); !p.Contains(addr) {
			break
		}
	}
	return netip.Addr{}, false
}

// ExplainText is an explanation for people; remedies and listed are from Remedies and ListedIn.
func ExplainText(x *policy.Explanation, req *policy.Request, remedies []Remedy, listed []string) string {
	var b strings.Builder
	group := x.Group
	if group == "" {
		group = "in no group"
	}
	fmt.Fprintf(&b, "%s  %s (%s)  %s %s%s   policy %s\n", headline(x), req.Client, group,
		req.Method, x.Target.HostPort(), req.Path, ShortDigest(x.Policy()))
	fmt.Fprintf(&b, " reason  %s: %s\n", x.Reason, x.Why)
	b.WriteString(AdviceText(x, remedies, listed))
	return b.String()
}

func headline(x *policy.Explanation) string {
	switch x.Outcome() {
	case policy.Allowed:
		return "ALLOWED"
	case policy.WouldDeny:
		return "LET THROUGH (learn mode; would be denied)"
	}
	return "DENIED"
}
