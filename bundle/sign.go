package bundle

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// maxSignatures bounds the signatures on a bundle.
const maxSignatures = 16

// Sign adds the signature of key to b, replacing an earlier one by the same key.
func (b *Bundle) Sign(key note.Signer) error {
	b.note.UnverifiedSigs = slices.DeleteFunc(b.note.UnverifiedSigs, func(s note.Signature) bool {
		return s.Name == key.Name() && s.Hash == key.KeyHash()
	})
	if len(b.note.UnverifiedSigs) >= maxSignatures {
		return fmt.Errorf("it has %d signatures already", maxSignatures)
	}
	msg, err := note.Sign(&note.Note{Text: b.note.Text}, key)
	if err != nil {
		return err
	}
	var unverified *note.UnverifiedNoteError
	if _, err := note.Open(msg, note.VerifierList()); !errors.As(err, &unverified) {
		return fmt.Errorf("sign: %w", err)
	}
	b.note.UnverifiedSigs = append(b.note.UnverifiedSigs, unverified.Note.UnverifiedSigs...)
	slices.SortFunc(b.note.UnverifiedSigs, func(x, y note.Signature) int { // the order of signing does not change the bytes
		if c := strings.Compare(x.Name, y.Name); c != 0 {
			return c
		}
		return strings.Compare(x.Base64, y.Base64)
	})
	return nil
}

// signedManifest is the manifest's member: the note with its signatures, or its text alone if there are none.
func (b *Bundle) signedManifest() []byte {
	if len(b.note.UnverifiedSigs) == 0 {
		return []byte(b.note.Text)
	}
	msg, err := note.Sign(&b.note)
	if err != nil {
		// Impossible for a note that package note has read or made.
		panic("bundle: " + err.Error())
	}
	return msg
}

// Signers are the names of the keys with a signature on the bundle, verified or not.
func (b *Bundle) Signers() []string {
	var names []string
	for _, s := range b.note.UnverifiedSigs {
		names = append(names, fmt.Sprintf("%s+%08x", s.Name, s.Hash))
	}
	return names
}

// Keys are the public keys that may sign a bundle.
type Keys struct {
	list note.Verifiers
	n    int
}

// ParseKeys reads public keys, in the form of note.NewVerifier. A key may not occur twice, even under different names:
// it would count as two signatures.
func ParseKeys(keys []string) (Keys, error) {
	var all []note.Verifier
	seen := map[string]bool{}
	for _, text := range keys {
		k, err := note.NewVerifier(strings.TrimSpace(text))
		if err != nil {
			return Keys{}, fmt.Errorf("public key %q: %w", text, err)
		}
		parts := strings.SplitN(strings.TrimSpace(text), "+", 3)
		data, err := base64.StdEncoding.DecodeString(parts[2])
		if err != nil {
			return Keys{}, fmt.Errorf("public key %q: %w", text, err)
		}
		if seen[string(data)] {
			return Keys{}, fmt.Errorf("public key %q occurs twice, under this or another name", text)
		}
		seen[string(data)] = true
		all = append(all, k)
	}
	return Keys{note.VerifierList(all...), len(all)}, nil
}

// Len is the number of keys.
func (k Keys) Len() int { return k.n }

// Verify checks that at least need of the keys have signed b, and returns the names of those that have. An invalid
// signature of one of the keys is an error, even if there are enough others.
func (b *Bundle) Verify(keys Keys, need int) (signers []string, err error) {
	if need < 1 || need > keys.n {
		return nil, fmt.Errorf("%d of %d keys must sign: want 1 to %d", need, keys.n, keys.n)
	}
	if len(b.note.UnverifiedSigs) > 0 {
		n, err := note.Open(b.signedManifest(), keys.list)
		var unverified *note.UnverifiedNoteError
		if err != nil && !errors.As(err, &unverified) {
			return nil, err
		}
		if err == nil {
			for _, s := range n.Sigs { // one for each key: note.Open drops a second one
				signers = append(signers, fmt.Sprintf("%s+%08x", s.Name, s.Hash))
			}
		}
	}
	if len(signers) < need {
		return signers, fmt.Errorf("%d of the %d keys have signed it, %d must", len(signers), keys.n, need)
	}
	return signers, nil
}

// Open is Parse and Verify.
func Open(data []byte, keys Keys, need int) (*Bundle, error) {
	b, err := Parse(data)
	if err != nil {
		return nil, err
	}
	if _, err := b.Verify(keys, need); err != nil {
		return nil, err
	}
	return b, nil
}
