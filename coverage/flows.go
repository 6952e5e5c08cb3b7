package coverage

import (
	"slices"
	"strings"

	"webproxy/policy"
)

// A flowSet finds flows by their text, or by the hosts and paths that contain them. Two documents may have hundreds of
// thousands of flows each, so no flow is compared with all others.
type flowSet struct {
	all   []*flow
	texts map[string]*flow
	same  map[flowKey]*pathFlows   // by the whole host
	wild  map[flowKey][]*pathFlows // wildcards, by the end of the host
}

// A flowKey is what a flow must have in common with one that covers it; the host may be the end of a wildcard.
type flowKey struct {
	host   string
	scheme policy.Scheme
	port   uint16
}

// pathFlows are flows of one host, scheme and port, by their path without a star at its end, and their query.
type pathFlows struct {
	whole   *flow                 // the flow for every path; may be nil
	paths   map[[2]string][]*flow // by path and query
	lengths []int                 // of the paths in it, ascending
}

func newFlowSet() *flowSet {
	return &flowSet{texts: map[string]*flow{}, same: map[flowKey]*pathFlows{}, wild: map[flowKey][]*pathFlows{}}
}

func flowsOf(p *Profile) *flowSet {
	all := newFlowSet()
	for i := range p.Endpoints {
		if e := &p.Endpoints[i]; e.reason == "" && e.blank == "" {
			all.add(&flow{Endpoint: e, scheme: e.want.Scheme, host: e.want.Host, text: e.Text})
		}
	}
	return all
}

// key is the flowKey of f with another host.
func (f *flow) key(host string) flowKey { return flowKey{host, f.scheme, f.port} }

func (s *flowSet) add(f *flow) {
	if s.texts[f.text] != nil {
		return
	}
	s.texts[f.text] = f
	s.all = append(s.all, f)
	key := f.key(f.host.String())
	flows := s.same[key]
	if flows == nil {
		flows = &pathFlows{paths: map[[2]string][]*flow{}}
		s.same[key] = flows
		if f.host.IsWildcard() {
			end := f.key(f.host.Tail())
			s.wild[end] = append(s.wild[end], flows)
		}
	}
	flows.add(f)
}

func (w *pathFlows) add(f *flow) {
	if f.want.Path == "" && f.want.Query == "" {
		w.whole = f
		return
	}
	path := strings.TrimSuffix(f.want.Path, "*")
	key := [2]string{path, f.want.Query}
	w.paths[key] = append(w.paths[key], f)
	if i, found := slices.BinarySearch(w.lengths, len(path)); !found {
		w.lengths = slices.Insert(w.lengths, i, len(path))
	}
}

// addRule adds what r, an allow, lets through.
func (s *flowSet) addRule(r *policy.RuleInfo) {
	for _, scheme := range []policy.Scheme{policy.HTTP, policy.HTTPS} {
		for _, port := range r.Ports(scheme) {
			want := policy.Entry{Scheme: scheme, Host: r.Host, Path: r.Path, Query: r.Query}
			if port != scheme.DefaultPort() {
				want.Ports = []uint16{port}
			}
			e := Endpoint{Source: r.Source}.wanting(want)
			s.add(&flow{Endpoint: &e, scheme: scheme, host: r.Host, text: e.Text})
		}
	}
}

// covering returns the flow of s that allows all that f does, an equal one before a wider one; nil if there is none.
func (s *flowSet) covering(f *flow) *flow {
	if same := s.texts[f.text]; same != nil {
		return same
	}
	if o := s.same[f.key(f.host.String())].covering(f); o != nil {
		return o
	}
	for end := range f.host.Ends() {
		for _, flows := range s.wild[f.key(end)] {
			if o := flows.covering(f); o != nil {
				return o
			}
		}
	}
	return nil
}

// covering returns a flow of w that covers f; nil if there is none.
func (w *pathFlows) covering(f *flow) *flow {
	if w == nil {
		return nil
	}
	if w.whole != nil && w.whole.covers(f) {
		return w.whole
	}
	for _, n := range w.lengths {
		if n > len(f.want.Path) {
			break
		}
		path := f.want.Path[:n]
		if o := firstCovering(w.paths[[2]string{path, ""}], f); o != nil {
			return o
		}
		if f.want.Query == "" {
			continue
		}
		if o := firstCovering(w.paths[[2]string{path, f.want.Query}], f); o != nil {
			return o
		}
	}
	return nil
}

func firstCovering(all []*flow, f *flow) *flow {
	for _, o := range all {
		if o.covers(f) {
			return o
		}
	}
	return nil
}

func (f *flow) covers(o *flow) bool {
	if f.scheme != o.scheme || f.port != o.port || !f.host.Contains(o.host) {
		return false
	}
	r := policy.RuleInfo{Path: f.want.Path, Query: f.want.Query}
	return r.AdmitsPath(o.want.Path, o.want.Query)
}

// missing returns the flows of from that s does not cover.
func (s *flowSet) missing(from *flowSet) []Difference {
	var all []Difference
	for _, f := range from.all {
		if s.covering(f) == nil {
			all = append(all, f.difference("", ""))
		}
	}
	return all
}
