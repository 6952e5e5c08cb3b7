package coverage

import (
	"slices"
	"strings"

	"webproxy/policy"
)

// rules are the entries of a policy that are in force for some Options. It finds those that decide about an endpoint: a policy may have
// hundreds of thousands of entries, all of them for one host, and a document as many endpoints. It is not safe for concurrent use.
type rules struct {
	all     []policy.RuleInfo
	options Options
	exact   map[string]*hostRules   // exact names, by host
	wild    map[string][]*hostRules // wildcards, by the end of their host
	below   map[string][]int        // denies, by each end of their host
	first   map[flowKey]int         // the first deny within a wildcard, -1 for none
}

// hostRules are the entries of one host pattern.
type hostRules struct {
	host  policy.Pattern
	all   []int
	ports map[portKey][]int // those that admit a port; those that admit every port have the port 0
	near  map[portKey]int   // the first allow that does not admit a port; -1 for none
	views map[portKey]*view
}

// A portKey is a port in a form; 0 stands for every port.
type portKey struct {
	scheme policy.Scheme
	port   uint16
}

func indexRules(all []policy.RuleInfo, o Options) *rules {
	r := &rules{all: all, options: o, exact: map[string]*hostRules{}, wild: map[string][]*hostRules{}, below: map[string][]int{}, first: map[flowKey]int{}}
	wild := map[string]*hostRules{}
	for i := range all {
		if !inForce(&all[i], o) {
			continue
		}
		host, into := all[i].Host, r.exact
		if host.IsWildcard() {
			into = wild
		}
		h := into[host.String()]
		if h == nil {
			h = &hostRules{host: host, ports: map[portKey][]int{}, near: map[portKey]int{}, views: map[portKey]*view{}}
			into[host.String()] = h
			if host.IsWildcard() {
				r.wild[host.Tail()] = append(r.wild[host.Tail()], h)
			}
		}
		h.add(&all[i], i)
		if !all[i].Deny {
			continue
		}
		for end := range host.Ends() {
			r.below[end] = append(r.below[end], i)
		}
	}
	return r
}

func (h *hostRules) add(r *policy.RuleInfo, i int) {
	h.all = append(h.all, i)
	for _, scheme := range []policy.Scheme{policy.HTTP, policy.HTTPS} {
		ports := r.Ports(scheme)
		if len(ports) == 0 && r.HasScheme(scheme) {
			ports = []uint16{0}
		}
		for _, port := range ports {
			key := portKey{scheme, port}
			h.ports[key] = append(h.ports[key], i)
		}
	}
}

