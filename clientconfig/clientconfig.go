// Package clientconfig writes the proxy settings of a site's nodes, each in the grammar of the program that reads it,
// and checks existing bypass lists. It is pure: it uses no files, no network and no clock.
//
//	plan, err := clientconfig.Parse(clientconfig.Site{Proxy: "http://webproxy:9090", Nodes: []string{"node1"}})
//	for _, s := range plan.Settings() { fmt.Println(s.Text) }
//	checked := clientconfig.Check(clientconfig.WinINet, "localhost;<local>", plan)
//
// The grammars differ: WinINet and WinHTTP accept stars but no prefixes, NO_PROXY accepts prefixes but no stars. The rules
// are those of Microsoft's documents for Azure Local; docs/client-config.md has them with their sources.
package clientconfig

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// A Site is what the operator says about a site, as text. Only Proxy must be set.
type Site struct {
	// Proxy is the address of the proxy as nodes reach it: "http://webproxy:9090".
	Proxy string
	// Nodes and Clusters are names, addresses, or both: "node1=192.168.1.11".
	Nodes, Clusters []string
	// Subnets are IPv4 prefixes of the management network, such as "192.168.1.0/24".
	Subnets []string
	// Domains are the DNS domains of the site, such as "contoso.com".
	Domains []string
	// PrivateEndpoints are the public names of services that the site reaches by a private endpoint.
	PrivateEndpoints []string
	// Gateway is the resource ID of an Arc gateway. If empty, there is none.
	Gateway string
	// Cloud is public, china or usgov. If empty, it is public.
	Cloud string
	// Region, Subscription, Tenant and ResourceGroup are for the registration. Empty ones become variables.
	Region, Subscription, Tenant, ResourceGroup string
}

// A Plan is a valid Site. It does not change after Parse.
type Plan struct {
	site    Site
	proxy   string // http://host:port
	nodes   []string
	cluster []string
	addrs   []netip.Addr // of nodes and clusters
	subnets []netip.Prefix
	domains []string
	private []string
}

// Problems are all errors in a Site.
type Problems []Problem

// A Problem is one value of a Site that cannot be used.
type Problem struct {
	Flag string // of the command line, such as "--proxy"
	Msg  string
	Hint string // what to do; may be empty
}

// Error implements error: a line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Flag + " " + one.Msg
		if one.Hint != "" {
			lines[i] += ": " + one.Hint
		}
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(flag, msg, hint string) { *p = append(*p, Problem{flag, msg, hint}) }

// Parse checks a Site. The error is Problems, all of them.
func Parse(s Site) (*Plan, error) {
	p := &Plan{site: s}
	var bad Problems
	p.parseProxy(&bad)
	p.nodes = p.parseNames("--node", s.Nodes, &bad)
	p.cluster = p.parseNames("--cluster", s.Clusters, &bad)
	p.parseSubnets(&bad)
	for _, d := range s.Domains {
		name, err := hostName(strings.TrimPrefix(strings.TrimPrefix(d, "*"), "."))
		if err != nil {
			bad.add("--domain", fmt.Sprintf("%q: %v", d, err), "write it as contoso.com")
			continue
		}
		p.domains = addNew(p.domains, name)
	}
	p.parsePrivate(&bad)
	p.parseGateway(&bad)
	p.parseRegistration(&bad)
	if len(bad) > 0 {
		return nil, bad
	}
	return p, nil
}

// Inventory reports whether nodes and a cluster were named: without them a bypass list is incomplete.
func (p *Plan) Inventory() bool { return len(p.nodes) > 0 && len(p.cluster) > 0 }

// Proxy is the proxy's address, "http://host:port".
func (p *Plan) Proxy() string { return p.proxy }

// parseNames reads names, addresses and name=address. A full name is also known by its first label, as NetBIOS has it.
func (p *Plan) parseNames(flag string, given []string, bad *Problems) []string {
	var names []string
	for _, g := range given {
		name, addr, both := strings.Cut(g, "=")
		if !both {
			if a, err := netip.ParseAddr(name); err == nil {
				name, addr = "", a.String()
			}
		}
		if addr != "" || both {
			a, err := netip.ParseAddr(addr)
			if err != nil || !a.Is4() {
				bad.add(flag, fmt.Sprintf("%q: %q is not an IPv4 address", g, addr), "bypass lists of Windows have no form for others")
				continue
			}
			p.addrs = append(p.addrs, a)
		}
		if name == "" {
			continue
		}
		host, err := hostName(name)
		if err != nil {
			bad.add(flag, fmt.Sprintf("%q: %v", g, err), "")
			continue
		}
		short, _, full := strings.Cut(host, ".")
		if len(short) > 15 {
			bad.add(flag, fmt.Sprintf("%q: %q is longer than the 15 characters of a NetBIOS name", g, short), "")
			continue
		}
		names = addNew(names, short)
		if full {
			names = addNew(names, host)
		}
	}
	return names
}

