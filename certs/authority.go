// Package certs keeps the authority that signs the certificates which inspected clients are shown.
//
//	a, err := certs.Open("ca")
//	leaf, err := a.Certificate("aka.ms")
//
// It never makes an authority by itself, and never signs for a name outside of what the authority was
// made for: whoever has a client trust it should know how far that goes.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"webproxy/internal/smallfile"
)

const (
	leafLife  = 7 * 24 * time.Hour
	leafRenew = 24 * time.Hour // before its end
	clockSkew = time.Hour      // by which clients' clocks may be slow
	maxLeaves = 4096           // kept
)

// An Authority signs leaf certificates. It is safe for concurrent use, and has no goroutine.
type Authority struct {
	dir   string
	files smallfile.Reader // reads them, while handshakes wait
	now   func() time.Time // time.Now except in tests

	mu      sync.Mutex // guards the fields below
	roots   []*Root    // oldest first
	seen    time.Time  // when dir was last changed, as far as roots tell; zero if it is to be read again
	looked  time.Time  // when something was wrong with it
	wrong   error      // what
	problem func(error)
	leaves  map[string]*leaf
}

// A leaf is a certificate that exists, or is being made.
type leaf struct {
	once sync.Once
	cert atomic.Pointer[tls.Certificate]
	err  error
}

// Open reads the authority in dir. It is an error if there is none (ErrNone), or if the root that signs cannot be used: its key is missing,
// not its own, or others may read it, or others may change its certificate. Another root with such a fault is not used; Notify tells of it.
func Open(dir string) (*Authority, error) {
	a := &Authority{dir: dir, now: time.Now, leaves: map[string]*leaf{}}
	a.files.Patience = handshakePatience
	a.mu.Lock()
	defer a.mu.Unlock()
	faults, err := a.read()
	if err != nil {
		return nil, err
	}
	if _, err := a.issuer(); err != nil {
		return nil, errors.Join(err, faults)
	}
	a.report(faults)
	return a, nil
}

// Notify has fn called with an error about roots that cannot be used, once for each, also if Open found it. fn must not call a.
func (a *Authority) Notify(fn func(error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.problem = fn
	if a.wrong != nil {
		fn(a.wrong)
	}
}

// Certificate returns a certificate for host, a name or an IP address in normal form, with its chain. Concurrent
// calls for the same host wait for one certificate.
func (a *Authority) Certificate(host string) (*tls.Certificate, error) {
	a.mu.Lock()
	a.refresh()
	l := a.leaves[host]
	if l == nil || l.stale(a.now()) {
		if len(a.leaves) >= maxLeaves {
			clear(a.leaves) // they are cheap to make again, and few sites inspect so many hosts
		}
		l = &leaf{}
		a.leaves[host] = l
	}
	issuer, err := a.issuer()
	a.mu.Unlock()
	if err != nil {
		return nil, err
	}
	l.once.Do(func() {
		cert, err := issuer.sign(host, a.now())
		l.cert.Store(cert)
		l.err = err
	})
	if l.err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.leaves[host] == l {
			delete(a.leaves, host)
		}
	}
	return l.cert.Load(), l.err
}

// stale reports whether l should be made anew. One that is being made is not stale.
func (l *leaf) stale(now time.Time) bool {
	cert := l.cert.Load()
	return cert != nil && now.After(cert.Leaf.NotAfter.Add(-leafRenew))
}

// issuer is the newest root that signs; a.mu is held.
func (a *Authority) issuer() (*Root, error) {
	if r := signer(a.roots, a.now()); r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("authority in %s: no root is valid now; run webproxy ca rotate", a.dir)
}

// signer is the newest of roots that signs; nil if none does.
func signer(roots []*Root, now time.Time) *Root {
	for _, r := range slices.Backward(roots) {
		if r.signs(now) {
			return r
		}
	}
	return nil
}

// sign makes a key and a certificate for host.
func (r *Root) sign(host string, now time.Time) (*tls.Certificate, error) {
	if err := r.allows(host); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: newSerial(),
		Subject:      pkix.Name{CommonName: commonName(host)},
		NotBefore:    now.Add(-clockSkew),
		NotAfter:     now.Add(leafLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if t.NotAfter.After(r.Cert.NotAfter) {
		t.NotAfter = r.Cert.NotAfter
	}
	if ip := net.ParseIP(host); ip != nil {
		t.IPAddresses = []net.IP{ip}
	} else {
		t.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, r.Cert, &key.PublicKey, r.key)
	if err != nil {
		return nil, fmt.Errorf("sign for %s: %w", host, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, r.Cert.Raw}, PrivateKey: key, Leaf: cert}, nil
}

// allows returns why the root does not sign for host.
func (r *Root) allows(host string) error {
	only := r.Cert.PermittedDNSDomains
	if len(only) == 0 {
		return nil
	}
	for _, d := range only {
		if net.ParseIP(host) == nil && (host == d || strings.HasSuffix(host, "."+d)) {
			return nil
		}
	}
	return fmt.Errorf("the authority was made for %s only, not for %s", strings.Join(only, ", "), host)
}

// commonName is host, or nothing if it does not fit (RFC 5280, ub-common-name).
func commonName(host string) string {
	if len(host) > 64 {
		return ""
	}
	return host
}

func newSerial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	b[0] &= 0x7f // positive (RFC 5280, 4.1.2.2)
	b[0] |= 0x40
	return new(big.Int).SetBytes(b)
}
