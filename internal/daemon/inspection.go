package daemon

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"

	"webproxy/certs"
	"webproxy/config"
	"webproxy/internal/hint"
	"webproxy/proxy/egress"
)

// An inspection is the authorities that a running proxy works with: the one that signs for its clients, and those
// that origins are trusted for. A reload may replace both. It is a proxy.Inspector.
type inspection struct {
	signs atomic.Pointer[certs.Authority] // nil if there is none
	roots egress.Roots
}

var errNoAuthority = errors.New("no authority for inspection")

// Certificate implements proxy.Inspector.
func (n *inspection) Certificate(host string) (*tls.Certificate, error) {
	if a := n.signs.Load(); a != nil {
		return a.Certificate(host)
	}
	return nil, errNoAuthority
}

// read reads the authorities of cfg, and returns what puts them in force. The one that signs must be there if a
// rule inspects.
func (n *inspection) read(cfg *config.Config) (install func(), err error) {
	roots, err := cfg.Inspection.Trusted()
	if err != nil {
		return nil, err
	}
	wanted := cfg.Set.Inspects()
	signs, err := certs.Open(cfg.Inspection.Dir)
	if err != nil && wanted {
		return nil, hint.With(fmt.Errorf("inspection: %w", err), "webproxy ca init makes an authority; clients of the rule must trust it")
	}
	return func() {
		n.signs.Store(signs)
		if !n.roots.Load().Equal(roots) { // else connections that they have verified stay in use
			n.roots.Swap(roots)
		}
	}, nil
}
