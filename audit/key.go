package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"webproxy/internal/notekey"

	"golang.org/x/mod/sumdb/note"
)

// The key that signs checkpoints is kept apart from the log: whoever can only write the log must not be able to sign
// a forged one.

// defaultKey is where the key is without a setting: in ./audit-key for a log in ./audit.
func defaultKey(dir string) string {
	dir = filepath.Clean(dir)
	if base := filepath.Base(dir); base == "." || base == ".." {
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
	}
	return filepath.Join(dir+"-key", "audit"+notekey.Suffix)
}

// PublicKeyFile is the name of the public key's file beside the private key's.
func PublicKeyFile(key string) string { return notekey.PublicFile(key) }

// inside reports whether the file is in the directory, by their names.
func inside(file, dir string) bool {
	file, err1 := filepath.Abs(file)
	dir, err2 := filepath.Abs(dir)
	if err1 != nil || err2 != nil {
		return false
	}
	rel, err := filepath.Rel(dir, file)
	return err == nil && filepath.IsLocal(rel)
}

// loadKey reads the key, or makes it, named after the site as far as notes permit its name. A key that others may
// read is an error: what it signs proves nothing. made says that it is new.
func loadKey(path, site string) (key note.Signer, public string, made bool, err error) {
	key, public, err = notekey.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		name := strings.ReplaceAll(site, "+", "-")
		if name == "" {
			name = "webproxy"
		}
		made = true
		key, public, err = notekey.Make(path, name)
	}
	if err != nil {
		return nil, "", false, fmt.Errorf("audit key: %w", err)
	}
	return key, public, made, nil
}

// ReadPublicKey reads the file of a public key, for VerifyOptions.
func ReadPublicKey(path string) (string, error) {
	key, err := notekey.ReadPublic(path)
	if err != nil {
		return "", fmt.Errorf("audit key: %w", err)
	}
	return key, nil
}
