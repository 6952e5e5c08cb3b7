package privatefile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"webproxy/internal/privatefile"
)

func TestCreateRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := privatefile.Create(path, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	b, err := privatefile.Read(path, 6)
	if err != nil || string(b) != "secret" {
		t.Errorf("Read = %q, %v; want what was written", b, err)
	}
	if b, err := privatefile.Read(path, 5); err == nil {
		t.Errorf("Read of 6 bytes with limit 5 = %q, want an error", b)
	}
	if err := privatefile.Create(path, []byte("other")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a file: %v, want %v", err, fs.ErrExist)
	}
}

func TestReadRefusesWhatOthersMayRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are not access control lists")
	}
	path := filepath.Join(t.TempDir(), "key")
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602} {
		if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := privatefile.Read(path, 100); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v, want an error that says chmod 600", mode, err)
		}
	}
}

// Where no command line is known, as for an access control list that cannot be read, the advice is a whole sentence too.
func TestAdvice(t *testing.T) {
	for fix, want := range map[string]string{"": "remove it", "chmod go-w x": "chmod go-w x, or remove it"} {
		if got := (privatefile.Problem{Why: "y", Fix: fix}).Advice(); got != want {
			t.Errorf("%q: %q, want %q", fix, got, want)
		}
	}
}
