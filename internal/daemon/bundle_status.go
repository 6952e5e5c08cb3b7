package daemon

import (
	"sync"
	"time"
)

// BundleStatus is of the policy bundle in force, where policy.bundle says that there is one.
type BundleStatus struct {
	Name    string    `json:"name"`
	Serial  uint64    `json:"serial"` // 0 if none was taken yet
	Made    time.Time `json:"made,omitzero"`
	Reached time.Time `json:"reached,omitzero"`  // when policy.bundle.from was last reached
	Problem string    `json:"problem,omitempty"` // what kept the last one from being fetched or taken
}

// bundleContact is how fetching bundles goes. The zero value is that of a process that has not begun. It is safe for
// concurrent use.
type bundleContact struct {
	mu      sync.Mutex
	reached time.Time
	problem string
}

// note says that the source was reached, if reached is set, and what the problem is, if there is one. It reports whether
// that is another one than before.
func (c *bundleContact) note(reached bool, problem string) (other bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if reached {
		c.reached = time.Now()
	}
	other, c.problem = c.problem != problem, problem
	return other
}

func (c *bundleContact) last() (reached time.Time, problem string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reached, c.problem
}

// bundleStatus is nil if no bundle is configured.
func (d *daemon) bundleStatus() *BundleStatus {
	cfg := d.current.Load()
	if cfg == nil || cfg.Policy.Bundle == nil {
		return nil
	}
	st := &BundleStatus{Name: cfg.Policy.Bundle.Name}
	if cfg.Bundle != nil {
		st.Serial, st.Made = cfg.Bundle.Serial, cfg.Bundle.Made
	}
	st.Reached, st.Problem = d.bundle.last()
	return st
}
