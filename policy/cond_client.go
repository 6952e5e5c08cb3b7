package policy

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// defaultGroup is the group of all clients when the Spec names none, and the key in Spec.Modes for the groups it does
// not name.
const defaultGroup = "default"

// privateClients are the ranges of the default group: RFC 1918, RFC 4193, and loopback.
var privateClients = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1/128"}

// A group is a client group: an identity by source address.
type group struct {
	name     string
	mode     Mode
	prefixes []netip.Prefix
	node     bool // of Azure Local nodes
}

// clients finds the group of an address: the one with the longest prefix.
type clients struct {
	groups []group
	table  bart.Table[uint16] // prefix -> index in groups
}

func (c *clients) lookup(addr netip.Addr) *group {
	i, ok := c.table.Lookup(addr.Unmap().WithZone(""))
	if !ok {
		return nil
	}
	return &c.groups[i]
}

func (c *clients) named(name string) *group {
	for i := range c.groups {
		if c.groups[i].name == name {
			return &c.groups[i]
		}
	}
	return nil
}

// checkClient evaluates the client's group against the rule's.
func (r *conditions) checkClient(g *group) Reason {
	if r.groups == nil || slices.Contains(r.groups, g) {
		return reasonUnset
	}
	return ClientNotAllowed
}

// compileClients builds the groups, before any rule refers to them.
func (c *compiler) compileClients(spec *Spec) {
	groups := spec.Clients
	if len(groups) == 0 {
		groups = map[string][]string{defaultGroup: privateClients}
	}
	names := slices.Sorted(maps.Keys(groups))
	c.set.clients.groups = make([]group, len(names))
	owner := map[netip.Prefix]string{}
	for i, name := range names {
		field := "clients." + name
		g := &c.set.clients.groups[i]
		g.name, g.mode = name, spec.Modes[defaultGroup]
		if !validID(name) {
			c.failAt(field, fmt.Sprintf("group name %q: want letters, digits, \"-\", \"_\" and \".\"", name), "")
		}
		if m, ok := spec.Modes[name]; ok {
			g.mode = m
		}
		if len(groups[name]) == 0 {
			c.failAt(field, "a group without addresses", "list addresses or networks: [10.0.1.0/24]")
		}
		for j, s := range groups[name] {
			p, err := parseClients(s)
			at := fmt.Sprintf("%s[%d]", field, j)
			if err != nil {
				c.failAt(at, err.Error(), "write an address or a network, such as 10.0.1.0/24")
				continue
			}
			if other, dup := owner[p]; dup {
				c.failAt(at, fmt.Sprintf("%s is in group %s already", p, other), "a client can be in one group only")
				continue
			}
			owner[p] = name
			g.prefixes = append(g.prefixes, p)
			c.set.clients.table.Insert(p, uint16(i))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Modes)) {
		if name != defaultGroup && c.set.clients.named(name) == nil {
			wrong := noSuch("client group", name, append(names, defaultGroup), "").in("modes." + name)
			wrong.Key = true
			c.errs = append(c.errs, wrong)
		}
	}
}

func parseClients(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		if addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("address %q: has a zone", s)
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network", s)
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("network %q: write it as IPv4", s)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("network %q: has bits set after its prefix length; did you mean %s?", s, p.Masked())
	}
	return p, nil
}

// groupNames are the names of all groups.
func (c *compiler) groupNames() []string {
	var names []string
	for i := range c.set.clients.groups {
		names = append(names, c.set.clients.groups[i].name)
	}
	return names
}

func groupNames(groups []*group) []string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.name
	}
	return names
}

// compileFor resolves the rule's groups, once for all of its entries.
func (c *compiler) compileFor(r *RuleSpec, field string) []*group {
	if len(r.For) == 0 {
		return nil
	}
	groups := make([]*group, 0, len(r.For))
	for i, name := range r.For {
		g := c.set.clients.named(name)
		if g == nil {
			c.failName(fmt.Sprintf("%s.for[%d]", field, i), "client group", name, c.groupNames(), "name it in policy.clients")
			continue
		}
		groups = append(groups, g)
	}
	return groups
}

// A GroupInfo describes a client group.
type GroupInfo struct {
	Name     string
	Mode     Mode
	Prefixes []netip.Prefix
}

// Groups returns the client groups by name. The caller must not change their Prefixes.
func (s *Set) Groups() []GroupInfo {
	all := make([]GroupInfo, len(s.clients.groups))
	for i, g := range s.clients.groups {
		all[i] = GroupInfo{g.name, g.mode, g.prefixes}
	}
	return all
}

// GroupOf returns the name of the group that a client's address is in; empty if none.
func (s *Set) GroupOf(client netip.Addr) string {
	if g := s.clients.lookup(client); g != nil {
		return g.name
	}
	return ""
}
