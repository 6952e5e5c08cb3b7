package policy

import (
	"iter"
	"maps"
	"slices"
	"time"
)

// A PhaseInfo is a phase as it is at one time.
type PhaseInfo struct {
	Name     string
	On       bool
	Until    time.Time // zero if it is not switched on until a time
	Schedule string    // empty if it has none
}

// Phases returns the phases of s by their names, as they are at t.
func (s *Set) Phases(t time.Time) []PhaseInfo {
	if s == nil {
		return nil
	}
	var all []PhaseInfo
	for _, name := range slices.Sorted(maps.Keys(s.phases)) {
		p := s.phases[name]
		i := PhaseInfo{Name: name, On: p.on(t), Until: p.until}
		if p.schedule != nil {
			i.Schedule = p.schedule.String()
		}
		all = append(all, i)
	}
	return all
}

// Expiring yields the entries that allow something and end after from, at until at the latest.
func (s *Set) Expiring(from, until time.Time) iter.Seq[RuleInfo] {
	return func(yield func(RuleInfo) bool) {
		if !s.Timed() {
			return
		}
		for i := range s.entries {
			e := &s.entries[i]
			ends := e.terms().expires
			if !e.block.deny && ends > from.Unix() && ends <= until.Unix() && !yield(e.info()) {
				return
			}
		}
	}
}