// about returns entries that decide about e, in the order of the policy: all others are like one of these that comes before, or say nothing.
func (r *rules) about(e *Endpoint) []int {
	var found []int
	if h := r.exact[e.want.Host.String()]; h != nil {
		found = h.about(r, e, found)
	}
	for end := range e.want.Host.Ends() {
		for _, h := range r.wild[end] {
			if h.host.Contains(e.want.Host) {
				found = h.about(r, e, found)
			}
		}
	}
	if i := r.denyWithin(e); i >= 0 {
		found = append(found, i)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// denyWithin is the first deny of a part of e's host; -1 if there is none.
func (r *rules) denyWithin(e *Endpoint) int {
	if !e.want.Host.IsWildcard() {
		return -1
	}
	key := flowKey{e.want.Host.String(), e.want.Scheme, e.port}
	i, known := r.first[key]
	if !known {
		i = -1
		if at := slices.IndexFunc(r.below[e.want.Host.Tail()], func(i int) bool {
			d := &r.all[i]
			return e.want.Host.Contains(d.Host) && !d.Host.Contains(e.want.Host) && d.Admits(e.want.Scheme, e.port)
		}); at >= 0 {
			i = r.below[e.want.Host.Tail()][at]
		}
		r.first[key] = i
	}
	return i
}

// about appends entries of h to found.
func (h *hostRules) about(r *rules, e *Endpoint, found []int) []int {
	own := portKey{e.want.Scheme, e.port}
	near, known := h.near[own]
	if !known {
		near = -1
		if at := slices.IndexFunc(h.all, func(i int) bool { return !r.all[i].Deny && !r.all[i].Admits(e.want.Scheme, e.port) }); at >= 0 {
			near = h.all[at]
		}
		h.near[own] = near
	}
	if near >= 0 {
		found = append(found, near)
	}
	for _, port := range []uint16{e.port, 0} {
		key := portKey{e.want.Scheme, port}
		if h.views[key] == nil {
			if len(h.ports[key]) == 0 {
				continue
			}
			h.views[key] = newView(r.all, h.ports[key], e.method(), r.options)
		}
		found = h.views[key].about(r.all, e, found)
	}
	return found
}

// A view has the entries of one host pattern for one port in one form, as far as they differ in what they say.
type view struct {
	paths   map[[2]string][]int // by the beginning of their path, and their query
	lengths []int               // of these beginnings, ascending
	kinds   [kinds][]int        // in the order of the policy
}

// The kinds of entries for a port. Entries of one kind with the same path and query say the same; the first is named.
const (
	allows = iota
	allowsSometimes
	inspects
	inspectsSometimes
	denies
	deniesSometimes
	otherMethods
	kinds
)

func kindOf(r *policy.RuleInfo, method string, o Options) int {
	kind := allows
	switch {
	case r.Deny:
		kind = denies
	case r.Methods != nil && !slices.Contains(r.Methods, method):
		return otherMethods
	case r.Inspect:
		kind = inspects
	}
	if conditions(r, o) != "" {
		kind++
	}
	return kind
}

// beginning is how every path begins that r is for.
func beginning(r *policy.RuleInfo) string {
	return strings.TrimSuffix(strings.TrimSuffix(r.Path, "*"), "/")
}

func newView(all []policy.RuleInfo, of []int, method string, o Options) *view {
	type what struct {
		kind        int
		path, query string
	}
	v := &view{paths: map[[2]string][]int{}}
	known, last := map[what]bool{}, map[what]int{}
	add := func(i int) {
		key := [2]string{beginning(&all[i]), all[i].Query}
		v.paths[key] = append(v.paths[key], i)
	}
	lengths := map[int]bool{}
	for _, i := range of {
		r := &all[i]
		w := what{kindOf(r, method, o), r.Path, r.Query}
		if w.kind == denies {
			last[w] = i // of several denies the last is named
		}
		if known[w] {
			continue
		}
		known[w] = true
		lengths[len(beginning(r))] = true
		v.kinds[w.kind] = append(v.kinds[w.kind], i)
		add(i)
	}
	for _, i := range last {
		add(i)
	}
	for n := range lengths {
		v.lengths = append(v.lengths, n)
	}
	slices.Sort(v.lengths)
	return v
}

// about appends entries of v to found: those for e's path, and the first of each kind for another.
func (v *view) about(all []policy.RuleInfo, e *Endpoint, found []int) []int {
	for _, n := range v.lengths {
		if n > len(e.want.Path) {
			break
		}
		begin := e.want.Path[:n]
		found = append(found, v.paths[[2]string{begin, ""}]...)
		if e.want.Query != "" {
			found = append(found, v.paths[[2]string{begin, e.want.Query}]...)
		}
	}
	for _, of := range v.kinds {
		if i := slices.IndexFunc(of, func(i int) bool { return !all[i].AdmitsPath(e.want.Path, e.want.Query) }); i >= 0 {
			found = append(found, of[i])
		}
	}
	return found
}

// inForce reports whether r is in force for o.
func inForce(r *policy.RuleInfo, o Options) bool {
	return (r.Expires.IsZero() || o.Now.Before(r.Expires)) && (o.Group == "" || r.Groups == nil || slices.Contains(r.Groups, o.Group))
}
