package firewall

import (
	"net/netip"
	"slices"
)

// notPublic are the IPv4 addresses that are not on the internet: private, shared, loopback, link-local, multicast and
// reserved ones (RFC 6890).
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
}

// publicBut are the ranges of public IPv4 and global IPv6 addresses (2000::/3) without those of keep, as "from-to".
func publicBut(keep []netip.Prefix) []string {
	ranges := complement(slices.Concat(notPublic, keep), netip.MustParsePrefix("0.0.0.0/0"))
	return append(ranges, complement(keep, netip.MustParsePrefix("2000::/3"))...)
}

// complement are the ranges of within that no prefix of out covers.
func complement(out []netip.Prefix, within netip.Prefix) []string {
	out = slices.DeleteFunc(slices.Clone(out), func(p netip.Prefix) bool { return !within.Overlaps(p) })
	slices.SortFunc(out, func(a, b netip.Prefix) int { return a.Masked().Addr().Compare(b.Masked().Addr()) })
	next, end := within.Masked().Addr(), last(within)
	var ranges []string
	for _, p := range out {
		from, to := p.Masked().Addr(), last(p)
		if next.IsValid() && next.Less(from) {
			ranges = append(ranges, next.String()+"-"+from.Prev().String())
		}
		if !next.IsValid() || next.Compare(to) <= 0 {
			next = to.Next() // not valid after the highest address
		}
		if !next.IsValid() {
			return ranges
		}
	}
	if next.Compare(end) <= 0 {
		ranges = append(ranges, next.String()+"-"+end.String())
	}
	return ranges
}

// last is the highest address of p.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
