package policy

import "sync/atomic"

// Live holds the Set in force. The zero Live holds none, which denies everything.
// It is safe for concurrent use.
type Live struct {
	set atomic.Pointer[Set]
}

// Load returns the Set in force; nil if there is none. A request loads it once and keeps it.
func (l *Live) Load() *Set { return l.set.Load() }

// Swap puts set in force and returns the one before, nil if there was none.
func (l *Live) Swap(set *Set) (old *Set) { return l.set.Swap(set) }
