package policy

import (
	"iter"
	"slices"
	"strings"
	"time"
)

// A RuleInfo is one entry in force, with all conditions that hold for it, for those who look at a policy as a whole:
// linters, reports, pages. It is a copy; what it refers to must not be changed.
type RuleInfo struct {
	Rule    string // as Decision.Rule: "arc/his"
	Source  string // as Decision.Source: "lists/approved.txt:4"
	Field   string // of the Spec: "rules[3].hosts[0]"
	Deny    bool
	Host    Pattern
	Path    string   // "" for every path
	Query   string   // "" for every query
	Methods []string // nil for all
	Groups  []string // nil for all client groups
	Phase   string   // "" if it holds in every phase
	Expires time.Time
	Private bool   // its hosts may have private addresses
	Tag     string // the service tag its addresses are checked against; "" if none is
	Inspect bool
	Reason  string // what its author gave
	By      string // who approved it

	entry *entry
}

// Rules returns the entries in force, in the order of the Spec.
func (s *Set) Rules() []RuleInfo {
	if s == nil {
		return nil
	}
	return slices.AppendSeq(make([]RuleInfo, 0, len(s.entries)), s.All())
}

// All is Rules one by one, without memory for all of them.
func (s *Set) All() iter.Seq[RuleInfo] {
	return func(yield func(RuleInfo) bool) {
		for i := range s.entries {
			if s.rest(i); !yield(s.entries[i].info()) {
				return
			}
		}
	}
}

// Approved is Rules, but only those that name who approved them.
func (s *Set) Approved() []RuleInfo {
	if s == nil {
		return nil
	}
	var all []RuleInfo
	for i := range s.entries {
		s.rest(i)
		if s.entries[i].by() != "" {
			all = append(all, s.entries[i].info())
		}
	}
	return all
}

// Without returns s without its entry number n, counted from 0 in the order of All: for those who ask what would be if it were gone. s is
// not changed. It returns nil if s has no such entry.
func (s *Set) Without(n int) *Set {
	if s == nil || n < 0 || n >= len(s.entries) {
		return nil
	}
	less := *s
	less.digested = new(setDigest)
	less.blocks = slices.Clone(s.blocks)
	moved := make(map[*block]*block, len(s.blocks))
	for i := range less.blocks {
		b := &less.blocks[i]
		moved[&s.blocks[i]] = b
		switch {
		case b.first > uint32(n):
			b.first--
		case uint32(n) < b.first+b.count:
			b.count--
		}
	}
	move := func(all []*block) []*block {
		all = slices.Clone(all)
		for i, b := range all {
			all[i] = moved[b]
		}
		return all
	}
	less.inspecting = move(s.inspecting)
	if s.lockdown != nil {
		less.lockdown = &lockdown{s.lockdown.Lockdown, move(s.lockdown.blocks)}
	}
	less.entries = slices.Concat(s.entries[:n], s.entries[n+1:])
	for i := range less.entries {
		s.rest(i)
		less.entries[i].block = moved[less.entries[i].block]
	}
	less.index = newIndex(less.entries, less.rest)
	return &less
}

// Inspects reports whether a rule asks for inspection.
func (s *Set) Inspects() bool { return s != nil && len(s.inspecting) > 0 }

func (e *entry) info() RuleInfo {
	b, t := e.block, e.terms()
	r := RuleInfo{
		Rule: e.name(), Source: e.source(), Field: e.field(), Deny: b.deny, Host: e.pattern(),
		Path: t.path, Query: t.query, Methods: b.methods, Private: b.private, Inspect: b.inspect,
		Reason: e.because(), By: e.by(), entry: e,
	}
	for _, g := range b.groups {
		r.Groups = append(r.Groups, g.name)
	}
	if t.phase != nil {
		r.Phase = t.phase.name
	}
	if t.expires != 0 {
		r.Expires = time.Unix(t.expires, 0).UTC()
	}
	if b.tag != nil {
		r.Tag = b.tag.name
	}
	return r
}

// String is the entry in its normal form; entries with equal strings decide alike.
func (r RuleInfo) String() string {
	if r.entry == nil {
		return ""
	}
	return r.entry.String()
}

// Admits reports whether r is about a port in a form: HTTP, or HTTPS for CONNECT. SchemeNone asks
// for either.
func (r RuleInfo) Admits(scheme Scheme, port uint16) bool {
	if r.entry == nil {
		return false
	}
	a := r.entry.terms().admits
	return scheme != HTTPS && a.http.has(port) || scheme != HTTP && a.https.has(port)
}

// HasScheme reports whether r is about any port in a form.
func (r RuleInfo) HasScheme(scheme Scheme) bool {
	if r.entry == nil {
		return false
	}
	if scheme == HTTP {
		return r.entry.terms().admits.http.any()
	}
	return r.entry.terms().admits.https.any()
}

