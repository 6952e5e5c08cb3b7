package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"

	"go.uber.org/zap"

	"webproxy/certs"
	"webproxy/config"
	"webproxy/internal/hint"
	"webproxy/policy"
	"webproxy/proxy/egress"
)

// An inspection has the authorities in force: the one that signs certificates for clients, and those that certificates of origins
// are verified with. A reload replaces both. It implements proxy.Inspector.
type inspection struct {
	signs atomic.Pointer[certs.Authority] // nil without an authority
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

// authorities are those of one configuration.
type authorities struct {
	signs *certs.Authority // nil without an authority
	roots *x509.CertPool
}

// readAuthorities reads the authorities of cfg. The one that signs must be there if a rule inspects.
func readAuthorities(cfg *config.Config) (authorities, error) {
	roots, err := cfg.Inspection.Trusted()
	if err != nil {
		return authorities{}, err
	}
	signs, err := certs.Open(cfg.Inspection.Dir)
	if err != nil && cfg.Set.Inspects() {
		err = fmt.Errorf("inspection: %w", err)
		if errors.Is(err, certs.ErrNone) {
			err = hint.With(err, "webproxy ca init makes an authority; clients of the rule must trust it")
		}
		return authorities{}, err
	}
	return authorities{signs, roots}, nil
}

// install puts set and its authorities in force. Requests are decided meanwhile, so the order matters: a Set that inspects must not
// be in force without its authority.
func (d *daemon) install(set *policy.Set, a authorities) {
	n := &d.inspection
	if !n.roots.Load().Equal(a.roots) { // if they are equal, verified connections stay in use
		n.roots.Swap(a.roots)
	}
	if a.signs == nil {
		d.live.Swap(set)
		n.signs.Store(nil)
		return
	}
	a.signs.Notify(func(err error) { d.log.Error("authority for inspection", zap.Error(err)) })
	n.signs.Store(a.signs)
	d.live.Swap(set)
}
