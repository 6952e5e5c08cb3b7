package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
)

const (
	digestScheme = "sha256:"
	// shortDigits is how many hex digits of a digest people are shown. That is too few to tell apart policies made to
	// be taken for each other: two with equal first 12 digits are found in seconds.
	shortDigits = 12
)

// makeDigest names what s decides by: the same rules in another order have the same digest.
func (s *Set) makeDigest() string {
	h := sha256.New()
	for _, l := range s.lines() {
		io.WriteString(h, l)
		io.WriteString(h, "\n")
	}
	return digestScheme + hex.EncodeToString(h.Sum(nil))
}

// Digest names what the Set decides: "sha256:" and the 64 hex digits of the hash. People are shown ShortDigest.
func (s *Set) Digest() string {
	if s == nil {
		return ""
	}
	return s.digest
}

// ShortDigest is a digest as people are shown it: "sha256:" and 12 hex digits. What is no digest stays as it is.
func ShortDigest(digest string) string {
	return digest[:min(len(digest), len(digestScheme)+shortDigits)]
}

// SameDigest reports whether two digests may name one policy: they are equal, or one of them is short, as records
// of earlier versions have it, and the other begins with it.
func SameDigest(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return a == b || IsShortDigest(a) && strings.HasPrefix(b, a)
}

// IsShortDigest reports whether s has the form of a ShortDigest.
func IsShortDigest(s string) bool {
	digits, ok := strings.CutPrefix(s, digestScheme)
	return ok && len(digits) == shortDigits && strings.Trim(digits, "0123456789abcdef") == ""
}
