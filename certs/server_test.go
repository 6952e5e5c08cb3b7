package certs

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webproxy/internal/certtest"
)

// pair is a new self-signed certificate and its key, as PEM.
func pair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	return certtest.Pair(t, certtest.SelfSigned(t, name, nil))
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// shown is the name in the certificate that c shows now, and whether it asks for one.
func shown(t *testing.T, c *tls.Config) (name string, asks bool) {
	t.Helper()
	now, err := c.GetConfigForClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(now.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.Subject.CommonName, now.ClientAuth == tls.VerifyClientCertIfGiven && now.ClientCAs != nil
}

// A replaced pair is shown from the next look on; while it does not fit together, the old one is.
func TestReplaced(t *testing.T) {
	dir := t.TempDir()
	var problems []string
	s := &Server{Cert: filepath.Join(dir, "c"), Key: filepath.Join(dir, "k"), Problem: func(err error) { problems = append(problems, err.Error()) }}
	oldCert, oldKey := pair(t, "old")
	newCert, newKey := pair(t, "new")
	write(t, s.Cert, oldCert)
	write(t, s.Key, oldKey)
	c, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		what     string
		do       func()
		want     string
		problems int
	}{
		{"nothing", func() {}, "old", 0},
		{"the certificate only", func() { write(t, s.Cert, newCert) }, "old", 1},
		{"no further change", func() {}, "old", 1},
		{"a file is missing", func() { os.Remove(s.Key) }, "old", 2},
		{"the key too", func() { write(t, s.Key, newKey) }, "new", 2},
		{"an empty file", func() { write(t, s.Cert, nil) }, "new", 3},
		{"back again", func() { write(t, s.Cert, newCert) }, "new", 3},
	} {
		step.do()
		s.looked = time.Time{} // as if a second had passed
		if got, asks := shown(t, c); got != step.want || asks || len(problems) != step.problems {
			t.Errorf("%s: %q is shown, want %q; %d problems, want %d: %q", step.what, got, step.want, len(problems), step.problems, problems)
		}
	}
	// Within a second nobody looks.
	write(t, s.Cert, oldCert)
	write(t, s.Key, oldKey)
	s.looked = time.Now().Add(time.Hour)
	if got, _ := shown(t, c); got != "new" {
		t.Errorf("%q is shown", got)
	}
}

func TestClientCA(t *testing.T) {
	dir := t.TempDir()
	s := &Server{Cert: filepath.Join(dir, "c"), Key: filepath.Join(dir, "k"), ClientCA: filepath.Join(dir, "ca")}
	cert, key := pair(t, "proxy")
	write(t, s.Cert, cert)
	write(t, s.Key, key)
	for text, want := range map[string]string{"": "no certificate in it", string(key): "no certificate in it", string(cert): ""} {
		write(t, s.ClientCA, []byte(text))
		c, err := s.Config()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Fatalf("%v, want %q", err, want)
		}
		if err == nil {
			if _, asks := shown(t, c); !asks {
				t.Error("clients are not asked for a certificate")
			}
		}
	}
	s.ClientCA = filepath.Join(dir, "nothing")
	if _, err := s.Config(); err == nil {
		t.Error("a missing file is no problem")
	}
}
