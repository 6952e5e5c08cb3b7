//go:build unix

package certs

import (
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
