// Package firewall writes the rules that firewalls need for a site: those of Microsoft's tables for Azure Stack HCI / Azure
// Local, service tags, and access to the proxy; for Windows (PowerShell), nftables, and as CSV for other
// firewalls. It is pure: it uses no files, no network and no clock.
//
//	e, err := firewall.New(firewall.Site{Nodes: nodes, Management: admins}, firewall.Options{})
//	text := e.PowerShell()
//
// A role without addresses never means everybody: Windows rules for it say LocalSubnet, nftables has an empty set.
package firewall

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// A Role is a sender or receiver.
type Role string

// The roles of the tables.
const (
	Nodes      Role = "nodes"      // "Cluster servers", "Azure Stack HCI", "Hyper-V server", "Instance nodes", "Stretched cluster servers"
	Management Role = "management" // "Management system": any computer from which the cluster is administered
	AdminCtr   Role = "wac"        // "Windows Admin Center"
	AKS        Role = "aks"        // the subnet of AKS clusters (logical network)
	Cluster    Role = "cluster"    // the addresses of the cluster itself
	Directory  Role = "ad"         // Active Directory
	TimeServer Role = "ntp"
	NameServer Role = "dns"
	Proxy      Role = "proxy"
	Internet   Role = "internet" // the addresses of a service tag
)

// Roles are the roles to which an operator gives addresses.
func Roles() []Role {
	return []Role{Nodes, Management, AdminCtr, AKS, Cluster, Directory, TimeServer, NameServer, Proxy}
}

// A Rule is a row of a table.
type Rule struct {
	ID       string // within the export; stable
	Section  string // of the document
	Title    string // as the document has it
	From, To Role
	Protocol string   // TCP, UDP or ICMP
	Ports    []string // "445", "5001-5100"; none: all
	Tag      string   // the service tag whose addresses are the destination
	Note     string
	Document string
}

// A Site has the addresses of roles; those not set are unknown.
type Site map[Role][]netip.Prefix

// A Tag is a service tag with all of its addresses.
type Tag struct {
	Name     string
	Prefixes []netip.Prefix
	Source   string // the file: cloud and change number
}

// Options say what to export.
type Options struct {
	// RPCPorts are the dynamic ports of RPC, "5001-5100" if empty: the document wants at least 100 above 5000.
	RPCPorts string
	// Tags are service tags that nodes reach directly, by TCP 443.
	Tags []Tag
	// ProxyPort is the port of the proxy. If not 0, nodes may reach the proxy, DNS and NTP, and nothing else outside.
	ProxyPort uint16
}

// An Export is rules with the addresses of a site.
type Export struct {
	Rules []Rule
	site  Site
	o     Options
}

const defaultRPC = "5001-5100"

// New returns the export of a site. The error names invalid values.
func New(site Site, o Options) (*Export, error) {
	o.RPCPorts = cmp.Or(o.RPCPorts, defaultRPC)
	if err := checkRange(o.RPCPorts); err != nil {
		return nil, err
	}
	e := &Export{site: site, o: o}
	if o.ProxyPort != 0 {
		if len(o.Tags) > 0 {
			return nil, fmt.Errorf("service tags cannot be combined with --proxy, which nodes then reach exclusively: leave out one of them")
		}
		if len(site[Proxy]) == 0 {
			return nil, fmt.Errorf("the proxy has no address")
		}
	}
	for _, r := range tables() {
		r.Ports = slices.Clone(r.Ports)
		for i, p := range r.Ports {
			if p == rpcPorts {
				r.Ports[i] = o.RPCPorts
			}
		}
		e.Rules = append(e.Rules, r)
	}
	if o.ProxyPort != 0 {
		e.Rules = append(e.Rules, proxyRules(o.ProxyPort)...)
	}
	for _, t := range o.Tags {
		if t.Name == "" || strings.Trim(strings.ToLower(t.Name), "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" || len(t.Prefixes) == 0 {
			return nil, fmt.Errorf("service tag %q: not a name of one, or without addresses", t.Name)
		}
		e.Rules = append(e.Rules, Rule{
			ID: "tag-" + strings.ToLower(t.Name), Section: "Service tags", Title: "Allow " + t.Name, From: Nodes, To: Internet, Protocol: "TCP", Ports: []string{"443"},
			Tag: t.Name, Document: t.Source, Note: fmt.Sprintf("%d prefixes", len(t.Prefixes)),
		})
	}
	return e, nil
}

// checkRange checks a range of ports.
func checkRange(s string) error {
	var from, to int
	if _, err := fmt.Sscanf(s, "%d-%d", &from, &to); err != nil || fmt.Sprintf("%d-%d", from, to) != s || from <= 5000 || to > 65535 || to-from < 99 {
		return fmt.Errorf("RPC ports %q: want a range of at least 100 ports above 5000, such as %s or 49152-65535", s, defaultRPC)
	}
	return nil
}

// Missing are the roles in the rules that have no addresses.
func (e *Export) Missing() []Role {
	var missing []Role
	for _, r := range e.Rules {
		for _, role := range []Role{r.From, r.To} {
			if role != Internet && len(e.site[role]) == 0 && !slices.Contains(missing, role) {
				missing = append(missing, role)
			}
		}
	}
	return missing
}

// addresses are those of one side of a rule.
func (e *Export) addresses(r *Rule, role Role) []netip.Prefix {
	if role != Internet {
		return e.site[role]
	}
	for _, t := range e.o.Tags {
		if t.Name == r.Tag {
			return t.Prefixes
		}
	}
	return nil
}

// prefixText is a prefix as people write it: a single address without its length.
func prefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
