package notekey_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"webproxy/internal/notekey"
)

// What a key signs is verified by the public key beside it, and the same key is there the next time.
func TestMakeLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "site.key")
	if _, _, err := notekey.Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no key: %v", err)
	}
	made, public, err := notekey.Make(path, "site-01")
	if err != nil {
		t.Fatal(err)
	}
	key, again, err := notekey.Load(path)
	if err != nil || again != public || key.KeyHash() != made.KeyHash() {
		t.Fatalf("loaded %q, %v; made %q", again, err, public)
	}
	read, err := notekey.ReadPublic(notekey.PublicFile(path))
	if err != nil || read != public {
		t.Fatalf("public key %q, %v", read, err)
	}
	verifier, err := note.NewVerifier(read)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := note.Sign(&note.Note{Text: "text\n"}, key)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := note.Open(msg, note.VerifierList(verifier)); err != nil || n.Sigs[0].Name != "site-01" {
		t.Errorf("open: %v", err)
	}
	if _, _, err := notekey.Make(path, "site-01"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made over a key: %v", err)
	}
}

func TestMakeRefusesNames(t *testing.T) {
	for _, name := range []string{"", "a b", "a+b"} {
		path := filepath.Join(t.TempDir(), "x.key")
		if _, _, err := notekey.Make(path, name); err == nil {
			t.Errorf("%q: made", name)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%q: left a file", name)
		}
	}
}

// Another key's public half is not overwritten.
func TestPublicOfAnotherKeyStays(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.key")
	if _, _, err := notekey.Make(path, "a"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := notekey.Make(path, "a"); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("error %v", err)
	}
}
