package learn

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

// A Group is what the clients of one group were seen to ask for.
type Group struct {
	Name     string
	Requests uint64
	// Permitted is how many of Requests a rule allowed; WouldDeny how many learn mode let through.
	Permitted, WouldDeny uint64
	First, Last          time.Time
	Clients              map[netip.Addr]*Client
	// Beyond is how many requests were for names above the limit on Sightings; they are not learnt from.
	Beyond uint64
	// Noisy are the clients that reached the limit on new names of one client.
	Noisy []netip.Addr
	// Phases counts the allowed requests by the phase of the rule that allowed them.
	Phases map[string]uint64

	days      map[int64]struct{}                // since 1970, with requests
	redirects map[Endpoint]map[*Sighting]uint64 // the responses that redirected, by their destination
	sightings map[Key]*Sighting
	segments  map[string]int    // first segments of paths that no rule has, by host
	names     map[string]string // one copy of each word of the log
}

// A Client is the state of one client: how many keys it was the first to request, and its last requests.
type Client struct {
	Requests uint64
	keys     int
	last     string
	lastAt   time.Time
}

func newGroup(name string) *Group {
	return &Group{
		Name: name, Clients: map[netip.Addr]*Client{}, Phases: map[string]uint64{}, days: map[int64]struct{}{},
		sightings: map[Key]*Sighting{}, redirects: map[Endpoint]map[*Sighting]uint64{}, names: map[string]string{}, segments: map[string]int{},
	}
}

// sighting returns the Sighting of r, and counts r's requests for the group. It returns nil if a limit is reached.
func (g *Group) sighting(r *audit.Record, paths *PathRules) *Sighting {
	n := uint64(1)
	if r.Type == audit.TypeRepeat {
		n = uint64(r.Count)
	}
	c := g.count(r, n)
	var scheme policy.Scheme
	if err := scheme.UnmarshalText([]byte(r.Scheme)); err != nil {
		return nil
	}
	k, decides := g.keyed(Key{Host: r.Host, Port: r.Port, Scheme: scheme, Method: r.Method}, r.Path, paths)
	if s := g.sightings[k]; s != nil {
		return s
	}
	if len(g.sightings) >= groupKeys || c.keys >= clientKeys {
		g.Beyond += n
		if c.keys >= clientKeys && !slices.Contains(g.Noisy, r.Client) {
			g.Noisy = append(g.Noisy, r.Client)
		}
		return nil
	}
	c.keys++
	k.Host, k.Method, k.Path = g.word(k.Host), g.word(k.Method), g.word(k.Path)
	s := &Sighting{Key: k, group: g, Clients: map[netip.Addr]uint64{}, days: map[int64]struct{}{}}
	if decides {
		s.path = strings.Clone(r.Path)
	}
	g.sightings[k] = s
	return s
}

// count counts n requests like r for the group, and returns their client.
func (g *Group) count(r *audit.Record, n uint64) *Client {
	g.Requests += n
	switch r.Decision {
	case policy.Allowed:
		g.Permitted += n
		if r.Phase != "" {
			g.Phases[g.word(r.Phase)] += n
		}
	case policy.WouldDeny:
		g.WouldDeny += n
	}
	if g.First.IsZero() || r.Time.Before(g.First) {
		g.First = r.Time
	}
	if r.Time.After(g.Last) {
		g.Last = r.Time
	}
	g.days[dayOf(r.Time)] = struct{}{}
	c := g.Clients[r.Client]
	if c == nil {
		c = &Client{}
		g.Clients[r.Client] = c
	}
	c.Requests += n
	return c
}

// word returns a copy of s, once for equal strings: a string of a record would keep a block of the log in memory.
func (g *Group) word(s string) string {
	w, ok := g.names[s]
	if !ok {
		w = strings.Clone(s)
		g.names[w] = w
	}
	return w
}

// Sightings returns all sightings, sorted by host, port, scheme and method.
func (g *Group) Sightings() []*Sighting {
	all := make([]*Sighting, 0, len(g.sightings))
	for _, s := range g.sightings {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *Sighting) int { return compareKeys(a.Key, b.Key) })
	return all
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Scheme, b.Scheme), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Path, b.Path))
}
