package policy

import (
	"fmt"
	"net/netip"
	"slices"
)

// compileNetworks compiles deny_networks and nat64.
func (c *compiler) compileNetworks(spec *Spec) {
	for i, s := range spec.DenyNetworks {
		p, err := parseNetwork(s)
		if err != nil {
			c.failAt(fmt.Sprintf("deny_networks[%d]", i), err.Error(), `write "10.20.0.0/16", or one address`)
			continue
		}
		c.set.denied.Insert(p)
	}
	for i, s := range spec.NAT64 {
		p, err := netip.ParsePrefix(s)
		if err != nil || p.Masked() != p || !p.Addr().Is6() || p.Addr().Is4In6() || !slices.Contains(nat64Lengths[:], p.Bits()) {
			c.failAt(fmt.Sprintf("nat64[%d]", i), fmt.Sprintf("%q is not the prefix of a NAT64", s),
				`write "2001:db8:64::/96"; the lengths are 32, 40, 48, 56, 64 and 96 (RFC 6052)`)
			continue
		}
		c.set.nat64 = append(c.set.nat64, p)
	}
}

// nat64Lengths are the lengths that the prefix of a NAT64 may have (RFC 6052, 2.2).
var nat64Lengths = [...]int{32, 40, 48, 56, 64, 96}

// parseNetwork reads a network, or an address.
func parseNetwork(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is not a network", s)
	case p.Masked() != p:
		return netip.Prefix{}, fmt.Errorf("%q has bits set after its prefix length; the network is %s", s, p.Masked())
	}
	return p, nil
}

// isDenied reports whether addr, or an address that it leads to, is in deny_networks.
func (s *Set) isDenied(addr netip.Addr) bool {
	if s.denied.Size() == 0 {
		return false
	}
	if s.denied.Contains(addr) {
		return true
	}
	inner, _ := s.inner(addr)
	for _, v4 := range inner {
		if v4.IsValid() && s.denied.Contains(v4) {
			return true
		}
	}
	return false
}

// inner returns the IPv4 addresses that an IPv6 address leads to, each of them valid or zero: by NAT64 (RFC 6052),
// 6to4 (RFC 3056) or ISATAP (RFC 5214, 6.1). own is set if it is in one of the operator's NAT64 prefixes: then it
// leads nowhere else.
func (s *Set) inner(addr netip.Addr) (inner [2]netip.Addr, own bool) {
	if !addr.Is6() {
		return inner, false
	}
	b := addr.As16()
	for _, p := range s.nat64 {
		if p.Contains(addr) {
			return [2]netip.Addr{nat64Inner(b, p.Bits())}, true
		}
	}
	switch {
	case [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b}:
		inner[0] = nat64Inner(b, 96)
	case b[0] == 0x20 && b[1] == 0x02:
		inner[0] = netip.AddrFrom4([4]byte(b[2:6]))
	}
	// The bit that differs says whether the IPv4 address is globally unique.
	if b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe {
		inner[1] = netip.AddrFrom4([4]byte(b[12:]))
	}
	return inner, false
}

// nat64Inner is the IPv4 address after a prefix of bits bits, without the ninth byte (RFC 6052, 2.2).
func nat64Inner(b [16]byte, bits int) netip.Addr {
	var v4 [4]byte
	at := bits / 8
	for i := range v4 {
		if at == 8 {
			at++
		}
		v4[i] = b[at]
		at++
	}
	return netip.AddrFrom4(v4)
}

// denyFor returns the deny on addr, or on an address that it leads to, that matches the request that d decided by
// name; nil if there is none.
func (d *Decision) denyFor(addr netip.Addr) *entry {
	s := d.set
	if !s.addrDenies {
		return nil
	}
	req := Request{Time: d.asked.time, Method: d.asked.method, Target: d.Target, Path: d.asked.path, Query: d.asked.query}
	inner, _ := s.inner(addr)
	for _, a := range [...]netip.Addr{addr, inner[0], inner[1]} {
		if !a.IsValid() {
			continue
		}
		for n := s.index.addrs[a]; n != 0; n = s.entries[n-1].next {
			if e := &s.entries[n-1]; e.block.deny && e.fails(&req, d.asked.group) == reasonUnset && !(e.waits(&req) && e.decidedInside(&req)) {
				return e
			}
		}
	}
	return nil
}
