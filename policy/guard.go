package policy

import (
	"net/netip"
)

// An addrKind is how the guards treat an address.
type addrKind uint8

const (
	addrPublic    addrKind = iota
	addrPrivate            // a rule with private: allow may name hosts there
	addrForbidden          // no rule may
)

// guardTable is what is not public. Longest prefix wins. Sources: the IANA special-purpose address
// registries (RFC 6890 and its updates), and the clouds' documents for the metadata addresses.
var guardTable = []struct {
	prefix string
	kind   addrKind
}{
	{"0.0.0.0/8", addrForbidden},          // this host
	{"10.0.0.0/8", addrPrivate},           // RFC 1918
	{"100.64.0.0/10", addrPrivate},        // shared address space, RFC 6598
	{"100.100.100.200/32", addrForbidden}, // metadata (Alibaba)
	{"127.0.0.0/8", addrPrivate},          // loopback
	{"168.63.129.16/32", addrForbidden},   // Azure's host agent: a public address that never leaves the host
	{"169.254.0.0/16", addrForbidden},     // link-local, with the metadata services
	{"172.16.0.0/12", addrPrivate},        // RFC 1918
	{"192.0.0.0/24", addrForbidden},       // protocol assignments; metadata (Oracle)
	{"192.0.2.0/24", addrForbidden},       // documentation
	{"192.88.99.0/24", addrForbidden},     // 6to4 relays, deprecated
	{"192.168.0.0/16", addrPrivate},       // RFC 1918
	{"198.18.0.0/15", addrPrivate},        // benchmarking
	{"198.51.100.0/24", addrForbidden},    // documentation
	{"203.0.113.0/24", addrForbidden},     // documentation
	{"224.0.0.0/4", addrForbidden},        // multicast
	{"240.0.0.0/4", addrForbidden},        // reserved, and broadcast
	{"::/96", addrForbidden},              // unspecified, IPv4-compatible
	{"::1/128", addrPrivate},              // loopback
	{"64:ff9b:1::/48", addrForbidden},     // local NAT64: where it leads is unknown, unless nat64 is set
	{"100::/64", addrForbidden},           // discard
	{"2001::/32", addrForbidden},          // Teredo
	{"2001:db8::/32", addrForbidden},      // documentation
	{"3fff::/20", addrForbidden},          // documentation
	{"5f00::/16", addrForbidden},          // segment routing
	{"fc00::/7", addrPrivate},             // RFC 4193
	{"fd00:ec2::254/128", addrForbidden},  // metadata (AWS)
	{"fd20:ce::254/128", addrForbidden},   // metadata (Google)
	{"fe80::/10", addrForbidden},          // link-local
	{"fec0::/10", addrForbidden},          // site-local, deprecated
	{"ff00::/8", addrForbidden},           // multicast
	{"::ffff:0:0:0/96", addrForbidden},    // IPv4-translated
	{"fd00:42::42/128", addrForbidden},    // metadata (Scaleway)
	{"2001:20::/28", addrForbidden},       // ORCHIDv2
	{"2001:2::/48", addrForbidden},        // benchmarking
}

// classify returns the kind of addr. An address that contains an IPv4 address is of the kind of that one.
func (s *Set) classify(addr netip.Addr) addrKind {
	addr = addr.Unmap()
	inner, own := s.inner(addr)
	kind := addrPublic
	if !own {
		kind, _ = s.guards.Lookup(addr)
	}
	for _, v4 := range inner {
		if v4.IsValid() {
			of, _ := s.guards.Lookup(v4)
			kind = max(kind, of)
		}
	}
	return kind
}

// guardAddr refuses what no rule and no mode can allow: the proxy itself, and addresses that are not public, unless
// private says that a rule allows the private ones.
func guardAddr(s *Set, addr netip.AddrPort, private bool) Reason {
	if s == nil || !addr.IsValid() {
		return PrivateAddress
	}
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	if s.isSelf(addr) {
		return Loop
	}
	if addr.Addr().Zone() != "" {
		return PrivateAddress
	}
	if s.isDenied(addr.Addr()) {
		return NetworkDenied
	}
	switch s.classify(addr.Addr()) {
	case addrPublic:
		return reasonUnset
	case addrPrivate:
		if private {
			return reasonUnset
		}
	}
	return PrivateAddress
}
