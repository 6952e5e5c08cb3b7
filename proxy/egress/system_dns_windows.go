package egress

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// tables are where the rules of the name resolution policy table are, a key for each: those of the group policy, and of this system.
var tables = []string{
	`SOFTWARE\Policies\Microsoft\Windows NT\DNSClient\DnsPolicyConfig`,
	`SYSTEM\CurrentControlSet\Services\Dnscache\Parameters\DnsPolicyConfig`,
}

// systemDNS returns the adapters that are up, with their DNS servers, and the number of rules of the name resolution policy table.
func systemDNS() (adapters []dnsAdapter, rules int) {
	for _, path := range tables {
		if k, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.ENUMERATE_SUB_KEYS|registry.QUERY_VALUE); err == nil {
			if info, err := k.Stat(); err == nil {
				rules += int(info.SubKeyCount)
			}
			k.Close()
		}
	}
	adapters, err := dnsAdapters()
	if err != nil {
		return nil, rules
	}
	return adapters, rules
}

func dnsAdapters() ([]dnsAdapter, error) {
	const flags = windows.GAA_FLAG_INCLUDE_GATEWAYS | windows.GAA_FLAG_SKIP_ANYCAST | windows.GAA_FLAG_SKIP_MULTICAST
	size := uint32(15000) // the initial size that its documentation recommends
	var buf []byte
	for {
		buf = make([]byte, size)
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, flags, 0, (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0])), &size)
		if err == nil {
			break
		}
		if !errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) || size <= uint32(len(buf)) {
			return nil, err
		}
	}
	if size == 0 {
		return nil, nil
	}
	var all []dnsAdapter
	for aa := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0])); aa != nil; aa = aa.Next {
		if aa.OperStatus != windows.IfOperStatusUp {
			continue
		}
		a := dnsAdapter{name: windows.UTF16PtrToString(aa.FriendlyName), gateway: aa.FirstGatewayAddress != nil}
		for dns := aa.FirstDnsServerAddress; dns != nil; dns = dns.Next {
			addr, ok := netip.AddrFromSlice(dns.Address.IP())
			if addr = addr.Unmap(); ok && !siteLocal.Contains(addr) {
				a.servers = append(a.servers, addr)
			}
		}
		all = append(all, a)
	}
	return all, nil
}

// systemServers are the DNS servers that names are asked of.
func systemServers() []netip.Addr {
	adapters, err := dnsAdapters()
	if err != nil {
		return nil
	}
	servers, _ := pickServers(adapters)
	return servers
}

// siteLocal has the addresses that Windows lists as DNS servers where there are none (RFC 3879 deprecates them).
var siteLocal = netip.MustParsePrefix("fec0::/10")

// elsewhere keeps the servers of adapters without a gateway for a while, as package net does with those that it finds.
var elsewhere struct {
	sync.Mutex
	servers []netip.Addr
	until   time.Time
}

// systemServer is the server to ask instead of the one that package net found, for the n-th query of a lookup. Where
// no adapter with a default gateway has a DNS server, package net asks this machine; instead, the servers of other
// adapters are asked, in turn.
func systemServer(found string, n int) string {
	if host, _, err := net.SplitHostPort(found); err != nil || host != "127.0.0.1" && host != "::1" {
		return found
	}
	elsewhere.Lock()
	defer elsewhere.Unlock()
	if now := time.Now(); !now.Before(elsewhere.until) {
		elsewhere.servers, elsewhere.until = nil, now.Add(5*time.Second)
		if adapters, err := dnsAdapters(); err == nil {
			elsewhere.servers, _ = pickServers(adapters)
		}
	}
	if len(elsewhere.servers) == 0 {
		return found
	}
	return netip.AddrPortFrom(elsewhere.servers[n%len(elsewhere.servers)], 53).String()
}
