package firewall

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// table is the name of the nftables table.
const table = "webproxy_azurelocal"

// NFTables writes the rules for a router between the networks, as a file for nft -f. It replaces an earlier one. Other
// traffic from or to nodes and AKS clusters is dropped; traffic of others is not touched.
func (e *Export) NFTables() string {
	var b strings.Builder
	b.WriteString("#!/usr/sbin/nft -f\n# Firewall rules of an Azure Local site, for the router between its networks, made by webproxy firewall export.\n")
	b.WriteString("# A role without elements matches nothing: fill its set.\n")
	fmt.Fprintf(&b, "table inet %s\ndelete table inet %s\n\ntable inet %s {\n", table, table, table)
	for _, role := range e.roles() {
		v4, v6 := split(e.site[role])
		set(&b, string(role), "ipv4_addr", v4)
		set(&b, string(role)+"6", "ipv6_addr", v6)
	}
	for _, t := range e.o.Tags {
		v4, v6 := split(t.Prefixes)
		fmt.Fprintf(&b, "\t# %s\n", t.Source)
		set(&b, tagSet(t.Name), "ipv4_addr", v4)
		set(&b, tagSet(t.Name)+"6", "ipv6_addr", v6)
	}
	b.WriteString("\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n\t\tct state established,related accept\n")
	for i := range e.Rules {
		e.nftRule(&b, &e.Rules[i])
	}
	b.WriteString("\n\t\t# everything else from and to the site\n")
	for _, role := range []Role{Nodes, AKS, Cluster} {
		if slices.Contains(e.roles(), role) {
			for _, side := range []string{"saddr", "daddr"} {
				fmt.Fprintf(&b, "\t\tip %s @%s counter drop\n\t\tip6 %s @%s6 counter drop\n", side, role, side, role)
			}
		}
	}
	b.WriteString("\t}\n}\n")
	return b.String()
}

// roles are the roles that rules name, in a fixed order.
func (e *Export) roles() []Role {
	return slices.DeleteFunc(Roles(), func(role Role) bool {
		return !slices.ContainsFunc(e.Rules, func(r Rule) bool { return r.From == role || r.To == role })
	})
}

// set writes a named set.
func set(b *strings.Builder, name, kind string, elements []string) {
	fmt.Fprintf(b, "\tset %s {\n\t\ttype %s\n\t\tflags interval\n\t\tauto-merge\n", name, kind)
	if len(elements) > 0 {
		fmt.Fprintf(b, "\t\telements = { %s }\n", strings.Join(elements, ", "))
	}
	b.WriteString("\t}\n")
}

// tagSet is the name of the set of a service tag: names have letters, digits, dots.
func tagSet(name string) string {
	return "tag_" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(name))
}

// split writes the prefixes of each IP version separately.
func split(prefixes []netip.Prefix) (v4, v6 []string) {
	for _, p := range prefixes {
		if p.Addr().Is4() {
			v4 = append(v4, prefixText(p))
		} else {
			v6 = append(v6, prefixText(p))
		}
	}
	return v4, v6
}

func (e *Export) nftRule(b *strings.Builder, r *Rule) {
	fmt.Fprintf(b, "\n\t\t# %s: %s\n", r.Section, r.Title)
	if r.Note != "" {
		fmt.Fprintf(b, "\t\t# %s\n", r.Note)
	}
	to := string(r.To)
	if r.Tag != "" {
		to = tagSet(r.Tag)
	}
	for _, v := range []struct{ family, suffix, icmp string }{{"ip", "", "icmp"}, {"ip6", "6", "ipv6-icmp"}} {
		what := "meta l4proto " + v.icmp
		if r.Protocol != "ICMP" {
			what = strings.ToLower(r.Protocol) + " dport " + ports(r.Ports)
		}
		fmt.Fprintf(b, "\t\t%s saddr @%s%s %s daddr @%s%s %s accept comment \"%s\"\n", v.family, r.From, v.suffix, v.family, to, v.suffix, what, r.ID)
	}
}

func ports(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return "{ " + strings.Join(list, ", ") + " }"
}

// UndoNFTables removes the table of NFTables.
func UndoNFTables() string {
	return fmt.Sprintf("#!/usr/sbin/nft -f\n# Removes the rules that webproxy firewall export made.\ntable inet %s\ndelete table inet %s\n", table, table)
}
