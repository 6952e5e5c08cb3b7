//go:build !windows

package egress

import (
	"net/netip"
	"strings"

	"webproxy/internal/smallfile"
)

// systemDNS has nothing to tell: package net reads all that there is.
func systemDNS() ([]dnsAdapter, int) { return nil, 0 }

// systemServer is the server to ask instead of one that package net found.
func systemServer(found string, _ int) string { return found }

// systemServers are the DNS servers that package net asks, as resolv.conf(5) names them.
func systemServers() []netip.Addr {
	data, err := smallfile.Read("/etc/resolv.conf", 1<<16)
	if err != nil {
		return nil
	}
	return parseResolvConf(string(data))
}

// parseResolvConf returns the servers that a resolv.conf names: three at most, as package net takes them, and this machine's own if it
// names none.
func parseResolvConf(text string) []netip.Addr {
	const most = 3
	var servers []netip.Addr
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" && len(servers) < most {
			if a, err := netip.ParseAddr(f[1]); err == nil {
				servers = append(servers, a)
			}
		}
	}
	if len(servers) == 0 {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	return servers
}
