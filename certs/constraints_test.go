package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// stolen signs a certificate for the names in t with r's key, without any of our own checks.
func stolen(t *testing.T, r *Root, names x509.Certificate) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	names.SerialNumber = newSerial()
	names.NotBefore, names.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	names.KeyUsage, names.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, &names, r.Cert, &key.PublicKey, r.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// opensslVerify is what openssl says of cert, for a client that trusts r.
func opensslVerify(t *testing.T, r *Root, cert *x509.Certificate) error {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, c *x509.Certificate) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	out, err := exec.Command("openssl", "verify", "-purpose", "sslserver", "-CAfile", write("ca.pem", r.Cert), write("leaf.pem", cert)).CombinedOutput()
	t.Logf("openssl: %s", out)
	return err
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// What a thief of the key signs for anything but the names that the root is for, no verifier believes.
func TestConstraintsBind(t *testing.T) {
	root := made(t, t.TempDir(), RootSpec{Only: []string{"aka.ms"}}, time.Now())
	if !root.Binds() {
		t.Error("the root leaves name types open")
	}
	pool := x509.NewCertPool()
	pool.AddCert(root.Cert)
	_, err := exec.LookPath("openssl")
	hasOpenssl := err == nil
	for _, tt := range []struct {
		what  string
		names x509.Certificate
		ok    bool
	}{
		{"the name", x509.Certificate{DNSNames: []string{"aka.ms"}}, true},
		{"a name below", x509.Certificate{DNSNames: []string{"www.aka.ms"}}, true},
		{"another name", x509.Certificate{DNSNames: []string{"bank.example"}}, false},
		{"another name beside", x509.Certificate{DNSNames: []string{"aka.ms", "bank.example"}}, false},
		{"an IPv4 address", x509.Certificate{IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}}, false},
		{"an IPv4 address beside", x509.Certificate{DNSNames: []string{"aka.ms"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)}}, false},
		{"an IPv6 address", x509.Certificate{IPAddresses: []net.IP{net.ParseIP("2001:db8::1")}}, false},
		{"a URI", x509.Certificate{URIs: []*url.URL{mustURL(t, "https://bank.example/")}}, false},
		{"a URI of a permitted name", x509.Certificate{URIs: []*url.URL{mustURL(t, "https://aka.ms/")}}, false},
		{"a SPIFFE id", x509.Certificate{URIs: []*url.URL{mustURL(t, "spiffe://cluster.local/ns/a")}}, false},
		{"a URI without a host", x509.Certificate{URIs: []*url.URL{mustURL(t, "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")}}, false},
		{"a mail address", x509.Certificate{EmailAddresses: []string{"root@bank.example"}}, false},
		{"a mail address of a permitted name", x509.Certificate{EmailAddresses: []string{"root@aka.ms"}}, false},
	} {
		cert := stolen(t, root, tt.names)
		if _, err := cert.Verify(x509.VerifyOptions{Roots: pool}); (err == nil) != tt.ok {
			t.Errorf("%s: crypto/x509 says %v, want believed %v", tt.what, err, tt.ok)
		}
		if hasOpenssl {
			if err := opensslVerify(t, root, cert); (err == nil) != tt.ok {
				t.Errorf("%s: openssl says %v, want believed %v", tt.what, err, tt.ok)
			}
		}
	}
	// A common name is a host to openssl where there is no other name.
	cn := stolen(t, root, x509.Certificate{Subject: pkix.Name{CommonName: "bank.example"}})
	if hasOpenssl && opensslVerify(t, root, cn) == nil {
		t.Error("openssl believes a common name outside of the root's names")
	}
	if err := cn.VerifyHostname("bank.example"); err == nil {
		t.Error("crypto/x509 takes the common name for the host")
	}
}

// A root made by an earlier version, with DNS names only, is told apart.
func TestBinds(t *testing.T) {
	root := made(t, t.TempDir(), RootSpec{Only: []string{"Example.COM."}}, time.Now())
	if got := root.Cert.PermittedDNSDomains; len(got) != 1 || got[0] != "example.com" {
		t.Errorf("permitted %q, want example.com", got)
	}
	old := *root.Cert
	old.ExcludedIPRanges = nil
	if (&Root{Cert: &old}).Binds() {
		t.Error("a root that leaves addresses open is taken for one that binds")
	}
	for _, only := range []string{"*.aka.ms", ".aka.ms", "192.0.2.1", "2001:db8::1", "a b", "", "https://aka.ms", "böse.example"} {
		if _, err := Make(t.TempDir(), RootSpec{Only: []string{only}}); err == nil {
			t.Errorf("only %q was accepted", only)
		}
	}
}
