// Package certtest makes authorities and certificates, for tests.
package certtest

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// An Authority signs certificates. It is safe for concurrent use.
type Authority struct {
	Cert   *x509.Certificate
	key    *ecdsa.PrivateKey // of it, and of all that it signs
	serial atomic.Int64
}

// New returns an authority with its name as common name, and the organizations.
func New(t testing.TB, name string, organization ...string) *Authority {
	t.Helper()
	a := new(Authority)
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial.Add(1)), Subject: pkix.Name{CommonName: name, Organization: organization},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err == nil {
		a.Cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Sign returns a certificate for host, a name or an address, followed by the authority's. It is for servers and clients, and valid
// from an hour ago for a day, unless change, which may be nil, changes the template.
func (a *Authority) Sign(host string, change func(*x509.Certificate)) (tls.Certificate, error) {
	t := template(host, a.serial.Add(1))
	if change != nil {
		change(t)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.Cert, &a.key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der, a.Cert.Raw}, PrivateKey: a.key, Leaf: leaf}, err
}

// Issuer returns a function for tls.Config.GetCertificate. It signs one certificate for each server name, "no-name.test" for a
// ClientHello without one; see Sign for change. The function is safe for concurrent use.
func (a *Authority) Issuer(change func(*x509.Certificate)) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var mu sync.Mutex // guards issued
	issued := map[string]*tls.Certificate{}
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		name := cmp.Or(hello.ServerName, "no-name.test")
		mu.Lock()
		defer mu.Unlock()
		if c := issued[name]; c != nil {
			return c, nil
		}
		c, err := a.Sign(name, change)
		if err != nil {
			return nil, err
		}
		issued[name] = &c
		return &c, nil
	}
}

// Issue is Sign for tests that end if it fails.
func (a *Authority) Issue(t testing.TB, host string, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	c, err := a.Sign(host, change)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Pool holds the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.Cert)
	return p
}

// PEM is the authority's certificate.
func (a *Authority) PEM() []byte { return encode("CERTIFICATE", a.Cert.Raw) }

// SelfSigned returns a certificate for host that is its own authority; see Sign for the rest.
func SelfSigned(t testing.TB, host string, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := template(host, 1)
	c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign
	if change != nil {
		change(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// Pair is c's own certificate and its key, as PEM.
func Pair(t testing.TB, c tls.Certificate) (cert, key []byte) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return encode("CERTIFICATE", c.Certificate[0]), encode("PRIVATE KEY", der)
}

// Chain is c's certificates as PEM, its own first.
func Chain(c tls.Certificate) []byte {
	var chain []byte
	for _, der := range c.Certificate {
		chain = append(chain, encode("CERTIFICATE", der)...)
	}
	return chain
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func template(host string, serial int64) *x509.Certificate {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(23 * time.Hour), BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		t.DNSNames, t.IPAddresses = nil, []net.IP{ip}
	}
	return t
}
