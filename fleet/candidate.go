package fleet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/bundle"
	"webproxy/config"
	"webproxy/policy"
)

// A SiteReplay is what a candidate would change at one site.
type SiteReplay struct {
	Site string
	*replay.Replay
}

// A candidate is the policy of a bundle as sites would use it. The client groups and modes of a site are taken from its
// records. Its own deny rules, region and names are not known.
type candidate struct {
	bundle *bundle.Bundle
	modes  map[string]map[string]policy.Mode // by site and group
	groups map[string]bool
	sets   map[string]*policy.Set // by modes, as text
}

const (
	maxSites  = 20_000
	maxGroups = 10_000
)

// newCandidate reads which groups the sites have.
func (c *Client) newCandidate(ctx context.Context, b *bundle.Bundle, s Search) (*candidate, error) {
	k := &candidate{bundle: b, modes: map[string]map[string]policy.Mode{}, groups: map[string]bool{}, sets: map[string]*policy.Set{}}
	where, err := audit.ParseQuery(`type = egress.decision group != ""`)
	if err != nil {
		return nil, err
	}
	s.Where = where
	filter, err := s.filter()
	if err != nil {
		return nil, err
	}
	var rows []map[string]string
	err = c.rows(ctx, s.within()+filter+` | stats by ("webproxy.site", "webproxy.group", "webproxy.mode") max(_time) last`, func(row map[string]string) error {
		rows = append(rows, row)
		if len(rows) > 2*maxSites {
			return fmt.Errorf("more than %d groups of sites", 2*maxSites)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b map[string]string) int { return cmp.Compare(a["last"], b["last"]) })
	for _, row := range rows { // the last mode of a group is the one that counts
		site, group := row["webproxy.site"], row["webproxy.group"]
		if k.groups[group] = true; len(k.groups) > maxGroups {
			return nil, fmt.Errorf("more than %d client groups", maxGroups)
		}
		if k.modes[site] == nil {
			k.modes[site] = map[string]policy.Mode{}
		}
		var m policy.Mode
		if m.UnmarshalText([]byte(row["webproxy.mode"])) == nil {
			k.modes[site][group] = m
		}
	}
	return k, nil
}

// network is the network that stands for the clients of the n-th group. Requests name their group themselves.
func network(n int) string { return fmt.Sprintf("fd77:%x:%x::/48", n>>16, n&0xffff) }

// set is the policy of the site. Sites whose groups are in the same modes share it.
func (k *candidate) set(site string) (*policy.Set, error) {
	var key strings.Builder
	for _, g := range slices.Sorted(maps.Keys(k.modes[site])) {
		if m := k.modes[site][g]; m != policy.Enforce {
			fmt.Fprintf(&key, "%q ", g)
		}
	}
	if s := k.sets[key.String()]; s != nil {
		return s, nil
	}
	clients := map[string][]string{}
	for i, g := range slices.Sorted(maps.Keys(k.groups)) {
		clients[g] = []string{network(i)}
	}
	set, err := config.CompileBundleFor(k.bundle, clients, k.modes[site])
	if err != nil {
		return nil, err
	}
	k.sets[key.String()] = set
	return set, nil
}

// Replay has the recorded requests of all sites that s asks for evaluated by the policy of b, site by site.
func (c *Client) Replay(ctx context.Context, b *bundle.Bundle, s Search) ([]SiteReplay, Stats, error) {
	k, err := c.newCandidate(ctx, b, s)
	if err != nil {
		return nil, Stats{}, err
	}
	if s.Where, err = audit.ParseQuery("type in (egress.decision, egress.repeat, egress.close)"); err != nil {
		return nil, Stats{}, err
	}
	replays := map[string]*replay.Replay{}
	stats, err := c.Records(ctx, s, func(r *Record) error {
		one := replays[r.From]
		if one == nil {
			if len(replays) == maxSites {
				return fmt.Errorf("more than %d sites", maxSites)
			}
			set, err := k.set(r.From)
			if err != nil {
				return err
			}
			one = replay.New(set)
			replays[r.From] = one
		}
		byGroup := r.Record
		if byGroup.Group != "" && byGroup.ClientName == "" {
			byGroup.ClientName = "-" // the record names the client's group; its address means nothing outside of the site
		}
		one.Add(&byGroup)
		return nil
	})
	all := make([]SiteReplay, 0, len(replays))
	for _, site := range slices.Sorted(maps.Keys(replays)) {
		all = append(all, SiteReplay{site, replays[site]})
	}
	return all, stats, err
}
