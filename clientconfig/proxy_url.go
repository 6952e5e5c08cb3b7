package clientconfig

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// clusterRanges are the addresses of pods and services of AKS on Azure Local: a proxy in them cannot be reached
// (Azure/AzureLocal-Supportability, ProxyServer_Overlap).
var clusterRanges = []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("10.96.0.0/12")}

// parseProxy checks the proxy's address and sets p.proxy.
func (p *Plan) parseProxy(bad *Problems) {
	const flag, form = "--proxy", "write it as http://webproxy:9090"
	given := p.site.Proxy
	if !strings.Contains(given, "://") {
		given = "http://" + given
	}
	u, err := url.Parse(given)
	if err != nil {
		bad.add(flag, fmt.Sprintf("%q is not a URL", p.site.Proxy), form)
		return
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	n, portErr := strconv.ParseUint(port, 10, 16)
	switch {
	case u.Scheme != "http":
		bad.add(flag, fmt.Sprintf("%q: clients of Azure Local speak plain HTTP to a proxy", p.site.Proxy), "write http://"+u.Host)
		return
	case u.User != nil:
		bad.add(flag, fmt.Sprintf("%s has a login", u.Redacted()), "Azure Local supports no proxy passwords; the client's address is its identity")
		return
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		bad.add(flag, fmt.Sprintf("%q has more than a host and a port", p.site.Proxy), form)
		return
	case portErr != nil || n == 0:
		bad.add(flag, fmt.Sprintf("%q has no port", p.site.Proxy), form)
		return
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		host, err = hostName(host)
	}
	switch {
	case err != nil:
		bad.add(flag, fmt.Sprintf("%q: %v", p.site.Proxy, err), form)
	case host == "local" || strings.HasSuffix(host, ".local"):
		bad.add(flag, fmt.Sprintf("%q: Azure Local does not support a proxy whose name ends in .local", p.site.Proxy),
			"give the proxy a name in another domain, or write its address")
	case host == "localhost" || addr.IsLoopback() || addr.IsUnspecified():
		bad.add(flag, fmt.Sprintf("%q: a node would look for the proxy on itself", p.site.Proxy), "write the name or address by which nodes reach it")
	case inRanges(addr):
		bad.add(flag, fmt.Sprintf("%q: pods and services of AKS have the addresses 10.244.0.0/16 and 10.96.0.0/12, so nothing inside a cluster would reach it", p.site.Proxy),
			"give the proxy another address")
	default:
		if addr.Is6() {
			host = "[" + host + "]"
		}
		p.proxy = fmt.Sprintf("http://%s:%d", host, n)
	}
}

func inRanges(addr netip.Addr) bool {
	for _, p := range clusterRanges {
		if addr.IsValid() && p.Contains(addr) {
			return true
		}
	}
	return false
}
