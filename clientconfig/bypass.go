package clientconfig

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// maxWildcards bounds how many entries one subnet may become, so that a person can check the list.
const maxWildcards = 16

// windowsAlways are the entries of every bypass list of Windows.
var windowsAlways = []string{"localhost", "127.0.0.1"}

// envAlways are the entries that NO_PROXY must have for Azure Arc and AKS, in Microsoft's order.
var envAlways = []string{
	"localhost", "127.0.0.1", ".svc", "kubernetes.default.svc", ".svc.cluster.local", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
}

// Bypass is the bypass list of WinINet and WinHTTP: separated by commas, with stars, without prefixes.
func (p *Plan) Bypass() []string {
	list := slices.Clone(windowsAlways)
	for _, d := range p.domains {
		list = addNew(list, "*."+d)
	}
	list = p.addUncovered(list, p.nodes, coversWindows)
	for _, s := range p.subnets {
		stars, _ := wildcards(s) // Parse has checked that
		for _, w := range stars {
			list = addNew(list, w)
		}
	}
	list = p.addUncovered(list, p.cluster, coversWindows)
	for _, a := range p.addrs {
		list = p.addUncovered(list, []string{a.String()}, coversWindows)
	}
	return p.addUncovered(list, p.private, coversWindows)
}

// NoProxy is the value of NO_PROXY: separated by commas, with prefixes and leading dots, without stars.
func (p *Plan) NoProxy() []string {
	list := slices.Clone(envAlways)
	for _, d := range p.domains {
		list = addNew(list, "."+d)
	}
	list = p.addUncovered(list, p.nodes, coversEnv)
	list = p.addUncovered(list, p.cluster, coversEnv)
	for _, s := range p.subnets {
		list = p.addUncovered(list, []string{s.String()}, coversEnv)
	}
	for _, a := range p.addrs {
		list = p.addUncovered(list, []string{a.String()}, coversEnv)
	}
	return p.addUncovered(list, p.private, coversEnv)
}

// addUncovered appends those of items that nothing in list covers.
func (p *Plan) addUncovered(list, items []string, covers func(entry, item string) bool) []string {
	for _, item := range items {
		if !slices.ContainsFunc(list, func(entry string) bool { return covers(entry, item) }) {
			list = append(list, item)
		}
	}
	return list
}

// wildcards writes an IPv4 prefix as patterns with stars for whole octets. A prefix that ends inside an octet becomes several.
func wildcards(p netip.Prefix) ([]string, error) {
	bits := p.Bits()
	octets := (bits + 7) / 8
	n := 1 << (octets*8 - bits)
	if octets == 0 || n > maxWildcards {
		return nil, fmt.Errorf("%s: * stands for whole octets, so it would take %d entries", p, n)
	}
	from := p.Masked().Addr().As4()
	all := make([]string, 0, n)
	for i := range n {
		parts := make([]string, 0, 5)
		for o := range octets {
			v := int(from[o])
			if o == octets-1 {
				v += i
			}
			parts = append(parts, fmt.Sprint(v))
		}
		if octets < 4 {
			parts = append(parts, "*")
		}
		all = append(all, strings.Join(parts, "."))
	}
	return all, nil
}

// subnetHint is the hint for a prefix that needs too many wildcards.
func subnetHint(p netip.Prefix) string {
	if p.Bits() == 0 {
		return "name the networks of the site"
	}
	wider := netip.PrefixFrom(p.Addr(), p.Bits()/8*8).Masked()
	if p.Bits() < 8 {
		return "name the networks of the site"
	}
	return fmt.Sprintf("name %s if all of it may be reached without the proxy, or the addresses of the nodes: --node node1=%s", wider, p.Masked().Addr().Next())
}

// starPrefix reads "192.168.1.*", "192.168.*" and "192.168.*.*" as prefixes.
func starPrefix(s string) (netip.Prefix, bool) {
	parts := strings.Split(s, ".")
	fixed := slices.Index(parts, "*")
	if fixed < 1 || fixed > 3 || len(parts) > 4 {
		return netip.Prefix{}, false
	}
	for _, rest := range parts[fixed:] {
		if rest != "*" {
			return netip.Prefix{}, false
		}
	}
	addr, err := netip.ParseAddr(strings.Join(parts[:fixed], ".") + strings.Repeat(".0", 4-fixed))
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(addr, fixed*8), true
}

// network is the prefix that an entry of either grammar stands for.
func network(s string) (netip.Prefix, bool) {
	if p, ok := starPrefix(s); ok {
		return p, true
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}

// coversWindows reports whether entry, in a list of Windows, covers item.
func coversWindows(entry, item string) bool {
	if domain, ok := strings.CutPrefix(entry, "*."); ok {
		return strings.EqualFold(entry, item) || hasSuffixFold(item, "."+domain)
	}
	return coversAlike(entry, item)
}

// coversEnv is coversWindows for NO_PROXY.
func coversEnv(entry, item string) bool {
	if strings.HasPrefix(entry, ".") {
		return strings.EqualFold(entry, item) || hasSuffixFold(item, entry)
	}
	return coversAlike(entry, item)
}

func coversAlike(entry, item string) bool {
	if strings.EqualFold(entry, item) {
		return true
	}
	wide, ok := network(entry)
	narrow, ok2 := network(item)
	return ok && ok2 && wide.Bits() <= narrow.Bits() && wide.Contains(narrow.Addr())
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) > len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}
