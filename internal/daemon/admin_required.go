package daemon

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"webproxy/config"
	"webproxy/coverage"
	"webproxy/policy"
)

// requirements are the endpoints that Azure Local requires at the proxy's place, made once for each configuration. The zero value
// is ready to use. It is safe for concurrent use, and reads no file: the lists are in the program.
type requirements struct {
	mu      sync.Mutex // guards what follows
	of      *config.Config
	profile *coverage.Profile // nil if no list is for the place
}

func (q *requirements) profileOf(cfg *config.Config) *coverage.Profile {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.of != cfg {
		name, _ := coverage.InUse(coverage.AzureLocal, cfg.Policy.Rules)
		q.of, q.profile = cfg, nil
		if p, err := coverage.Open(name, cfg.Place()); err == nil {
			q.profile = p
		}
	}
	return q.profile
}

// mark sets Required of denied hosts that a list requires, unless the policy of cfg permits them by now, or denies them for a reason
// that no rule can change.
func (q *requirements) mark(cfg *config.Config, denied []DeniedStatus, now time.Time) {
	for i := range denied {
		d := &denied[i]
		if !isGap(d.Reason) {
			continue
		}
		p := q.profileOf(cfg)
		if p == nil {
			return
		}
		if p.Requires(d.Host, d.Port) && stillDenied(cfg.Set, d, now) {
			d.Required = p.Name
		}
	}
}

// isGap reports whether a rule would lift a denial for that reason.
func isGap(reason string) bool {
	switch reason {
	case policy.HostNotListed.String(), policy.PortNotAllowed.String(), policy.SchemeNotAllowed.String(), policy.RuleExpired.String(), policy.DeniedByRule.String():
		return true
	}
	return false
}

// stillDenied reports whether the policy denies the host to the last client, with the scheme of its port.
func stillDenied(set *policy.Set, d *DeniedStatus, now time.Time) bool {
	client, err := netip.ParseAddr(d.Client)
	if err != nil {
		return false
	}
	scheme := policy.HTTPS
	if d.Port == policy.HTTP.DefaultPort() {
		scheme = policy.HTTP
	}
	req, err := policy.NewRequest(client, "", fmt.Sprintf("%s://%s:%d", scheme, d.Host, d.Port), now)
	return err == nil && !set.Explain(&req).Permit
}
