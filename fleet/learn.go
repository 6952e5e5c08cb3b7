package fleet

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"webproxy/audit"
	"webproxy/bundle"
	"webproxy/config"
	"webproxy/learn"
	"webproxy/policy"
)

// A Proposal is one of package learn, made from the requests of all sites, with the sites that requested it.
type Proposal struct {
	*learn.Proposal
	Sites []string
}

// clientLimit bounds the clients of all sites that are distinguished.
const clientLimit = 1 << 20

// allClients gives each client of each site an address of its own, in the network of its group: 10.0.1.12 is a different machine at
// each site.
type allClients struct {
	groups map[string]int
	sites  map[string]int
	names  []string // of sites, in the order of their numbers
	known  map[siteClient]netip.Addr
}

type siteClient struct {
	site, group string
	addr        netip.Addr
}

func (a *allClients) of(site, group string, addr netip.Addr) (netip.Addr, error) {
	k := siteClient{site, group, addr}
	if x, ok := a.known[k]; ok {
		return x, nil
	}
	if len(a.known) == clientLimit || len(a.names) == maxSites {
		return netip.Addr{}, fmt.Errorf("more than %d clients, or %d sites: ask for less time, or fewer sites", clientLimit, maxSites)
	}
	number, ok := a.sites[site]
	if !ok {
		number = len(a.names)
		a.sites[site], a.names = number, append(a.names, site)
	}
	var b [16]byte
	prefix := netip.MustParsePrefix(network(a.groups[group])).Addr().As16()
	copy(b[:6], prefix[:6])
	binary.BigEndian.PutUint32(b[6:], uint32(number))
	binary.BigEndian.PutUint32(b[12:], uint32(len(a.known)+1))
	x := netip.AddrFrom16(b)
	a.known[k] = x
	return x, nil
}

// site is the site of a client address that of returned.
func (a *allClients) site(x netip.Addr) string {
	b := x.As16()
	return a.names[binary.BigEndian.Uint32(b[6:])]
}

// Learn makes proposals from the requests that s selects and the policy of b does not allow. Proposals of the most sites come first.
// A nil b allows nothing. Requests of one group are no evidence for another group. A client at another
// site is another client.
func (c *Client) Learn(ctx context.Context, b *bundle.Bundle, s Search, params learn.Params) ([]Proposal, Stats, error) {
	k, err := c.newCandidate(ctx, b, s)
	if err != nil {
		return nil, Stats{}, err
	}
	clients := allClients{groups: map[string]int{}, sites: map[string]int{}, known: map[siteClient]netip.Addr{}}
	networks := map[string][]string{}
	for i, g := range slices.Sorted(maps.Keys(k.groups)) {
		clients.groups[g], networks[g] = i, []string{network(i)}
	}
	switch {
	case b != nil:
		params.Policy, err = config.CompileBundleFor(b, networks, nil)
	case len(networks) > 0:
		params.Policy, err = policy.Compile(&policy.Spec{Clients: networks}, nil, policy.Env{})
	}
	if err != nil {
		return nil, Stats{}, err
	}
	if s.Where, err = audit.ParseQuery("type in (egress.decision, egress.repeat, egress.close)"); err != nil {
		return nil, Stats{}, err
	}
	seen := learn.NewObservations()
	seen.Paths = learn.NewPathRules(params.Policy, params.Known)
	stats, err := c.Records(ctx, s, func(r *Record) error {
		if _, known := clients.groups[r.Group]; !known && r.Type != audit.TypeClose {
			return nil // a client in no group, or of a group that appeared meanwhile
		}
		one := r.Record
		one.ID = r.From + " " + r.ID // an id is unique at its site
		if one.Client.IsValid() {
			var err error
			if one.Client, err = clients.of(r.From, r.Group, r.Client); err != nil {
				return err
			}
		}
		seen.Add(&one)
		return nil
	})
	if err != nil {
		return nil, stats, err
	}
	var all []Proposal
	for _, g := range seen.Groups() {
		for _, p := range g.Propose(params).List {
			all = append(all, Proposal{p, clients.sitesOf(p)})
		}
	}
	slices.SortStableFunc(all, func(a, b Proposal) int {
		return cmp.Or(cmp.Compare(len(b.Sites), len(a.Sites)), cmp.Compare(b.Hits, a.Hits), cmp.Compare(a.Entry, b.Entry), cmp.Compare(a.Group, b.Group))
	})
	return all, stats, nil
}

// sitesOf are the sites whose clients requested what p would allow.
func (a *allClients) sitesOf(p *learn.Proposal) []string {
	sites := map[string]bool{}
	for _, s := range p.Seen {
		for c := range s.Clients {
			sites[a.site(c)] = true
		}
	}
	return slices.Sorted(maps.Keys(sites))
}
