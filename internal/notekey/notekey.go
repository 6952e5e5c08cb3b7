// Package notekey keeps the keys that sign notes (golang.org/x/mod/sumdb/note, https://c2sp.org/signed-note) in files
// of one line each: the private key, which nobody but its owner may read, and beside it the public key.
package notekey

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"webproxy/internal/atomicfile"
	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

// Suffixes of the two files.
const (
	Suffix       = ".key"
	PublicSuffix = ".pub"
)

// limit bounds a key's file, in bytes.
const limit = 1024

// PublicFile is the name of the public key's file beside the private key's.
func PublicFile(key string) string { return strings.TrimSuffix(key, Suffix) + PublicSuffix }

// Load reads the private key at path and writes its public key beside it, unless that exists. It fails if others may read the
// private key: its signatures would prove nothing. The error is fs.ErrNotExist if there is no key.
func Load(path string) (key note.Signer, public string, err error) {
	text, err := privatefile.Read(path, limit)
	if err != nil {
		return nil, "", err
	}
	return from(path, strings.TrimSpace(string(text)))
}

// Make makes a key, called name, with its two files and the directory for them. The private key's file must not exist.
// Name has no spaces and no "+".
func Make(path, name string) (key note.Signer, public string, err error) {
	text, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, "", err
	}
	if _, err := note.NewSigner(text); err != nil {
		return nil, "", fmt.Errorf("key name %q: want a name without spaces and without +", name)
	}
	dir := filepath.Dir(path)
	if err := privatefile.MkdirAll(dir, privatefile.Secret); err != nil {
		return nil, "", err
	}
	if err := privatefile.Create(path, []byte(text+"\n")); err != nil {
		return nil, "", err
	}
	if err := atomicfile.SyncDir(dir); err != nil {
		return nil, "", err
	}
	return from(path, text)
}

func from(path, text string) (key note.Signer, public string, err error) {
	if key, err = note.NewSigner(text); err == nil {
		public, err = publicKey(text)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return key, public, writePublic(PublicFile(path), public)
}

// publicKey is the public half of a private key: PRIVATE+KEY+name+hash+data, where data is the
// algorithm, 1 for Ed25519, and the seed.
func publicKey(private string) (string, error) {
	parts := strings.SplitN(private, "+", 5)
	if len(parts) != 5 {
		return "", errors.New("not a private key")
	}
	data, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(data) != 1+ed25519.SeedSize {
		return "", errors.New("not an Ed25519 key")
	}
	public := ed25519.NewKeyFromSeed(data[1:]).Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(parts[2], public)
}

// writePublic writes the public key unless the file has it. Another key is not overwritten: it is needed to verify what that key
// has signed.
func writePublic(path, public string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(public + "\n")
		return errors.Join(err, f.Close())
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, err := ReadPublic(path)
	if err != nil {
		return err
	}
	if there != public {
		return fmt.Errorf("%s belongs to another key: keep it, under another name", path)
	}
	return nil
}

// ReadPublic reads the file of a public key, as note.NewVerifier takes it.
func ReadPublic(path string) (string, error) {
	text, err := smallfile.Read(path, limit)
	if err == nil {
		text, err = smallfile.Text(text)
	}
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(text))
	if _, err := note.NewVerifier(key); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}
