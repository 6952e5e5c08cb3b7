package bundle

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// header is the first line of a manifest, with the version of the format.
const header = "webproxy bundle 1"

// A Manifest describes a bundle. A signature covers every field.
type Manifest struct {
	// Name is the channel, such as "stable": a site accepts bundles of one name only.
	Name string `json:"name"`
	// Serial increases with every bundle of a name. A site never goes back by itself.
	Serial uint64 `json:"serial"`
	// Version is the oldest webproxy that understands the bundle, such as "0.9.0"; empty for any.
	Version string `json:"version,omitempty"`
	// Sites are the sites that it is for: names, or patterns of path.Match such as "oslo-*". Empty means none, "*" all.
	Sites []string `json:"sites"`
	// Made is when it was made, in whole seconds; By is who made it.
	Made time.Time `json:"made"`
	By   string    `json:"by"`
	// Files are the files in it, sorted by name.
	Files []File `json:"files"`
}

// A File is a file of a bundle, as the manifest names it.
type File struct {
	Name string   `json:"name"`
	Size int64    `json:"size"` // bytes
	Sum  [32]byte `json:"-"`    // SHA-256
}

// For reports whether the bundle is for the site.
func (m *Manifest) For(site string) bool {
	return slices.ContainsFunc(m.Sites, func(pattern string) bool {
		ok, err := path.Match(pattern, site)
		return ok && err == nil
	})
}

func (m *Manifest) String() string { return fmt.Sprintf("%s-%d", m.Name, m.Serial) }

// text is the manifest as it is signed.
func (m *Manifest) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nname %s\nserial %d\n", header, m.Name, m.Serial)
	if m.Version != "" {
		fmt.Fprintf(&b, "webproxy %s\n", m.Version)
	}
	for _, s := range m.Sites {
		fmt.Fprintf(&b, "site %s\n", s)
	}
	fmt.Fprintf(&b, "made %s\nby %s\n", m.Made.UTC().Format(time.RFC3339), m.By)
	for _, f := range m.Files {
		fmt.Fprintf(&b, "file %x %d %s\n", f.Sum, f.Size, f.Name)
	}
	return b.String()
}

// parseManifest accepts only what text writes.
func parseManifest(text string) (m Manifest, err error) {
	if first, _, _ := strings.Cut(text, "\n"); first != header {
		if strings.HasPrefix(first, "webproxy bundle ") {
			return m, fmt.Errorf("form %q: a later webproxy is needed", first)
		}
		return m, errors.New("not that of a bundle")
	}
	for line := range strings.Lines(text[len(header)+1:]) {
		word, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch word {
		case "name":
			m.Name = value
		case "serial":
			m.Serial, err = strconv.ParseUint(value, 10, 64)
		case "webproxy":
			m.Version = value
		case "site":
			m.Sites = append(m.Sites, value)
		case "made":
			m.Made, err = time.Parse(time.RFC3339, value)
		case "by":
			m.By = value
		case "file":
			var f File
			if f, err = parseFile(value); err == nil && len(m.Files) == maxFiles {
				err = fmt.Errorf("more than %d files", maxFiles)
			}
			m.Files = append(m.Files, f)
		default:
			err = errors.New("no such field: a later webproxy is needed")
		}
		if err != nil {
			return m, fmt.Errorf("%q: %w", strings.TrimSuffix(line, "\n"), err)
		}
	}
	if err := m.check(); err != nil {
		return m, err
	}
	if m.text() != text {
		return m, errors.New("not as webproxy writes it")
	}
	return m, nil
}

func parseFile(value string) (f File, err error) {
	parts := strings.SplitN(value, " ", 3)
	if len(parts) != 3 {
		return f, errors.New("want a sum, a size and a name")
	}
	if n, err := hex.Decode(f.Sum[:], []byte(parts[0][:min(len(parts[0]), 2*len(f.Sum))])); err != nil || n != len(f.Sum) {
		return f, errors.New("want a SHA-256 sum of 64 hexadecimal digits")
	}
	f.Name = parts[2]
	f.Size, err = strconv.ParseInt(parts[1], 10, 64)
	return f, err
}

// check returns all errors in m.
func (m *Manifest) check() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if !isWord(m.Name) {
		bad("name", "%q: want letters, digits, - and _, such as stable", m.Name)
	}
	if m.Serial == 0 {
		bad("serial", "want a number from 1 up, greater than that of the bundle before")
	}
	if m.Version != "" {
		if _, err := parseVersion(m.Version); err != nil {
			bad("webproxy", "%v", err)
		}
	}
	if len(m.Sites) == 0 {
		bad("site", "for which sites is it? \"*\" is for all")
	}
	for _, s := range m.Sites {
		if _, err := path.Match(s, ""); err != nil || s == "" || strings.ContainsFunc(s, notInWord) {
			bad("site", "%q is no site's name, and no pattern for names", s)
		}
	}
	if m.Made.IsZero() || !m.Made.Equal(m.Made.Truncate(time.Second)) {
		bad("made", "want a time to the second")
	}
	if m.By == "" || !utf8.ValidString(m.By) || len(m.By) > 200 || strings.ContainsFunc(m.By, func(r rune) bool { return !unicode.IsPrint(r) }) {
		bad("by", "%q: want the name of a person", m.By)
	}
	if len(m.Files) > maxFiles {
		bad("file", "%d files: a bundle has at most %d", len(m.Files), maxFiles)
	}
	lower, policy := map[string]string{}, false
	for i, f := range m.Files {
		if err := safeName(f.Name); err != nil {
			bad("file", "%q: %v", f.Name, err)
			continue
		}
		if other, twice := lower[strings.ToLower(f.Name)]; twice {
			bad("file", "%q and %q are one file on Windows", other, f.Name)
		}
		lower[strings.ToLower(f.Name)] = f.Name
		if i > 0 && m.Files[i-1].Name >= f.Name {
			bad("file", "%q: not sorted by name", f.Name)
		}
		if f.Size < 0 || f.Size > MaxSize {
			bad("file", "%q: %d bytes", f.Name, f.Size)
		}
		policy = policy || f.Name == PolicyFile
	}
	if !policy {
		bad("file", "%s is missing", PolicyFile)
	}
	return errors.Join(errs...)
}

func isWord(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}

func notInWord(r rune) bool { return r <= ' ' || r > '~' }

// parseVersion reads a version such as "0.9.0" or "1.2"; what follows a "-" is ignored.
func parseVersion(s string) (v [3]int, err error) {
	number, _, _ := strings.Cut(strings.TrimPrefix(s, "v"), "-")
	parts := strings.Split(number, ".")
	if len(parts) > 3 {
		return v, fmt.Errorf("%q: want a version such as 0.9.0", s)
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return v, fmt.Errorf("%q: want a version such as 0.9.0", s)
		}
		v[i] = int(n)
	}
	return v, nil
}

// Understands reports whether a webproxy of that version may use the bundle. A version that is not a release, such as one
// built from a commit, understands every bundle.
func (m *Manifest) Understands(version string) bool {
	need, err := parseVersion(m.Version)
	if m.Version == "" || err != nil {
		return m.Version == ""
	}
	have, err := parseVersion(version)
	return err != nil || slices.Compare(have[:], need[:]) >= 0
}
