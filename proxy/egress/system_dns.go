package egress

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// A dnsAdapter is a network adapter that is up, as far as it matters for DNS.
type dnsAdapter struct {
	name    string
	gateway bool // it has a default gateway
	servers []netip.Addr
}

// pickServers returns the DNS servers of adapters with a default gateway, as package net asks on Windows, and if
// those have none, the servers of all others. unasked are the adapters whose servers are not asked.
func pickServers(adapters []dnsAdapter) (servers []netip.Addr, unasked []dnsAdapter) {
	var others []netip.Addr
	for _, a := range adapters {
		switch {
		case a.gateway:
			servers = append(servers, a.servers...)
		case len(a.servers) > 0:
			others = append(others, a.servers...)
			unasked = append(unasked, a)
		}
	}
	if len(servers) == 0 {
		return others, nil
	}
	unasked = slices.DeleteFunc(unasked, func(a dnsAdapter) bool { // one may be named by several adapters
		return !slices.ContainsFunc(a.servers, func(s netip.Addr) bool { return !slices.Contains(servers, s) })
	})
	return servers, unasked
}

// Servers are the DNS servers that are asked for names, host:port: Resolver, or else those of this system. They are empty if the system does
// not say. It asks the system, not the network.
func (o Options) Servers() []string {
	if o.Resolver != "" {
		return []string{o.Resolver}
	}
	var all []string
	for _, a := range systemServers() {
		if s := netip.AddrPortFrom(a, 53).String(); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// SystemDNSWarnings says which DNS servers and rules of the system are ignored while Options.Resolver is empty. There
// are none but on Windows. It asks the system, not the network.
func SystemDNSWarnings() []string {
	adapters, rules := systemDNS()
	return dnsWarnings(adapters, rules)
}

func dnsWarnings(adapters []dnsAdapter, rules int) []string {
	var all []string
	_, unasked := pickServers(adapters)
	for _, a := range unasked {
		var servers []string
		for _, s := range a.servers {
			servers = append(servers, s.String())
		}
		all = append(all, fmt.Sprintf("the DNS servers of the adapter %q (%s) are not asked: it has no default gateway, and another adapter has",
			a.name, strings.Join(servers, ", ")))
	}
	if rules > 0 {
		all = append(all, fmt.Sprintf("the name resolution policy table of this system is not obeyed; it has %d rules", rules))
	}
	return all
}
