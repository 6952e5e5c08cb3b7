package report

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"webproxy/audit"
)

// A Domain is the Uses of the hosts of one registrable domain, so that people need not read a page of 400 hosts.
type Domain struct {
	Name  string // empty if the hosts are of none
	Total Use    // of all; Clients is not set
	Shown []Use  // the first ones
	Rest  []Use  // the others
}

const (
	// shownHosts is how many hosts of a domain have rows of their own, shownDomains how many domains do; the others
	// are collapsed.
	shownHosts   = 3
	shownDomains = 60
)

// byDomain groups uses by registrable domain, those with the most requests first.
func byDomain(uses []Use) []Domain {
	found := map[string]*Domain{}
	var order []*Domain
	for _, u := range uses {
		name := registrable(u.Host)
		key := name
		if name == "" {
			key = "\x00" + u.Host // alone
		}
		d := found[key]
		if d == nil {
			d = &Domain{Name: name, Total: Use{Reason: u.Reason}}
			found[key] = d
			order = append(order, d)
		}
		d.Total.Requests += u.Requests
		d.Total.BytesOut += u.BytesOut
		d.Total.BytesIn += u.BytesIn
		d.Total.Include(u.Span)
		if len(d.Shown) < shownHosts {
			d.Shown = append(d.Shown, u)
		} else {
			d.Rest = append(d.Rest, u)
		}
	}
	slices.SortStableFunc(order, func(a, b *Domain) int { return cmp.Compare(b.Total.Requests, a.Total.Requests) })
	all := make([]Domain, len(order))
	for i, d := range order {
		all[i] = *d
	}
	return all
}

// registrable is the registrable domain (eTLD+1) of host; empty for an address and for a name without one.
func registrable(host string) string {
	if _, err := netip.ParseAddr(host); err == nil || host == audit.Other {
		return ""
	}
	name, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(host))
	if err != nil {
		return ""
	}
	return name
}

// N is how many hosts the domain has.
func (d *Domain) N() int { return len(d.Shown) + len(d.Rest) }

// newClients are the clients that asked for new hosts, those with the most first.
func newClients(rows []*audit.Row, hosts []Use) []Use {
	isNew := map[string]bool{}
	for i := range hosts {
		isNew[hosts[i].Host] = true
	}
	clients := usesBy(clientOnly)
	for _, row := range rows {
		if row.Decision != "deny" && isNew[row.Host] {
			clients.add(row)
		}
	}
	list := clients.list()
	slices.SortStableFunc(list, func(a, b Use) int { return cmp.Compare(b.NHosts, a.NHosts) })
	return list
}

// reloaders fills in who made a policy that was installed: those whose decisions were recorded for the same one.
func reloaders(changes []audit.Record) {
	type maker struct{ by, ticket string }
	makers := map[string]map[maker]bool{}
	for i := range changes {
		c := &changes[i]
		if c.Type != audit.TypeReload && c.By != "" && c.Policy != "" {
			if makers[c.Policy] == nil {
				makers[c.Policy] = map[maker]bool{}
			}
			makers[c.Policy][maker{c.By, c.Ticket}] = true
		}
	}
	for i := range changes {
		c := &changes[i]
		if c.Type != audit.TypeReload || c.By != "" {
			continue
		}
		var names, tickets []string
		for m := range maps.Keys(makers[c.Policy]) {
			names, tickets = append(names, m.by), append(tickets, m.ticket)
		}
		slices.Sort(names)
		slices.Sort(tickets)
		c.By, c.Ticket = strings.Join(slices.Compact(names), ", "), strings.Join(slices.Compact(tickets), ", ")
		if c.By == "" {
			c.By = "not recorded: files were changed by hand"
		}
	}
}
