package policy

import (
	"net/netip"
	"time"
)

// A Spec is what the policy section of webproxy.yaml may say. Compile turns it into a Set.
// The zero Spec denies everything to every client; private and loopback clients are in its only group.
type Spec struct {
	// Cloud selects the column of catalog lists: public (the default), china or usgov.
	Cloud string `yaml:"cloud"`
	// Region fills {region} in catalog entries, such as "norwayeast".
	Region string `yaml:"region"`
	// Names fills the placeholders of catalog entries that only the operator knows:
	// keyvault, witness, gateway.
	Names map[string]string `yaml:"names"`
	// Clients names groups of client addresses: addresses or CIDR prefixes. A client is in the group
	// with its longest prefix; a client in no group may reach nothing. Without groups, there is one,
	// "default", of the private and loopback ranges.
	Clients map[string][]string `yaml:"clients"`
	// Nodes are the client groups of Azure Local nodes: no rule may inspect their TLS.
	Nodes []string `yaml:"nodes"`
	// DenyNetworks are networks to which no connection may lead, whatever rules and DNS say: "10.20.0.0/16", or an
	// address.
	DenyNetworks []string `yaml:"deny_networks"`
	// NAT64 are the prefixes of the site's own translators (RFC 6052): an address in one of them is treated as the IPv4 address
	// that it leads to.
	NAT64 []string `yaml:"nat64"`
	// Modes gives groups their mode, enforce or learn. The key "default" stands for all groups not
	// named here; it is itself enforce by default.
	Modes map[string]Mode `yaml:"modes"`
	// Phases names times in which rules bound to them hold. A phase not switched on here is off.
	Phases map[string]PhaseSpec `yaml:"phases"`
	// Bundle takes rules, phases and tests from a signed bundle, which is published for many sites. Rules in this file may only
	// deny then. See docs/fleet.md.
	Bundle *BundleSpec `yaml:"bundle"`
	// Rules say what may be reached and what may not. Their order does not matter.
	Rules []RuleSpec `yaml:"rules"`
	// Tests are run at every load; if one fails, the running policy stays.
	Tests TestsSpec `yaml:"tests"`
}

// A BundleSpec says which bundles are accepted, and from where. Package policy does not read it.
type BundleSpec struct {
	// From is where the newest bundle is: an https:// URL, or the path of a file. A URL is fetched as the proxy reaches
	// origins: through upstream proxies, if there are any.
	From string `yaml:"from"`
	// Name is the name of the bundles that are taken, such as stable; those of other names are refused.
	Name string `yaml:"name"`
	// Keys are the public keys of those who sign: the keys themselves, or the paths of their files.
	Keys []string `yaml:"keys"`
	// Need is how many of the keys must have signed. Default: all.
	Need int `yaml:"need"`
	// Every is how often From is fetched. Default 1m.
	Every time.Duration `yaml:"every"`
	// CA is a PEM file of authorities that the server's certificate is verified against. Default: those of the system.
	CA string `yaml:"ca"`
	// Cert and Key are PEM files of a client certificate for the server. They are read for each connection.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// TokenFile is a file with a bearer token for the server. It is read for each request.
	TokenFile string `yaml:"token_file"`
	// RefuseIf is a limit on what a bundle may change of what clients requested of late: "newly_denied > 1%" or
	// "newly_allowed > 100" requests, compared with the policy in force. Above it the bundle is refused. A share counts from 100
	// requests on. Default: no limit.
	RefuseIf string `yaml:"refuse_if"`
	// WhatIf is how far back requests in the audit log are evaluated for RefuseIf. Default 7d.
	WhatIf time.Duration `yaml:"what_if"`
}

// A PhaseSpec says when a phase is on: if any of its fields says so.
type PhaseSpec struct {
	// Active switches the phase on for good.
	Active bool `yaml:"active"`
	// Until switches it on until a time, RFC 3339.
	Until time.Time `yaml:"until"`
	// Schedule switches it on every week: days, hours and a time zone, "Tue 20:00-06:00 Europe/Oslo".
	Schedule string `yaml:"schedule"`
}

