package firewall

import (
	"fmt"
	"net/netip"
	"strings"
)

// group is the group of all rules of an export on a Windows machine; the undo removes this group.
const group = "webproxy: Azure Local"

// PowerShell writes the rules for the Windows firewall of nodes. It first removes the rules of
// an earlier run. An inbound rule names the local port, an outbound rule the remote one: Microsoft's document of 2021 has
// -LocalPort 443 in an outbound rule, which matches no connection to port 443.
func (e *Export) PowerShell() string {
	var b strings.Builder
	b.WriteString("# Firewall rules of Azure Local nodes, made by webproxy firewall export. Run as administrator on each node.\n#Requires -RunAsAdministrator\n")
	b.WriteString("$ErrorActionPreference = \"Stop\"\n")
	b.WriteString(undoPowerShell())
	for i := range e.Rules {
		r := &e.Rules[i]
		fmt.Fprintf(&b, "\n# %s: %s\n", r.Section, r.Title)
		if r.Note != "" {
			fmt.Fprintf(&b, "# %s\n", r.Note)
		}
		// Which end is this node? In rules between nodes, both.
		if onNode(r.To) {
			e.newRule(&b, r, "Inbound", r.From)
		}
		if onNode(r.From) {
			e.newRule(&b, r, "Outbound", r.To)
		}
		if !onNode(r.From) && !onNode(r.To) {
			b.WriteString("# not a matter of nodes: for the firewall between the networks\n")
		}
	}
	if e.o.ProxyPort != 0 {
		e.blockRest(&b)
	}
	return b.String()
}

func onNode(r Role) bool { return r == Nodes || r == Cluster }

// newRule writes one rule of one direction, or one for each version of ICMP.
func (e *Export) newRule(b *strings.Builder, r *Rule, direction string, other Role) {
	protocols := []string{r.Protocol}
	if r.Protocol == "ICMP" {
		protocols = []string{"ICMPv4", "ICMPv6"}
	}
	for _, p := range protocols {
		name := fmt.Sprintf("webproxy-%s-%s", r.ID, strings.ToLower(direction))
		if len(protocols) > 1 {
			name += "-" + strings.ToLower(p)
		}
		fmt.Fprintf(b, "New-NetFirewallRule -Name %s -DisplayName %s -Group %s -Direction %s -Action Allow -Profile Any -Enabled True -Protocol %s", psText(name), psText(r.Title), psText(group), direction, p)
		if len(r.Ports) > 0 {
			word := "-LocalPort"
			if direction == "Outbound" {
				word = "-RemotePort"
			}
			fmt.Fprintf(b, " %s %s", word, psList(r.Ports))
		}
		if direction == "Inbound" && r.To == Cluster && len(e.site[Cluster]) > 0 {
			fmt.Fprintf(b, " -LocalAddress %s", psAddresses(e.site[Cluster]))
		}
		fmt.Fprintf(b, " -RemoteAddress %s | Out-Null\n", psAddressesOr(e.addresses(r, other), r.Tag))
	}
}

// psAddressesOr is a list of addresses; if none are known, LocalSubnet: never everybody.
func psAddressesOr(list []netip.Prefix, tag string) string {
	if len(list) == 0 && tag == "" {
		return "LocalSubnet"
	}
	return psAddresses(list)
}

func psAddresses(list []netip.Prefix) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = prefixText(p)
	}
	return psList(texts)
}

// psList is one value, or an array.
func psList(list []string) string {
	if len(list) == 1 {
		return psText(list[0])
	}
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = psText(s)
	}
	return "@(" + strings.Join(quoted, ", ") + ")"
}

// psText is a literal string: nothing in it is expanded.
func psText(s string) string {
	return "'" + strings.NewReplacer("'", "''", "\u2018", "\u2018\u2018", "\u2019", "\u2019\u2019").Replace(s) + "'"
}

// blockRest writes the rule that blocks all public addresses except those of roles: in Windows a block beats an
// allow.
func (e *Export) blockRest(b *strings.Builder) {
	var keep []netip.Prefix
	for _, role := range Roles() { // other rules allow some of these
		keep = append(keep, e.site[role]...)
	}
	ranges := publicBut(keep)
	b.WriteString("\n# Proxy: all other public addresses\n")
	fmt.Fprintf(b, "New-NetFirewallRule -Name 'webproxy-rest-outbound' -DisplayName 'Block what does not go through the proxy' -Group %s -Direction Outbound -Action Block -Profile Any -Enabled True -Protocol Any -RemoteAddress %s | Out-Null\n",
		psText(group), psList(ranges))
}

// UndoPowerShell removes the rules of PowerShell.
func UndoPowerShell() string {
	return "# Removes the rules that webproxy firewall export made. Run as administrator on each node.\n#Requires -RunAsAdministrator\n" + undoPowerShell()
}

func undoPowerShell() string {
	return fmt.Sprintf("Get-NetFirewallRule -Group %s -ErrorAction SilentlyContinue | Remove-NetFirewallRule\n", psText(group))
}
