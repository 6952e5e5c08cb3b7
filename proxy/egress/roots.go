package egress

import (
	"crypto/x509"
	"sync/atomic"
)

// Roots are the authorities that a TLS server's certificate is verified against. They may be replaced at any time,
// for every connection from then on. The zero Roots, and a nil one, are the system's. They are safe for concurrent
// use.
type Roots struct {
	pool atomic.Pointer[x509.CertPool]
}

// Load returns the authorities that are trusted now; nil stands for the system's. They must not be changed.
func (r *Roots) Load() *x509.CertPool {
	if r == nil {
		return nil
	}
	return r.pool.Load()
}

// Swap replaces the trusted authorities by pool, which must not be changed any more, or, if it is nil, by the
// system's.
func (r *Roots) Swap(pool *x509.CertPool) { r.pool.Store(pool) }
