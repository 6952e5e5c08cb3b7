package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Lockdown refuses, until a time, everything that its rules do not allow. It only takes away: what the policy
// denies stays denied.
type Lockdown struct {
	// Only are the ids of the allow rules that are spared. If there are none, everything is refused.
	Only []string
	// Until is its end. If it is zero, the lockdown has none.
	Until time.Time
	// By and Reason are who asked for it, and why, for people.
	By, Reason string
}

// lockdown is a Lockdown of one Set.
type lockdown struct {
	Lockdown
	blocks []*block // those of Only; empty, not nil, if there are none
}

// Under returns s with l in force: a Set that permits what s permits and a rule of l.Only allows, at any time before
// l.Until. In learn mode too, nothing else goes ahead. s is not changed; a nil s stays nil. It is an error if a name
// of l.Only is not the id of an allow rule of s. The returned Set has the digest of s, and its tests are those of s:
// RunTests ignores lockdowns.
func (s *Set) Under(l Lockdown) (*Set, error) {
	if s == nil {
		return nil, nil
	}
	hold := &lockdown{Lockdown: l, blocks: []*block{}}
	for _, id := range l.Only {
		i := slices.IndexFunc(s.blocks, func(b block) bool { return b.id == id && !b.deny })
		if i < 0 {
			return nil, noSuch("allow rule", id, s.allowRules(), "")
		}
		hold.blocks = append(hold.blocks, &s.blocks[i])
	}
	under := *s
	under.lockdown = hold
	return &under, nil
}

// Lockdown returns the lockdown of s that is on at t, and whether there is one.
func (s *Set) Lockdown(t time.Time) (Lockdown, bool) {
	if s == nil || s.lockdown == nil || !s.lockdown.on(t) {
		return Lockdown{}, false
	}
	return s.lockdown.Lockdown, true
}

// allowRules are the ids of the rules that allow.
func (s *Set) allowRules() (ids []string) {
	for i := range s.blocks {
		if !s.blocks[i].deny {
			ids = append(ids, s.blocks[i].id)
		}
	}
	return ids
}

// on reports whether l holds at t. It has no beginning: a clock that is set back does not lift it.
func (l *lockdown) on(t time.Time) bool { return l.Until.IsZero() || t.Before(l.Until) }

// spares reports whether l lets req through, which s permits to a client of g.
func (l *lockdown) spares(s *Set, req *Request, g *group) bool {
	if !l.on(req.Time) {
		return true
	}
	m := match{req: req, group: g, only: l.blocks}
	s.index.each(req.Target, &m)
	return m.allow != nil
}

// why is one sentence for a request that l refuses.
func (l *lockdown) why() string { return "a lockdown is on " + l.Text() }

// Text says until when l is on, what it spares, who asked for it, and why.
func (l *Lockdown) Text() string {
	var b strings.Builder
	if l.Until.IsZero() {
		b.WriteString("until it is ended")
	} else {
		b.WriteString("until " + until(l.Until))
	}
	if len(l.Only) == 0 {
		b.WriteString(", of everything")
	} else {
		fmt.Fprintf(&b, ", of everything but %s", list(l.Only))
	}
	if l.By != "" {
		b.WriteString(", by " + l.By)
	}
	if l.Reason != "" {
		b.WriteString(": " + l.Reason)
	}
	return b.String()
}
