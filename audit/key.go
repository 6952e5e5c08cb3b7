package audit

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

	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

// The key that signs checkpoints is kept apart from the log: who can only write the log must not be
// able to sign what he made of it. Both files hold one line, in the form of
// golang.org/x/mod/sumdb/note.

const (
	keySuffix    = ".key"
	publicSuffix = ".pub"
)

// defaultKey is where the key is if no setting says so: in ./audit-key for a log in ./audit.
func defaultKey(dir string) string {
	dir = filepath.Clean(dir)
	if base := filepath.Base(dir); base == "." || base == ".." {
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
	}
	return filepath.Join(dir+"-key", "audit"+keySuffix)
}

// PublicKeyFile is the name of the public key's file beside the private key's.
func PublicKeyFile(key string) string { return strings.TrimSuffix(key, keySuffix) + publicSuffix }

// inside reports whether the file is in the directory, as far as names tell.
func inside(file, dir string) bool {
	file, err1 := filepath.Abs(file)
	dir, err2 := filepath.Abs(dir)
	if err1 != nil || err2 != nil {
		return false
	}
	rel, err := filepath.Rel(dir, file)
	return err == nil && filepath.IsLocal(rel)
}

// loadKey reads the key, or makes it. A key that others may read is an error: what it signs proves
// nothing. made says that it is new.
func loadKey(path, site string) (key note.Signer, public string, made bool, err error) {
	text, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		made = true
		text, err = makeKey(path, site)
	}
	if err != nil {
		return nil, "", false, fmt.Errorf("audit key: %w", err)
	}
	if key, err = note.NewSigner(text); err == nil {
		public, err = publicKey(text)
	}
	if err != nil {
		return nil, "", false, fmt.Errorf("audit key %s: %w", path, err)
	}
	return key, public, made, writePublic(PublicKeyFile(path), public)
}

func readKey(path string) (string, error) {
	text, err := privatefile.Read(path, 1024)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(text)), nil
}

// makeKey makes a key and its file, which must not exist. The name is the site's, as far as notes
// take it.
func makeKey(path, site string) (string, error) {
	name := strings.ReplaceAll(site, "+", "-")
	if name == "" {
		name = "webproxy"
	}
	text, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return "", err
	}
	if err := privatefile.MkdirAll(filepath.Dir(path), privatefile.Secret); err != nil {
		return "", err
	}
	if err := privatefile.Create(path, []byte(text+"\n")); err != nil {
		return "", err
	}
	return text, syncDir(filepath.Dir(path))
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

// writePublic writes the public key where it is not there already. Another key's is not overwritten: it
// is needed to verify what that key has signed.
func writePublic(path, public string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(public + "\n")
		return errors.Join(err, f.Close())
	}
	if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("audit key: %w", err)
	}
	there, err := ReadPublicKey(path)
	if err != nil {
		return err
	}
	if there != public {
		return fmt.Errorf("audit key: %s belongs to another key: keep it, under another name", path)
	}
	return nil
}

// ReadPublicKey reads the file of a public key, for VerifyOptions.
func ReadPublicKey(path string) (string, error) {
	text, err := smallfile.Read(path, 1024)
	if err == nil {
		text, err = smallfile.Text(text)
	}
	if err != nil {
		return "", fmt.Errorf("audit key: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if _, err := note.NewVerifier(key); err != nil {
		return "", fmt.Errorf("audit key %s: %w", path, err)
	}
	return key, nil
}
