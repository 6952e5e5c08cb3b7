// Package bundle makes, signs and verifies policy bundles: one reviewed policy in one file, for many sites.
//
// A bundle is a tar archive (POSIX ustar). Its first member, manifest, is a signed note
// (https://c2sp.org/signed-note) that names every other member with its size and SHA-256, so that a signature holds for
// all of it. The same contents give the same bytes: members are sorted, and carry no times, owners or modes.
//
// Nothing in a bundle is trusted before Open has verified it. A bundle cannot change a site's own settings:
// listeners, client addresses, egress, the audit log and keys.
package bundle

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"webproxy/internal/smallfile"

	"golang.org/x/mod/sumdb/note"
)

// PolicyFile is the member that holds the policy section.
const PolicyFile = "policy.yaml"

const manifestFile = "manifest"

// Limits of Parse, far above what a policy needs.
const (
	MaxSize     = 64 << 20 // bytes of a bundle
	maxManifest = 1 << 20  // bytes
	maxFiles    = 4096
)

// A Bundle is a manifest with its signatures and the files that it names.
// It is read-only once parsed, and then safe for concurrent use.
type Bundle struct {
	Manifest
	files map[string][]byte
	note  note.Note // its text is that of the manifest
}

// New makes an unsigned bundle of files, given by slash-separated name. One of them must be PolicyFile.
// It fills in m.Files, and keeps the contents of files without copying them.
func New(m Manifest, files map[string][]byte) (*Bundle, error) {
	m.Files = nil
	for _, name := range slices.Sorted(maps.Keys(files)) {
		m.Files = append(m.Files, File{Name: name, Size: int64(len(files[name])), Sum: sha256.Sum256(files[name])})
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	b := &Bundle{Manifest: m, files: files, note: note.Note{Text: m.text()}}
	if size := b.size(); size > MaxSize {
		return nil, fmt.Errorf("%d bytes: a bundle has at most %d", size, int64(MaxSize))
	}
	return b, nil
}

// Parse reads a bundle and checks its files against its manifest. It verifies no signature: see Verify and Open.
func Parse(data []byte) (*Bundle, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%d bytes: a bundle has at most %d", len(data), int64(MaxSize))
	}
	r := tar.NewReader(bytes.NewReader(data))
	text, err := member(r, manifestFile, maxManifest)
	if err != nil {
		return nil, notBundle(data, err)
	}
	b := &Bundle{files: map[string][]byte{}}
	n, err := note.Open(text, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified):
		n = unverified.Note
	case err != nil: // a note must have a signature
		n = &note.Note{Text: string(text)}
	}
	b.note = note.Note{Text: n.Text, UnverifiedSigs: n.UnverifiedSigs}
	for _, s := range n.UnverifiedSigs {
		// Package note ignores the unused last bits of its base64, so a signature would have four encodings.
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return nil, fmt.Errorf("signature of %s: %w", s.Name, err)
		}
	}
	if b.Manifest, err = parseManifest(b.note.Text); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	for _, f := range b.Files {
		content, err := member(r, f.Name, f.Size)
		if err != nil {
			return nil, err
		}
		if int64(len(content)) != f.Size || sha256.Sum256(content) != f.Sum {
			return nil, fmt.Errorf("%s does not match the manifest: the bundle was altered or truncated", f.Name)
		}
		b.files[f.Name] = content
	}
	if _, err := r.Next(); err != io.EOF {
		return nil, errors.New("it has more files than its manifest names, or its end is missing")
	}
	// Only the canonical encoding is accepted: every byte of a bundle has a meaning.
	if !bytes.Equal(b.Bytes(), data) {
		return nil, errors.New("not as webproxy writes it: it was repacked, truncated, or has bytes after its end")
	}
	return b, nil
}

