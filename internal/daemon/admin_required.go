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

// requirements are what Azure Local requires where the proxy is, made once for each configuration. The zero value has not looked yet. It is
// safe for concurrent use. It reads no file: the lists are in the program.
type requirements struct {
	mu      sync.Mutex // guards what follows
	of      *config.Config
	profile *coverage.Profile // nil if there is none for the place
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

// mark notes on hosts that were denied which list requires them, unless the policy of cfg permits them by now, or denies them for what no
// rule is about.
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

// isGap reports whether a reason is one for which coverage has a line: a rule would mend it.
func isGap(reason string) bool {
	switch reason {
	case policy.HostNotListed.String(), policy.PortNotAllowed.String(), policy.SchemeNotAllowed.String(), policy.RuleExpired.String(), policy.DeniedByRule.String():
		return true
	}
	return false
}

// stillDenied asks the policy about the host, for the client that asked last, in the form that goes with its port.
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
