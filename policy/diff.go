package policy

import (
	"fmt"
	"slices"
)

// Diff tells what new decides by that old did not, and the other way round: lines that each name an
// entry, a client network or a phase with all its conditions, sorted. A nil Set has none.
func Diff(old, new *Set) (added, removed []string) {
	a, b := old.lines(), new.lines()
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

// lines is what s decides by, sorted. Sets with equal lines decide alike.
func (s *Set) lines() []string {
	if s == nil {
		return nil
	}
	lines := make([]string, 0, len(s.entries)+len(s.clients.groups)+len(s.phases))
	for _, e := range s.entries {
		lines = append(lines, e.String())
	}
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