// A RuleSpec is one rule: an allow, or a deny. All its conditions must hold; any value of a
// condition suffices. Exactly one of List, File, Hosts and URL says which hosts it is about.
type RuleSpec struct {
	// ID names the rule in the audit log: letters, digits, "-", "_" and ".". Required, unique.
	ID string `yaml:"id"`
	// Deny makes the rule refuse what it matches. A deny beats every allow.
	Deny bool `yaml:"deny"`
	// List takes the hosts from a catalog list, with its ports and schemes.
	List string `yaml:"list"`
	// File takes the hosts from a plain text list, one entry a line. Relative to the configuration file.
	File string `yaml:"file"`
	// Hosts are names, wildcards such as "*.example.com", or IP addresses.
	// Only a deny rule may say "*", any host.
	Hosts []string `yaml:"hosts"`
	// URL is one host with its scheme and, if wanted, port and path.
	URL string `yaml:"url"`
	// For limits the rule to client groups. Default: all groups.
	For []string `yaml:"for"`
	// Ports limits Hosts. Default: those of Schemes, else 443; for a deny, every port.
	Ports []uint16 `yaml:"ports"`
	// Schemes limits Hosts: http (absolute form), https (CONNECT). Default: CONNECT on every port,
	// and plain HTTP too on port 80; for a deny, both on every port.
	Schemes []Scheme `yaml:"schemes"`
	// Methods limits the methods, such as [GET, HEAD]. A tunnel has the method CONNECT.
	Methods []string `yaml:"methods"`
	// Phase makes the rule hold only while the phase is on.
	Phase string `yaml:"phase"`
	// Expires ends the rule: a date (the rule's last day, UTC) or an RFC 3339 time.
	Expires Expiry `yaml:"expires"`
	// Private, set to "allow", lets the rule's hosts have private or loopback addresses.
	Private string `yaml:"private"`
	// ServiceTag ties the address that is dialled to a Microsoft service tag.
	ServiceTag *ServiceTagSpec `yaml:"service_tag"`
	// Inspect ends TLS at the proxy to enforce paths and methods. Off by default; clients must trust the proxy's CA.
	Inspect bool `yaml:"inspect"`
	// Reason and By say why the rule is there and who approved it; both are free text.
	Reason string `yaml:"reason"`
	By     string `yaml:"by"`
	// Source is where the rule is written, for people, such as "webproxy.yaml:23"; the loader fills it.
	Source string `yaml:"-"`
}

// A ServiceTagSpec is the condition that the dialled address belongs to a service tag.
type ServiceTagSpec struct {
	Name string `yaml:"name"`
	// Check is off, warn or enforce (the default).
	Check TagCheck `yaml:"check"`
}

// TestsSpec are requests that the policy must allow, and must deny.
type TestsSpec struct {
	Allow []TestSpec `yaml:"allow"`
	Deny  []TestSpec `yaml:"deny"`
}

// A TestSpec is one request: From a group's name or an address, To a URL. Method is GET for http
// and CONNECT for https unless it says otherwise; At is the time of the request, now by default.
type TestSpec struct {
	From   string    `yaml:"from"`
	To     string    `yaml:"to"`
	Method string    `yaml:"method"`
	At     time.Time `yaml:"at"`
}

// A Library supplies what rules refer to by name. Its methods are called by Compile only.
type Library interface {
	// List returns a catalog list for a cloud. The error says what lists there are.
	List(name string, place Place) (List, error)
	// File returns the entries of a plain text list; nil is none. Entries that do not parse are the
	// caller's to report; they must not be in the result. The Set shares the result.
	File(path string) (*Entries, error)
	// Prefixes returns the addresses of a service tag in a cloud.
	Prefixes(tag, cloud string) ([]netip.Prefix, error)
}

// A Place says for which site a catalog list is made: cloud, region, and the names that fill placeholders.
type Place struct {
	Cloud  string
	Region string
	Names  map[string]string
}

// A List is a named set of entries, with what could not become an entry.
type List struct {
	Entries  []Entry
	Disabled []DisabledEntry
}

// A DisabledEntry is a line of a list that no rule can express, or that lacks a setting.
type DisabledEntry struct {
	ID     string // as Entry.ID
	Source string // as Entry.Source
	Text   string // as the source wrote it
	Reason string // why it is not a rule, and what would enable it
	// Final is set if nothing can enable it. Compile does not warn of it, since the operator can do nothing.
	Final bool
}