// member reads the next member of r, which must be the file called name.
func member(r *tar.Reader, name string, limit int64) ([]byte, error) {
	h, err := r.Next()
	if err == io.EOF {
		return nil, fmt.Errorf("%s is missing", name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if h.Typeflag != tar.TypeReg || h.Name != name {
		return nil, fmt.Errorf("found %q where %s belongs", h.Name, name)
	}
	if h.Size > limit {
		return nil, fmt.Errorf("%s has %d bytes, at most %d belong there", name, h.Size, limit)
	}
	content := make([]byte, h.Size)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return content, nil
}

// notBundle is the error for data that does not begin like a bundle; it says what data probably is.
func notBundle(data []byte, err error) error {
	start := bytes.ToLower(bytes.TrimSpace(data[:min(len(data), 512)]))
	switch {
	case len(data) == 0:
		return errors.New("not a bundle: the file is empty")
	case bytes.HasPrefix(start, []byte("<!doctype")), bytes.HasPrefix(start, []byte("<html")):
		return errors.New("not a bundle but an HTML page: was it a login page or a proxy's refusal?")
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		return errors.New("it is compressed: a bundle is not")
	}
	return fmt.Errorf("not a bundle: %w", err)
}

// File returns the contents of a file, which the caller must not change.
func (b *Bundle) File(name string) ([]byte, bool) {
	content, ok := b.files[name]
	return content, ok
}

// Bytes returns the bundle as a file. Equal bundles have equal bytes.
func (b *Bundle) Bytes() []byte {
	var out bytes.Buffer
	out.Grow(int(b.size()))
	w := tar.NewWriter(&out)
	put := func(name string, content []byte) {
		// These cannot fail: the writer is a buffer, and names and sizes were checked.
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644, Format: tar.FormatUSTAR})
		w.Write(content)
	}
	put(manifestFile, b.signedManifest())
	for _, f := range b.Files {
		put(f.Name, b.files[f.Name])
	}
	w.Close()
	return out.Bytes()
}

// size is about the length of Bytes.
func (b *Bundle) size() int64 {
	const block = 512
	size := int64(len(b.note.Text)) + maxSignatures*256 + 6*block
	for _, f := range b.Files {
		size += f.Size + 2*block
	}
	return size
}

// Diff compares the files of two bundles: the names of those only in b, those only in a, and those that differ.
func Diff(a, b *Bundle) (added, removed, changed []string) {
	had := map[string]File{}
	for _, f := range a.Files {
		had[f.Name] = f
	}
	for _, f := range b.Files {
		old, ok := had[f.Name]
		switch {
		case !ok:
			added = append(added, f.Name)
		case old.Sum != f.Sum:
			changed = append(changed, f.Name)
		}
		delete(had, f.Name)
	}
	return added, slices.Sorted(maps.Keys(had)), changed
}

// Digest is the SHA-256 of the manifest without its signatures, in hexadecimal; it identifies the contents.
func (b *Bundle) Digest() string { return fmt.Sprintf("%x", sha256.Sum256([]byte(b.note.Text))) }

// safeName returns an error unless name is a valid relative file name on every system.
func safeName(name string) error {
	switch {
	case name == "" || len(name) > 99: // the limit of a ustar header without a prefix
		return errors.New("want a name of 1 to 99 bytes")
	case path.Clean(name) != name || path.IsAbs(name) || name == "." || name == ".." || strings.HasPrefix(name, "../"):
		return errors.New("want a path below the bundle, such as lists/approved.txt")
	case name == manifestFile:
		return errors.New("the manifest has that name")
	}
	for part := range strings.SplitSeq(name, "/") {
		base, _, _ := strings.Cut(strings.ToLower(part), ".")
		if slices.Contains(deviceNames, base) || strings.HasSuffix(part, ".") || strings.HasPrefix(part, ".") {
			return errors.New("it is hidden, or a device or another name on Windows")
		}
	}
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./@", r)) {
			return fmt.Errorf("%q is not allowed in a name: letters, digits and - _ . @ are", r)
		}
	}
	return nil
}

// deviceNames are reserved on Windows, with any extension.
var deviceNames = []string{"con", "prn", "aux", "nul", "conin$", "conout$",
	"com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9"}

// ReadFile reads a bundle from a file of at most MaxSize bytes and verifies no signature. Errors name the file.
func ReadFile(path string) (*Bundle, error) {
	data, err := smallfile.Read(path, MaxSize)
	if err != nil {
		return nil, err
	}
	b, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}
