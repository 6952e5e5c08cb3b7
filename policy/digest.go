package policy

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
)

const (
	digestScheme = "sha256:"
	// shortDigits is how many hex digits of a digest people are shown. That is too few to distinguish policies that
	// are made to collide: two with equal first 12 digits are found in seconds.
	shortDigits = 12
)

// makeDigest is the digest of what s decides by: the same rules in another order have the same digest. It is the hash
// of s's lines, sorted, which are made one by one as they are hashed.
func (s *Set) makeDigest() string {
	h := sha256.New()
	var entry []byte // the next line
	others := s.otherLines()
	for i, n := range s.sorted() {
		s.rest(i)
		entry = append(s.entries[n].appendTo(entry[:0]), '\n')
		for len(others) > 0 && others[0] < string(entry[:len(entry)-1]) {
			h.Write([]byte(others[0] + "\n"))
			others = others[1:]
		}
		h.Write(entry)
	}
	for _, l := range others {
		h.Write([]byte(l + "\n"))
	}
	return digestScheme + hex.EncodeToString(h.Sum(nil))
}

// sorted returns the entries, by number, in the order of their lines.
func (s *Set) sorted() []uint32 {
	order := make([]uint32, len(s.entries))
	for i := range order {
		order[i] = uint32(i)
	}
	compared := 0
	slices.SortFunc(order, func(i, j uint32) int {
		s.rest(compared)
		compared++
		return s.entries[i].compareLine(&s.entries[j])
	})
	return order
}

// compareLine compares the lines of two entries, without making them where their hosts differ.
func (e *entry) compareLine(f *entry) int {
	if e.block != f.block {
		if e.block.deny != f.block.deny {
			return strings.Compare(verdictOf(e.block.deny).String(), verdictOf(f.block.deny).String())
		}
		if c := strings.Compare(e.name(), f.name()); c != 0 { // every character of a name is above the space after it
			return c
		}
	} else if e.block.names != nil {
		if c := strings.Compare(e.name(), f.name()); c != 0 {
			return c
		}
	}
	first, other := e.terms().admits.http.any(), f.terms().admits.http.any()
	if a, b := e.item, f.item; first == other && a.kind != patternAddr && b.kind != patternAddr {
		if c := compareHosts(a.host, b.host); c != 0 {
			return c
		}
	}
	var one, two [256]byte
	return bytes.Compare(e.appendTo(one[:0]), f.appendTo(two[:0]))
}

// compareHosts compares two names as they stand before a colon.
func compareHosts(a, b string) int {
	n := min(len(a), len(b))
	c := strings.Compare(a[:n], b[:n])
	switch {
	case c != 0 || len(a) == len(b):
		return c
	case len(a) == n:
		return cmp.Compare(':', b[n])
	}
	return cmp.Compare(a[n], ':')
}

func verdictOf(deny bool) Verdict {
	if deny {
		return Deny
	}
	return Allow
}

// A setDigest is the digest of a Set, computed on first use. A Set under a lockdown shares that of its policy.
type setDigest struct {
	once sync.Once
	text string
}

// Digest is the digest of the Set: "sha256:" and the 64 hex digits of the hash. People are shown ShortDigest. The
// first call takes time, with many entries a tenth of a second. A lockdown does not change it.
func (s *Set) Digest() string {
	if s == nil {
		return ""
	}
	s.digested.once.Do(func() { s.digested.text = s.makeDigest() })
	return s.digested.text
}

// ShortDigest is a digest as people are shown it: "sha256:" and 12 hex digits. Anything else is returned unchanged.
func ShortDigest(digest string) string {
	return digest[:min(len(digest), len(digestScheme)+shortDigits)]
}

// SameDigest reports whether two digests may be of one policy: they are equal, or one of them is short, as in records
// of earlier versions, and the other begins with it.
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
