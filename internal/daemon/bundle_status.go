package daemon

import (
	"fmt"
	"sync"
	"time"

	"webproxy/audit"
)

// BundleStatus is about the policy bundle in force, if policy.bundle is set.
type BundleStatus struct {
	Name    string    `json:"name"`
	Serial  uint64    `json:"serial"` // 0 if none was taken yet
	Made    time.Time `json:"made,omitzero"`
	Reached time.Time `json:"reached,omitzero"`  // when policy.bundle.from was last reached
	Problem string    `json:"problem,omitempty"` // why the last one could not be fetched or taken
}

// bundleContact is the state of fetching bundles. The zero value is ready to use. It is safe for concurrent use.
type bundleContact struct {
	mu      sync.Mutex
	reached time.Time
	problem string
}

// note stores the problem, which may be empty, and with reached the time. It reports whether the problem has changed.
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

// bundleText is the line of /readyz about the bundle; empty if none is configured.
func (d *daemon) bundleText() string {
	st := d.bundleStatus()
	if st == nil {
		return ""
	}
	text := fmt.Sprintf("%s-%d", st.Name, st.Serial)
	if st.Serial == 0 {
		text = "none was taken yet: everything is refused"
	}
	if st.Problem != "" {
		text += "; the next is not taken: " + audit.Printable(st.Problem)
	}
	return text
}
