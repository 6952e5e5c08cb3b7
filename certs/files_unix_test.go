//go:build unix

package certs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A named pipe that takes the place of a certificate or key makes no handshake wait: what was read before is shown.
func TestHandshakesDoNotWaitForPipes(t *testing.T) {
	for _, name := range []string{"proxy.crt", "proxy.key"} {
		dir := t.TempDir()
		for _, file := range []string{"proxy.crt", "proxy.key"} {
			text, err := os.ReadFile(filepath.Join("../config/testdata/good/tls", file))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		problems := make(chan error, 1)
		s := &Server{Cert: filepath.Join(dir, "proxy.crt"), Key: filepath.Join(dir, "proxy.key"), Problem: func(err error) { problems <- err }}
		if _, err := s.Config(); err != nil {
			t.Fatal(err)
		}
		before := s.current
		path := filepath.Join(dir, name)
		os.Remove(path)
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Skip(err)
		}
		s.looked = time.Time{}
		if s.latest() != before {
			t.Errorf("%s: another configuration", name)
		}
		if err := <-problems; !strings.Contains(err.Error(), "is not a regular file") {
			t.Errorf("%s: the problem is %v", name, err)
		}
		// Roots and keys of the authority are read in the same way.
		if _, err := (Options{Roots: []string{path}}).Trusted(); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
			t.Errorf("%s as a root: %v", name, err)
		}
	}
}

// The key of the listeners is a secret: one that others may read is refused.
func TestKeyOthersMayRead(t *testing.T) {
	dir := t.TempDir()
	for file, mode := range map[string]os.FileMode{"proxy.crt": 0o644, "proxy.key": 0o644} {
		text, err := os.ReadFile(filepath.Join("../config/testdata/good/tls", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), text, mode); err != nil {
			t.Fatal(err)
		}
	}
	s := &Server{Cert: filepath.Join(dir, "proxy.crt"), Key: filepath.Join(dir, "proxy.key")}
	if _, err := s.Config(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("Config: %v, want what to do", err)
	}
}

// The certificate of a retired or of the next root that others may change is no reason not to sign with the one whose turn it is; that of
// the one whose turn it is, is.
func TestLooseCertificate(t *testing.T) {
	now := time.Now()
	three := func() (dir string, roots [3]*Root) {
		dir = t.TempDir()
		for i, when := range []time.Duration{-300, -100, 20} { // days: retired, signs, next
			roots[i] = made(t, dir, RootSpec{}, now.Add(when*24*time.Hour))
		}
		return dir, roots
	}
	for i, who := range []string{"retired", "signs", "next"} {
		dir, roots := three()
		path := filepath.Join(dir, roots[i].Name) + certSuffix
		if err := os.Chmod(path, 0o646); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadRoots(dir); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s is handed out: %v", who, err)
		}
		a, err := Open(dir)
		if who == "signs" {
			if err == nil || errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "chmod go-w "+path) {
				t.Errorf("%s: %v, want the command that corrects it", who, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", who, err)
			continue
		}
		if err := certificate(t, a, "aka.ms").Leaf.CheckSignatureFrom(roots[1].Cert); err != nil {
			t.Errorf("%s: %v", who, err)
		}
		a.now = func() time.Time { return now.Add(40 * 24 * time.Hour) }
		if err := certificate(t, a, "late.example").Leaf.CheckSignatureFrom(roots[2].Cert); (err == nil) != (who == "retired") {
			t.Errorf("%s, in 40 days: signed by the next one: %v", who, err)
		}
	}
}

// What is wrong with new roots is told once, and the known ones stay, until it is corrected, which changes only a mode.
func TestRefreshTells(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	old := made(t, dir, RootSpec{}, now)
	a := opened(t, dir)
	var told []string
	a.Notify(func(err error) { told = append(told, err.Error()) })
	changes := now
	look := func(when string, signs *Root, want ...string) {
		t.Helper()
		told = nil
		for i := range 3 {
			a.looked = time.Time{}
			if err := certificate(t, a, when+string(rune('a'+i))+".example").Leaf.CheckSignatureFrom(signs.Cert); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
		if len(told) != len(want) || len(want) > 0 && !strings.Contains(told[0], want[0]) {
			t.Errorf("%s: told %q, want %q", when, told, want)
		}
	}
	changed := func() {
		changes = changes.Add(time.Minute) // some file systems count whole seconds
		if err := os.Chtimes(dir, changes, changes); err != nil {
			t.Fatal(err)
		}
	}
	look("before", old)
	next := made(t, dir, RootSpec{Life: 48 * time.Hour}, now.Add(time.Second))
	a.now = func() time.Time { return now.Add(time.Minute) }
	path := filepath.Join(dir, next.Name) + certSuffix
	chmod := func(mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	chmod(0o646)
	changed()
	look("loose", old, "the authority in use stays: "+path+": everybody may change it")
	chmod(0o644)
	look("corrected", next)

	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte("no PEM"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	changed()
	look("broken", next, path+": no certificate")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	look("whole", next)

	later := made(t, dir, RootSpec{Overlap: 30 * 24 * time.Hour}, now.Add(2*time.Second))
	path = filepath.Join(dir, later.Name) + certSuffix
	chmod(0o646)
	changed()
	look("next", next, path+": everybody may change it, so it is not taken")
	chmod(0o644)
	look("next-corrected", next)
	a.now = func() time.Time { return now.Add(31 * 24 * time.Hour) }
	look("later", later)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	look("gone", later, ErrNone.Error())
}