// Ports returns the ports that r names in a form, ascending; none for a deny of every port. The caller owns the result.
func (r RuleInfo) Ports(scheme Scheme) []uint16 {
	switch {
	case r.entry == nil:
		return nil
	case scheme == HTTP:
		return slices.Clone(r.entry.terms().admits.http.ports)
	}
	return slices.Clone(r.entry.terms().admits.https.ports)
}

// Covers reports whether r matches every request that o matches, at any time, whatever addresses its host has.
// Whether they allow or deny is not compared. It errs to false: for patterns with stars in several places it may miss
// that one covers the other.
func (r RuleInfo) Covers(o RuleInfo) bool {
	a, b := r.entry, o.entry
	return a != nil && b != nil && a.pattern().Contains(b.pattern()) && a.conditionsCover(b)
}

// conditionsCover is Covers without the hosts.
func (e *entry) conditionsCover(o *entry) bool {
	a, b, r, q := e.terms(), o.terms(), e.block, o.block
	switch {
	case !a.admits.http.contains(b.admits.http) || !a.admits.https.contains(b.admits.https):
		return false
	case a.path != b.path && !pathContains(a.path, b.path):
		return false
	case a.query != "" && a.query != b.query:
		return false
	case !subset(q.methods, r.methods) || !subset(q.groups, r.groups):
		return false
	case a.phase != nil && a.phase != b.phase:
		return false
	case a.expires != 0 && (b.expires == 0 || b.expires > a.expires):
		return false
	case !r.deny && (q.private && !r.private || r.inspect != q.inspect):
		return false
	}
	// A tag narrows the addresses.
	return r.tag == nil || q.tag != nil && r.tag.name == q.tag.name && r.tag.check == q.tag.check
}

// subset reports whether all of a is in b, where nil is everything.
func subset[T comparable](a, b []T) bool {
	if b == nil {
		return true
	}
	if a == nil {
		return false
	}
	return !slices.ContainsFunc(a, func(v T) bool { return !slices.Contains(b, v) })
}

func (s portSet) contains(o portSet) bool {
	if s.all || o.all {
		return s.all
	}
	return !slices.ContainsFunc(o.ports, func(p uint16) bool { return !s.has(p) })
}

// pathContains reports whether p matches every path that o does. Both match a path that cannot be seen.
func pathContains(p, o string) bool {
	if p == "" {
		return true
	}
	if prefix, ok := strings.CutSuffix(p, "*"); ok {
		return strings.HasPrefix(o, prefix)
	}
	if prefix, ok := strings.CutSuffix(o, "*"); ok {
		// "/pub/*" is below "/pub" and below "/pub/", "/pub*" is below neither.
		return strings.HasPrefix(prefix, strings.TrimSuffix(p, "/")+"/")
	}
	return MatchPath(p, o)
}

// Contains reports whether p matches every host that q matches. It errs to false for patterns with
// stars in several labels.
func (p Pattern) Contains(q Pattern) bool {
	switch {
	case p.kind == patternNone || q.kind == patternNone:
		return false
	case p.kind == patternAny || p.text == q.text:
		return true
	case q.kind == patternAny:
		return false
	case q.kind == patternExact || q.kind == patternAddr:
		return p.Matches(q.text)
	case p.kind == patternBelow:
		// At least one label stands before q's tail.
		return q.tail == p.tail || below(q.tail, p.tail)
	}
	return p.kind == patternGlob && globContains(strings.Split(p.text, "."), strings.Split(q.text, "."))
}

// globContains compares labels from the end. A first label "*" stands for one or more.
func globContains(p, q []string) bool {
	for len(p) > 0 && len(q) > 0 {
		last, other := p[len(p)-1], q[len(q)-1]
		if len(p) == 1 && last == "*" {
			return true // at least one label of q is left
		}
		if len(q) == 1 && other == "*" {
			return false // q has more labels
		}
		if !labelContains(last, other) {
			return false
		}
		p, q = p[:len(p)-1], q[:len(q)-1]
	}
	return len(p) == 0 && len(q) == 0
}

// labelContains reports whether p matches every label that q does. A star in q may stand for a letter that is not in
// p, so that only a star of p can match it: it is matched as a letter.
func labelContains(p, q string) bool {
	star, from := -1, 0 // the last star of p, and where in q its text ends
	i, j := 0, 0
	for j < len(q) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && p[i] == q[j]:
			i, j = i+1, j+1
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(p[i:], "*") == ""
}

// AdmitsPath reports whether r, by its own path and query, is about every request to path, which may end in a star,
// with query. An empty path is every path.
func (r RuleInfo) AdmitsPath(path, query string) bool {
	return (r.Path == path || pathContains(r.Path, path)) && (r.Query == "" || r.Query == query)
}
