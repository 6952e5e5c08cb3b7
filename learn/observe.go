package learn

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

// A Key is what a list entry can distinguish: the destination of a request, its scheme and its method.
type Key struct {
	Host   string
	Port   uint16
	Scheme policy.Scheme
	Method string // CONNECT, or one of plain HTTP
	// Path is the path rule that requests match, on hosts where paths decide: a pattern of an entry, or a first segment.
	Path string
}

// Endpoint is k without its method: what a list entry names.
func (k Key) Endpoint() Endpoint { return Endpoint{k.Host, k.Port, k.Scheme, k.Path} }

// An Endpoint is a host, a port, and whether it is asked for by CONNECT or by plain HTTP.
type Endpoint struct {
	Host   string
	Port   uint16
	Scheme policy.Scheme
	Path   string // empty for every path
}

// anyPath is e with every path.
func (e Endpoint) anyPath() Endpoint {
	e.Path = ""
	return e
}

// String is the entry of a list that admits exactly e. CONNECT to port 80 has a scheme: without one
// the entry would admit plain HTTP too.
func (e Endpoint) String() string { return entryText(e.Host, e.Port, e.Scheme) + e.Path }

// Limits on what is remembered of a log. A client that makes up names must neither exhaust the reader's memory nor displace
// the requests of others.
const (
	groupKeys   = 20_000 // of a group
	clientKeys  = 2_000  // that one client was the first to ask for
	keyClients  = 1_000  // clients that are counted for a key
	openLimit   = 200_000
	beforeLimit = 8 // hosts counted as requested just before a key
)

// Observations are the requests of a log, by client group. They are not safe for concurrent use.
type Observations struct {
	First, Last time.Time // of all requests
	// Paths are the hosts on which paths decide. It must be set before the first Add.
	Paths *PathRules

	groups map[string]*Group
	open   *audit.Join[*Sighting]
}

// NewObservations returns empty Observations.
func NewObservations() *Observations {
	return &Observations{groups: map[string]*Group{}, open: audit.NewJoin[*Sighting](openLimit)}
}

// Observe reads the log in dir. On the hosts of paths, which may be nil, requests are kept apart by path. An error is about
// files that could not be read.
func Observe(dir string, o audit.ScanOptions, paths *PathRules) (*Observations, audit.Stats, error) {
	seen := NewObservations()
	seen.Paths = paths
	stats, err := audit.Scan(dir, o, func(r audit.Record) error {
		seen.Add(&r)
		return nil
	})
	return seen, stats, err
}

// Groups returns the groups that were seen, sorted by name.
func (o *Observations) Groups() []*Group {
	all := make([]*Group, 0, len(o.groups))
	for _, g := range o.groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *Group) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Group returns the group of that name; an empty one if it was never seen.
func (o *Observations) Group(name string) *Group {
	if g := o.groups[name]; g != nil {
		return g
	}
	return newGroup(name)
}

// Add counts r, which it does not keep. Records must be added in the order of the log.
func (o *Observations) Add(r *audit.Record) {
	switch r.Type {
	case audit.TypeDecision:
		o.decision(r)
	case audit.TypeRepeat:
		o.repeat(r)
	case audit.TypeClose:
		o.end(r)
	}
}

func (o *Observations) decision(r *audit.Record) {
	g := o.group(r)
	if g == nil {
		return
	}
	s := g.sighting(r, o.Paths)
	if s == nil {
		return
	}
	s.see(r, 1)
	g.follow(s, r)
	o.open.Opened(r, s)
}

// repeat counts the denials that one record aggregates.
func (o *Observations) repeat(r *audit.Record) {
	if r.Host == "" || r.Port == 0 || r.Scheme == "" || r.Count <= 0 {
		return
	}
	if g := o.group(r); g != nil {
		if s := g.sighting(r, o.Paths); s != nil {
			s.see(r, uint64(r.Count))
		}
	}
}

func (o *Observations) end(r *audit.Record) {
	if s, ok := o.open.Closed(r); ok {
		s.end(r)
	}
}

// group returns the group of a request; nil if it cannot be learnt from.
func (o *Observations) group(r *audit.Record) *Group {
	if r.Group == "" || r.Host == "" {
		return nil // a client in no group, or not a request for a host
	}
	if o.First.IsZero() || r.Time.Before(o.First) {
		o.First = r.Time
	}
	if r.Time.After(o.Last) {
		o.Last = r.Time
	}
	g := o.groups[r.Group]
	if g == nil {
		g = newGroup(strings.Clone(r.Group))
		o.groups[g.Name] = g
	}
	return g
}