func (p *Plan) parseSubnets(bad *Problems) {
	for _, s := range p.site.Subnets {
		prefix, err := netip.ParsePrefix(s)
		switch {
		case err != nil:
			bad.add("--subnet", fmt.Sprintf("%q is not a prefix", s), "write it as 192.168.1.0/24")
			continue
		case !prefix.Addr().Is4():
			bad.add("--subnet", fmt.Sprintf("%s: bypass lists of Windows have no form for IPv6", s), "give the IPv4 subnet")
			continue
		case prefix != prefix.Masked():
			bad.add("--subnet", fmt.Sprintf("%s has bits of a host", s), "write "+prefix.Masked().String())
			continue
		}
		if _, err := wildcards(prefix); err != nil {
			bad.add("--subnet", err.Error(), subnetHint(prefix))
			continue
		}
		if !slices.Contains(p.subnets, prefix) {
			p.subnets = append(p.subnets, prefix)
		}
	}
}

func (p *Plan) parsePrivate(bad *Problems) {
	for _, s := range p.site.PrivateEndpoints {
		flag := "--private-endpoint"
		if strings.Contains(s, "*") {
			bad.add(flag, fmt.Sprintf("%q: private endpoints are named one by one", s), "write the name of the service, such as contoso.azurecr.io")
			continue
		}
		name, err := hostName(s)
		switch {
		case err != nil:
			bad.add(flag, fmt.Sprintf("%q: %v", s, err), "")
		case !strings.Contains(name, "."):
			bad.add(flag, fmt.Sprintf("%q is not a full name", s), "write it as contoso.vault.azure.net")
		case strings.Contains(name, ".privatelink."):
			bad.add(flag, fmt.Sprintf("%q: clients ask for the public name", s), "write "+strings.Replace(name, ".privatelink.", ".", 1))
		case IsArcName(name):
			bad.add(flag, fmt.Sprintf("%q: Azure Local does not support Arc Private Link", s), "resolve Arc names publicly, and leave them to the proxy")
		default:
			p.private = addNew(p.private, name)
		}
	}
}

func (p *Plan) parseGateway(bad *Problems) {
	id := p.site.Gateway
	if id == "" {
		return
	}
	if strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._()-") != "" || !strings.HasPrefix(id, "/subscriptions/") {
		bad.add("--arc-gateway", fmt.Sprintf("%q is not a resource ID", id),
			"write it as /subscriptions/ID/resourceGroups/NAME/providers/Microsoft.HybridCompute/gateways/NAME")
	}
	if p.site.Cloud != "" && p.site.Cloud != "public" {
		bad.add("--arc-gateway", "is for the public cloud only", "leave it out for "+p.site.Cloud)
	}
}

// parseRegistration checks the values that go unchanged into the registration command.
func (p *Plan) parseRegistration(bad *Problems) {
	if _, ok := arcClouds[p.site.Cloud]; !ok {
		bad.add("--cloud", fmt.Sprintf("%q is no cloud", p.site.Cloud), "write public, china or usgov")
	}
	for _, f := range [][2]string{
		{"--region", p.site.Region}, {"--subscription", p.site.Subscription}, {"--tenant", p.site.Tenant}, {"--resource-group", p.site.ResourceGroup},
	} {
		for _, r := range f[1] {
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._()-", r) {
				bad.add(f[0], fmt.Sprintf("%q: %s is in no such name", f[1], character(r)), "")
				break
			}
		}
	}
}

// arcZones are the domains of Azure Arc's own services, that must resolve publicly (Azure Local does not support Arc
// Private Link: MicrosoftDocs/azure-stack-docs, 2026-03).
var arcZones = []string{"his.arc.azure.com", "guestconfiguration.azure.com"}

// IsArcName reports whether host, or a pattern such as "*.his.arc.azure.com", is in a domain of Azure Arc's services,
// also by the name that its private zone has.
func IsArcName(host string) bool {
	host = strings.Replace(strings.TrimPrefix(strings.ToLower(host), "*"), "privatelink.", "", 1)
	for _, zone := range arcZones {
		if strings.HasSuffix("."+strings.TrimPrefix(host, "."), "."+zone) {
			return true
		}
	}
	return false
}

// ArcZone returns the private DNS zone that would answer for host, if IsArcName(host).
func ArcZone(host string) string {
	for _, zone := range arcZones {
		if strings.HasSuffix("."+strings.ToLower(host), "."+zone) {
			return "privatelink." + zone
		}
	}
	return ""
}

// hostName checks a name and returns it in lower case.
func hostName(s string) (string, error) {
	name := strings.ToLower(s)
	if name == "" {
		return "", fmt.Errorf("is empty")
	}
	if len(name) > 253 {
		return "", fmt.Errorf("longer than 253 bytes")
	}
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.') {
			return "", fmt.Errorf("%s is in no host name", character(r))
		}
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return "", fmt.Errorf("an empty label")
		case len(label) > 63:
			return "", fmt.Errorf("label longer than 63 bytes")
		case label[0] == '-' || label[len(label)-1] == '-':
			return "", fmt.Errorf("label %q begins or ends with a hyphen", label)
		}
	}
	return name, nil
}

// character shows r so that it can be found: a look-alike with its code point.
func character(r rune) string {
	if r > 0x20 && r < 0x7f {
		return fmt.Sprintf("%q", string(r))
	}
	return fmt.Sprintf("%+q (U+%04X)", string(r), r)
}

// addNew appends s to list unless it is there.
func addNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
