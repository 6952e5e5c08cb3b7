//go:build e2e

package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"webproxy/internal/certtest"
)

// An authority issues a certificate for any name that a client requests. It is safe for concurrent use.
type authority struct {
	*certtest.Authority
	file  string // PEM, for clients to trust
	issue func(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	ca := certtest.New(t, "webproxy e2e")
	a := &authority{Authority: ca, file: filepath.Join(t.TempDir(), "ca.pem"), issue: ca.Issuer(nil)}
	if err := os.WriteFile(a.file, ca.PEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	return a
}

// pin is the authority as chromium trusts it: the hash of its public key.
func (a *authority) pin() string {
	sum := sha256.Sum256(a.Cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}
