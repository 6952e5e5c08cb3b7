package tables

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/policy"
)

// refuseDenied removes entries that would admit what the document denies elsewhere. In Squid and in firewalls the order of lines
// matters, in a list of entries it does not, so an allow that overlaps a deny is never imported without the deny.
func (d *document) refuseDenied() {
	if len(d.denied) == 0 {
		return
	}
	index := newDeniedIndex(d.denied)
	for i := range d.report.Lines {
		l := &d.report.Lines[i]
		l.Entries = slices.DeleteFunc(l.Entries, func(e policy.Entry) bool {
			by, ok := index.overlapping(&e)
			if ok {
				l.Left = append(l.Left, Left{
					Kind: Problem, Text: e.String(), Why: fmt.Sprintf("the document denies %s, which it would let through", by),
					Hint: "take over what is denied first: lists import --deny; then write the line by hand",
				})
			}
			return ok
		})
	}
}

// A deniedIndex finds the denied entries that overlap another, in a time that does not grow with their number.
type deniedIndex struct {
	exact map[string][]*policy.Entry // by the whole name
	wild  map[string][]*policy.Entry // patterns with a star, by what is fixed at their end
	under map[string][]*policy.Entry // all, by their domain and each domain above it
}

// maxOverlaps bounds how many denied entries are compared with one entry. If a domain has more, the entry is refused.
const maxOverlaps = 64

func newDeniedIndex(denied []policy.Entry) *deniedIndex {
	x := &deniedIndex{map[string][]*policy.Entry{}, map[string][]*policy.Entry{}, map[string][]*policy.Entry{}}
	put := func(m map[string][]*policy.Entry, key string, e *policy.Entry) {
		if len(m[key]) <= maxOverlaps {
			m[key] = append(m[key], e)
		}
	}
	for i := range denied {
		e := &denied[i]
		tail := e.Host.Tail()
		if e.Host.IsWildcard() {
			put(x.wild, tail, e)
		} else {
			put(x.exact, e.Host.String(), e)
		}
		for domain := range domains(tail) {
			put(x.under, domain, e)
		}
	}
	return x
}

// domains yields name and the domains above it.
func domains(name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for yield(name) {
			_, above, ok := strings.Cut(name, ".")
			if !ok {
				return
			}
			name = above
		}
	}
}

// overlapping returns the host of a denied entry that e would let through, wholly or partly.
func (x *deniedIndex) overlapping(e *policy.Entry) (string, bool) {
	for _, list := range x.candidates(e) {
		if len(list) > maxOverlaps {
			return list[0].Host.String(), true
		}
		for _, denied := range list {
			if denied.Host.Overlaps(e.Host) && overlapOutsideHost(denied, e) {
				return denied.Host.String(), true
			}
		}
	}
	return "", false
}

func (x *deniedIndex) candidates(e *policy.Entry) [][]*policy.Entry {
	lists := [][]*policy.Entry{x.exact[e.Host.String()]}
	if e.Host.IsAddr() {
		return lists
	}
	for domain := range domains(e.Host.Tail()) {
		lists = append(lists, x.wild[domain])
	}
	if e.Host.IsWildcard() {
		lists = append(lists, x.under[e.Host.Tail()])
	}
	return lists
}

// overlapOutsideHost reports whether two entries have a scheme, port and path in common.
func overlapOutsideHost(a, b *policy.Entry) bool {
	if a.Scheme != b.Scheme && a.Scheme != policy.SchemeNone && b.Scheme != policy.SchemeNone {
		return false
	}
	if p, q := portsOf(a), portsOf(b); !slices.ContainsFunc(p, func(n uint16) bool { return slices.Contains(q, n) }) {
		return false
	}
	return a.Path == "" || b.Path == "" || policy.MatchPath(a.Path, b.Path) || policy.MatchPath(b.Path, a.Path)
}

func portsOf(e *policy.Entry) []uint16 {
	if len(e.Ports) > 0 {
		return e.Ports
	}
	return []uint16{e.Scheme.DefaultPort()}
}
