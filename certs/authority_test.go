package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func verify(leaf *tls.Certificate, host string, at time.Time, roots ...*Root) error {
	pool := x509.NewCertPool()
	for _, r := range roots {
		pool.AddCert(r.Cert)
	}
	_, err := leaf.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: pool, CurrentTime: at})
	return err
}

func opened(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func made(t *testing.T, dir string, spec RootSpec, now time.Time) *Root {
	t.Helper()
	r, err := makeRoot(dir, spec, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func certificate(t *testing.T, a *Authority, host string) *tls.Certificate {
	t.Helper()
	c, err := a.Certificate(host)
	if err != nil {
		t.Fatalf("Certificate(%s): %v", host, err)
	}
	return c
}

// A leaf verifies for its host and no other, and is made once for all who ask.
func TestCertificate(t *testing.T) {
	dir := t.TempDir()
	root := made(t, dir, RootSpec{}, time.Now())
	a := opened(t, dir)
	for _, host := range []string{"aka.ms", strings.Repeat("a.", 60) + "example.com", "192.0.2.1", "2001:db8::1"} {
		leaf := certificate(t, a, host)
		if err := verify(leaf, host, time.Now(), root); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if err := verify(leaf, "other.example", time.Now(), root); err == nil {
			t.Errorf("the certificate of %s is one for other.example too", host)
		}
		if leaf.Leaf.IsCA || time.Until(leaf.Leaf.NotAfter) > leafLife {
			t.Errorf("%s: CA %v, until %v", host, leaf.Leaf.IsCA, leaf.Leaf.NotAfter)
		}
	}
	var asking sync.WaitGroup
	got := make([]*tls.Certificate, 20)
	for i := range got {
		asking.Go(func() { got[i], _ = a.Certificate("www.example.com") })
	}
	asking.Wait()
	for _, c := range got {
		if c == nil || c != got[0] {
			t.Fatal("those who asked at once did not get one certificate")
		}
	}
	for i := range maxLeaves {
		a.leaves[strings.Repeat("x", i%50)+string(rune(i))] = &leaf{}
	}
	certificate(t, a, "one-more.example")
	if len(a.leaves) > maxLeaves {
		t.Errorf("%d leaves are kept, want at most %d", len(a.leaves), maxLeaves)
	}
}

func TestRenewal(t *testing.T) {
	dir := t.TempDir()
	root := made(t, dir, RootSpec{}, time.Now())
	a := opened(t, dir)
	first := certificate(t, a, "aka.ms")
	later := time.Now().Add(leafLife - leafRenew + time.Minute)
	a.now = func() time.Time { return later }
	second := certificate(t, a, "aka.ms")
	if second == first {
		t.Error("a certificate about to end is not made anew")
	}
	if err := verify(second, "aka.ms", later, root); err != nil {
		t.Error(err)
	}
}

// While two roots overlap, clients trust both and the old one signs; then the new one does, without a
// restart. A client that trusts both never sees a certificate that it does not.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	old := made(t, dir, RootSpec{}, now)
	a := opened(t, dir)
	certificate(t, a, "aka.ms")
	next := made(t, dir, RootSpec{Overlap: 14 * 24 * time.Hour}, now.Add(time.Second))
	os.Chtimes(dir, now, now.Add(time.Minute)) // some file systems count whole seconds
	for _, tt := range []struct {
		days   int
		signer *Root
	}{{0, old}, {13, old}, {15, next}, {400, next}} {
		at := now.Add(time.Duration(tt.days) * 24 * time.Hour)
		a.now = func() time.Time { return at }
		leaf := certificate(t, a, "host"+string(rune('a'+tt.days%26))+".example")
		if err := leaf.Leaf.CheckSignatureFrom(tt.signer.Cert); err != nil {
			t.Errorf("day %d: signed by another root: %v", tt.days, err)
		}
		if err := verify(leaf, leaf.Leaf.DNSNames[0], at, old, next); err != nil {
			t.Errorf("day %d: %v", tt.days, err)
		}
	}
	a.now = func() time.Time { return next.Cert.NotAfter.Add(time.Hour) }
	if _, err := a.Certificate("late.example"); err == nil || !strings.Contains(err.Error(), "ca rotate") {
		t.Errorf("after the end of all roots: %v, want the way out", err)
	}
}

// A root for some names signs for no others, and clients would not believe it either.
func TestOnly(t *testing.T) {
	dir := t.TempDir()
	root := made(t, dir, RootSpec{Only: []string{"aka.ms"}}, time.Now())
	a := opened(t, dir)
	for _, host := range []string{"aka.ms", "www.aka.ms"} {
		if err := verify(certificate(t, a, host), host, time.Now(), root); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"bank.example", "notaka.ms", "192.0.2.1"} {
		if _, err := a.Certificate(host); err == nil {
			t.Errorf("it signs for %s", host)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "ca")); err == nil || !strings.Contains(err.Error(), "ca init") {
		t.Errorf("without an authority: %v", err)
	}
	dir := t.TempDir()
	root := made(t, dir, RootSpec{}, time.Now())
	path := filepath.Join(dir, root.Name)
	key, err := os.ReadFile(path + keySuffix)
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	alien := made(t, other, RootSpec{}, time.Now())
	alienKey, _ := os.ReadFile(filepath.Join(other, alien.Name+keySuffix))
	for what, text := range map[string][]byte{"empty": nil, "cut off": key[:len(key)/2], "another's": alienKey} {
		if err := os.WriteFile(path+keySuffix, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil {
			t.Errorf("key %s: no error", what)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	os.WriteFile(path+keySuffix, key, 0o600)
	os.Chmod(path+keySuffix, 0o644)
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v", err)
	}
}

// A key that is missing, or not its own, is an error for the root whose turn it is; the fault of another one is told, and it does not sign.
func TestRootWithoutKey(t *testing.T) {
	now := time.Now()
	for i, who := range []string{"retired", "signs", "next"} {
		dir := t.TempDir()
		var roots [3]*Root
		for i, when := range []time.Duration{-300, -100, 20} { // days
			roots[i] = made(t, dir, RootSpec{}, now.Add(when*24*time.Hour))
		}
		path := filepath.Join(dir, roots[i].Name)
		other, err := os.ReadFile(filepath.Join(dir, roots[(i+1)%3].Name) + keySuffix)
		if err != nil {
			t.Fatal(err)
		}
		for what, want := range map[string]string{"gone": "remove " + path + certSuffix, "another's": "not the key of " + path + certSuffix} {
			if err := os.Remove(path + keySuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if what != "gone" {
				if err := os.WriteFile(path+keySuffix, other, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			a, err := Open(dir)
			if who == "signs" {
				if err == nil || errors.Is(err, ErrNone) || !strings.Contains(err.Error(), want) {
					t.Errorf("%s, key %s: %v", who, what, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s, key %s: %v", who, what, err)
				continue
			}
			var told []string
			a.Notify(func(err error) { told = append(told, err.Error()) })
			for range 3 {
				a.looked = time.Time{}
				if err := certificate(t, a, "aka.ms").Leaf.CheckSignatureFrom(roots[1].Cert); err != nil {
					t.Errorf("%s, key %s: %v", who, what, err)
				}
			}
			if len(told) != 1 || !strings.Contains(told[0], want) {
				t.Errorf("%s, key %s: told %q, want %q once", who, what, told, want)
			}
		}
	}
}

// Roots of the same second have different names, and the last one made signs.
func TestSameSecond(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	var last *Root
	names := map[string]bool{}
	for range 3 {
		last = made(t, dir, RootSpec{}, now)
		names[last.Name] = true
	}
	if len(names) != 3 {
		t.Errorf("names %v; want 3", names)
	}
	if err := verify(certificate(t, opened(t, dir), "aka.ms"), "aka.ms", now, last); err != nil {
		t.Errorf("the last root does not sign: %v", err)
	}
	// A certificate without a key is kept, and its name is not taken.
	path := filepath.Join(dir, last.Name)
	if err := os.Remove(path + keySuffix); err != nil {
		t.Fatal(err)
	}
	if r := made(t, dir, RootSpec{}, now); names[r.Name] {
		t.Errorf("%s is made again", r.Name)
	}
	if _, err := os.Stat(path + keySuffix); err == nil {
		t.Errorf("a new key beside the certificate of another")
	}
}

// A certificate that others may change is no root: neither one that signs, nor one that is handed out to clients.
func TestForeignRoot(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the access control lists have tests of their own, in privatefile")
	}
	for _, how := range []string{"its mode", "its owner"} {
		dir := t.TempDir()
		path := filepath.Join(dir, made(t, dir, RootSpec{}, time.Now()).Name) + certSuffix
		if roots, err := ReadRoots(dir); err != nil || len(roots) != 1 {
			t.Fatalf("what is ours: %d roots, %v", len(roots), err)
		}
		err := os.Chmod(path, 0o646)
		if how == "its owner" {
			if os.Geteuid() != 0 {
				continue // only root gives files away
			}
			err = errors.Join(os.Chmod(path, 0o644), os.Chown(path, 12345, 12345))
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadRoots(dir); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("a certificate that others may change, by %s: %v", how, err)
		}
		if _, err := Open(dir); err == nil {
			t.Errorf("it signs: %s", how)
		}
	}
}

func BenchmarkCertificate(b *testing.B) {
	dir := b.TempDir()
	root, err := makeRoot(dir, RootSpec{}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			if _, err := root.sign("aka.ms", time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	})
	a, err := Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("kept", func(b *testing.B) {
		for b.Loop() {
			if _, err := a.Certificate("aka.ms"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
