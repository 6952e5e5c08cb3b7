package policy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Diff returns what new decides by that old did not, and the reverse: lines that each name an entry, a client network
// or a phase with all its conditions, sorted. A nil Set has none.
func Diff(old, new *Set) (added, removed []string) {
	left, right := differing(old, new)
	a, b := old.linesOf(left, new.rest), new.linesOf(right, new.rest)
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i == len(a) || j < len(b) && b[j] < a[i]:
			added = append(added, b[j])
			j++
		case j == len(b) || a[i] < b[j]:
			removed = append(removed, a[i])
			i++
		default:
			i, j = i+1, j+1
		}
	}
	return added, removed
}

// differing returns the entries of old and new, by number, without those that a quick comparison finds on both sides:
// a rule's entries are compared from both ends. The rest may still contain equal ones.
func differing(old, new *Set) (left, right []uint32) {
	if old == nil || new == nil {
		return old.all(), new.all()
	}
	was := map[string]*block{}
	for i := range old.blocks {
		was[old.blocks[i].id] = &old.blocks[i]
	}
	same := map[*block]bool{} // blocks of old that were compared
	for i := range new.blocks {
		b := &new.blocks[i]
		o := was[b.id]
		if o == nil {
			right = appendRange(right, b.first, b.first+b.count)
			continue
		}
		same[o] = true
		p := pair{left: old, right: new}
		front, back, most := uint32(0), uint32(0), min(o.count, b.count)
		for front < most && p.equal(o.first+front, b.first+front) {
			front++
		}
		for back < most-front && p.equal(o.first+o.count-1-back, b.first+b.count-1-back) {
			back++
		}
		left = appendRange(left, o.first+front, o.first+o.count-back)
		right = appendRange(right, b.first+front, b.first+b.count-back)
	}
	for i := range old.blocks {
		if b := &old.blocks[i]; !same[b] {
			left = appendRange(left, b.first, b.first+b.count)
		}
	}
	return left, right
}

func appendRange(b []uint32, from, to uint32) []uint32 {
	for ; from < to; from++ {
		b = append(b, from)
	}
	return b
}

// all is the numbers of all entries.
func (s *Set) all() []uint32 {
	if s == nil {
		return nil
	}
	return appendRange(nil, 0, uint32(len(s.entries)))
}

// A pair compares entries of two Sets. It remembers the last terms that were equal: neighbours mostly share them.
type pair struct {
	left, right  *Set
	terms, other *terms // were found to be equal, in their blocks
	compared     int
}

// equal reports whether two entries have equal lines.
func (p *pair) equal(i, j uint32) bool {
	p.right.rest(p.compared)
	p.compared++
	e, f := &p.left.entries[i], &p.right.entries[j]
	if e.item.host != f.item.host || e.item.kind != f.item.kind || e.name() != f.name() {
		return false
	}
	if e.terms() == p.terms && f.terms() == p.other {
		return true
	}
	var one, two [256]byte
	if !bytes.Equal(e.appendTo(one[:0]), f.appendTo(two[:0])) {
		return false
	}
	p.terms, p.other = e.terms(), f.terms()
	return true
}

// linesOf are the lines of those entries, and all others that s decides by, sorted. It calls rest now and then.
func (s *Set) linesOf(entries []uint32, rest func(int)) []string {
	if s == nil {
		return nil
	}
	lines := s.otherLines()
	for i, n := range entries {
		rest(i)
		lines = append(lines, s.entries[n].String())
	}
	compared := 0
	slices.SortFunc(lines, func(a, b string) int {
		rest(compared)
		compared++
		return strings.Compare(a, b)
	})
	return lines
}

// otherLines is what s decides by apart from its entries, sorted. Sets with equal lines decide alike.
func (s *Set) otherLines() []string {
	lines := make([]string, 0, len(s.clients.groups)+len(s.phases))
	for _, g := range s.clients.groups {
		for _, p := range g.prefixes {
			lines = append(lines, fmt.Sprintf("client %s %s %s", p, g.name, g.mode))
		}
	}
	for name, p := range s.phases {
		lines = append(lines, fmt.Sprintf("phase %s active=%t until=%s schedule=%q", name, p.active, until(p.until), p.schedule))
	}
	for p := range s.denied.AllSorted() {
		lines = append(lines, "deny network "+p.String())
	}
	for _, p := range s.nat64 {
		lines = append(lines, "nat64 "+p.String())
	}
	slices.Sort(lines)
	return lines
}
