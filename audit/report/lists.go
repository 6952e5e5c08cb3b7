package report

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"webproxy/audit"
	"webproxy/policy"
)

// lists makes the lists of hosts and clients.
func (r *Report) lists(rows []*audit.Row) {
	denied, learned, allowed := usesBy(hostAndReason), usesBy(hostOnly), usesBy(hostOnly)
	deniedClients, clients := usesBy(clientOnly), usesBy(clientOnly)
	for _, row := range rows {
		clients.add(row)
		switch row.Decision {
		case policy.Allowed:
			allowed.add(row)
		case policy.WouldDeny:
			learned.add(row)
		default:
			denied.add(row)
			deniedClients.add(row)
		}
	}
	r.DeniedHosts, r.LearnedHosts, r.AllowedHosts = denied.list(), learned.list(), allowed.list()
	r.DeniedClients, r.Clients = deniedClients.list(), clients.list()
}

// A useKey distinguishes Uses. Zero fields do not count.
type useKey struct {
	host   string
	port   uint16
	reason string
	client netip.Addr
	group  string
}

func hostOnly(r *audit.Row) useKey { return useKey{host: r.Host, port: r.Port} }

func hostAndReason(r *audit.Row) useKey { return useKey{host: r.Host, port: r.Port, reason: r.Reason} }

func clientOnly(r *audit.Row) useKey { return useKey{client: r.Client, group: r.Group} }

// uses collects Uses.
type uses struct {
	key   func(*audit.Row) useKey
	found map[useKey]*useCount
}

type useCount struct {
	use     Use
	clients map[netip.Addr]bool
	hosts   map[string]bool
	rules   map[string]bool
}

func usesBy(key func(*audit.Row) useKey) *uses { return &uses{key: key, found: map[useKey]*useCount{}} }

func (u *uses) add(row *audit.Row) {
	k := u.key(row)
	c := u.found[k]
	if c == nil {
		c = &useCount{
			use:     Use{Host: k.host, Port: k.port, Reason: k.reason, Client: k.client, Group: k.group},
			clients: map[netip.Addr]bool{}, hosts: map[string]bool{}, rules: map[string]bool{},
		}
		u.found[k] = c
	}
	c.use.Requests += row.Requests
	c.use.BytesOut += row.BytesOut
	c.use.BytesIn += row.BytesIn
	c.use.Include(row.Span)
	if row.Requests > 0 {
		c.clients[row.Client] = true
		c.hosts[row.Host] = true
		if row.Rule != "" {
			c.rules[row.Rule] = true
		}
	}
}

// list returns the Uses with requests, those with the most first.
func (u *uses) list() []Use {
	const shown = 5 // clients named of one host
	all := make([]Use, 0, len(u.found))
	for _, c := range u.found {
		if c.use.Requests == 0 {
			continue
		}
		clients := slices.SortedFunc(maps.Keys(c.clients), netip.Addr.Compare)
		c.use.NClients, c.use.NHosts = len(clients), len(c.hosts)
		c.use.Clients = clients[:min(len(clients), shown)]
		c.use.Rules = slices.Sorted(maps.Keys(c.rules))
		all = append(all, c.use)
	}
	slices.SortFunc(all, func(a, b Use) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port),
			cmp.Compare(a.Reason, b.Reason), a.Client.Compare(b.Client), cmp.Compare(a.Group, b.Group))
	})
	return all
}

// newHosts are the permitted hosts that were never permitted before, the earliest first.
func newHosts(allowed, learned []Use, before []*audit.Row) []Use {
	known := map[string]bool{}
	for _, row := range before {
		if row.Decision != policy.Denied && row.Requests > 0 {
			known[row.Host] = true
		}
	}
	found := []Use{}
	for _, use := range slices.Concat(allowed, learned) {
		if !known[use.Host] && use.Host != audit.Other {
			found = append(found, use)
		}
	}
	slices.SortStableFunc(found, func(a, b Use) int { return a.First.Compare(b.First) })
	return found
}
