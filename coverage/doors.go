package coverage

import (
	"slices"
	"strings"

	"webproxy/policy"
)

// doors are found by their text, or by the hosts and the paths that they are within. Two documents may have hundreds of
// thousands each, so none is held against all others.
type doors struct {
	all   []*door
	texts map[string]*door
	same  map[wayIn]*wayIns   // by the whole host
	wild  map[wayIn][]*wayIns // those that are wildcards, by the end of the host
}

// A wayIn is what doors must have alike for one to cover another: a host, scheme and port.
type wayIn struct {
	host   string
	scheme policy.Scheme
	port   uint16
}

// wayIns are doors of one host, scheme and port, by what their paths begin with, a star at the end left out.
type wayIns struct {
	whole   *door // for every path; nil if there is none
	paths   map[string][]*door
	lengths []int // of the keys of paths, ascending
}

func newDoors() *doors {
	return &doors{texts: map[string]*door{}, same: map[wayIn]*wayIns{}, wild: map[wayIn][]*wayIns{}}
}

func doorsOf(p *Profile) *doors {
	all := newDoors()
	for i := range p.Endpoints {
		if e := &p.Endpoints[i]; e.reason == "" && e.blank == "" {
			all.add(&door{Endpoint: e, scheme: e.want.Scheme, host: e.want.Host, text: e.Text})
		}
	}
	return all
}

// key is d with another host.
func (d *door) key(host string) wayIn { return wayIn{host, d.scheme, d.port} }

func (s *doors) add(d *door) {
	if s.texts[d.text] != nil {
		return
	}
	s.texts[d.text] = d
	s.all = append(s.all, d)
	key := d.key(d.host.String())
	ways := s.same[key]
	if ways == nil {
		ways = &wayIns{paths: map[string][]*door{}}
		s.same[key] = ways
		if d.host.IsWildcard() {
			end := d.key(d.host.Tail())
			s.wild[end] = append(s.wild[end], ways)
		}
	}
	ways.add(d)
}

func (w *wayIns) add(d *door) {
	if d.want.Path == "" && d.want.Query == "" {
		w.whole = d
		return
	}
	path := strings.TrimSuffix(d.want.Path, "*")
	w.paths[path] = append(w.paths[path], d)
	if i, found := slices.BinarySearch(w.lengths, len(path)); !found {
		w.lengths = slices.Insert(w.lengths, i, len(path))
	}
}

// addRule adds what r, an allow, lets through.
func (s *doors) addRule(r *policy.RuleInfo) {
	for _, scheme := range []policy.Scheme{policy.HTTP, policy.HTTPS} {
		for _, port := range r.Ports(scheme) {
			want := policy.Entry{Scheme: scheme, Host: r.Host, Path: r.Path, Query: r.Query}
			if port != scheme.DefaultPort() {
				want.Ports = []uint16{port}
			}
			e := Endpoint{Source: r.Source}.wanting(want)
			s.add(&door{Endpoint: &e, scheme: scheme, host: r.Host, text: e.Text})
		}
	}
}

// covering returns the door of s through which all passes that passes through d, the same one before a wider one; nil if
// there is none.
func (s *doors) covering(d *door) *door {
	if same := s.texts[d.text]; same != nil {
		return same
	}
	if o := s.same[d.key(d.host.String())].covering(d); o != nil {
		return o
	}
	for end := range d.host.Ends() {
		for _, ways := range s.wild[d.key(end)] {
			if o := ways.covering(d); o != nil {
				return o
			}
		}
	}
	return nil
}

// covering returns a door of w that covers d; nil if there is none.
func (w *wayIns) covering(d *door) *door {
	if w == nil {
		return nil
	}
	if w.whole != nil && w.whole.covers(d) {
		return w.whole
	}
	for _, n := range w.lengths {
		if n > len(d.want.Path) {
			break
		}
		for _, o := range w.paths[d.want.Path[:n]] {
			if o.covers(d) {
				return o
			}
		}
	}
	return nil
}

func (d *door) covers(o *door) bool {
	if d.scheme != o.scheme || d.port != o.port || !d.host.Contains(o.host) {
		return false
	}
	r := policy.RuleInfo{Path: d.want.Path, Query: d.want.Query}
	return r.AdmitsPath(o.want.Path, o.want.Query)
}

// lacking returns the doors of from that s does not cover.
func (s *doors) lacking(from *doors) []Difference {
	var all []Difference
	for _, d := range from.all {
		if s.covering(d) == nil {
			all = append(all, d.difference("", ""))
		}
	}
	return all
}
