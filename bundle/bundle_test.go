package bundle_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"webproxy/bundle"
	"webproxy/internal/notekey"
)

var policy = map[string][]byte{
	"policy.yaml":        []byte("rules: [{ id: approved, file: lists/approved.txt }]\n"),
	"lists/approved.txt": []byte("www.example.com\n"),
}

func manifest() bundle.Manifest {
	return bundle.Manifest{Name: "stable", Serial: 1042, Version: "0.9", Sites: []string{"oslo-*", "bergen"},
		Made: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), By: "Åse"}
}

func newBundle(t testing.TB) *bundle.Bundle {
	t.Helper()
	b, err := bundle.New(manifest(), policy)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A signer is a key with its public half.
type signer struct {
	note.Signer
	public string
}

func newSigner(t testing.TB, name string) signer {
	t.Helper()
	key, public, err := notekey.Make(filepath.Join(t.TempDir(), "x.key"), name)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, public}
}

func keysOf(t testing.TB, signers ...signer) bundle.Keys {
	t.Helper()
	var texts []string
	for _, s := range signers {
		texts = append(texts, s.public)
	}
	keys, err := bundle.ParseKeys(texts)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func sign(t testing.TB, b *bundle.Bundle, by ...signer) []byte {
	t.Helper()
	for _, s := range by {
		if err := b.Sign(s); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	alice, bob := newSigner(t, "alice"), newSigner(t, "bob")
	data := sign(t, newBundle(t), alice, bob)
	if other := sign(t, newBundle(t), bob, alice, alice); !bytes.Equal(data, other) {
		t.Error("the order of signing changes the bytes")
	}
	b, err := bundle.Open(data, keysOf(t, alice, bob), 2)
	if err != nil {
		t.Fatal(err)
	}
	if b.Name != "stable" || b.Serial != 1042 || b.By != "Åse" || !b.Made.Equal(manifest().Made) || !slices.Equal(b.Sites, manifest().Sites) {
		t.Errorf("manifest %+v", b.Manifest)
	}
	for name, want := range policy {
		if got, ok := b.File(name); !ok || !bytes.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, ok := b.File("other"); ok {
		t.Error("a file that is not there")
	}
	if !b.For("oslo-3") || !b.For("bergen") || b.For("bergen-2") || b.For("") {
		t.Error("for the wrong sites")
	}
	if b.Digest() != newBundle(t).Digest() {
		t.Error("signatures change the digest")
	}
}

// No byte of a signed bundle can be changed, and none can be missing.
func TestEveryByteCounts(t *testing.T) {
	alice := newSigner(t, "alice")
	data, keys := sign(t, newBundle(t), alice), keysOf(t, alice)
	// The last character of a signature's base64 has two unused bits. Whichever it is, one of these
	// differs from it in those alone.
	if end := bytes.Index(data, []byte("=\n\x00")); end < 0 {
		t.Error("no padding where the signature ends")
	} else {
		was := data[end-1]
		for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
			if data[end-1] = c; c == was {
				continue
			}
			if _, err := bundle.Open(data, keys, 1); err == nil {
				t.Errorf("a signature that ends in %q instead of %q: nobody noticed", c, was)
			}
		}
		data[end-1] = was
	}
	for i := range data {
		for _, bit := range []byte{1, 0x20} {
			data[i] ^= bit
			if _, err := bundle.Open(data, keys, 1); err == nil {
				t.Errorf("byte %d, bit %#x: nobody noticed", i, bit)
			}
			data[i] ^= bit
		}
	}
	for n := range data {
		if _, err := bundle.Open(data[:n], keys, 1); err == nil {
			t.Errorf("cut off at %d: nobody noticed", n)
		}
	}
	if _, err := bundle.Open(append(slices.Clone(data), 0), keys, 1); err == nil {
		t.Error("one byte more: nobody noticed")
	}
	if _, err := bundle.Open(data, keys, 1); err != nil {
		t.Error(err)
	}
}

// The attacks on keys of The Update Framework (https://theupdateframework.github.io/specification/, 1.5.2): fewer keys
// than needed never suffice, however they sign.
func TestKeys(t *testing.T) {
	alice, bob, eve := newSigner(t, "alice"), newSigner(t, "bob"), newSigner(t, "eve")
	alias := newSigner(t, "alice") // another key of the same name
	keys := keysOf(t, alice, bob)
	for _, tt := range []struct {
		by   []signer
		need int
		err  string
	}{
		{nil, 1, "0 of the 2 keys"},
		{[]signer{alice}, 1, ""},
		{[]signer{alice}, 2, "1 of the 2 keys"},
		{[]signer{alice, alice}, 2, "1 of the 2 keys"},
		{[]signer{alice, eve}, 2, "1 of the 2 keys"},
		{[]signer{alice, alias}, 2, "1 of the 2 keys"},
		{[]signer{eve}, 1, "0 of the 2 keys"},
		{[]signer{alice, bob}, 2, ""},
		{[]signer{alice, bob, eve}, 2, ""},
		{[]signer{alice, bob}, 3, "want 1 to 2"},
		{[]signer{alice, bob}, 0, "want 1 to 2"},
	} {
		_, err := bundle.Open(sign(t, newBundle(t), tt.by...), keys, tt.need)
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%d signatures, %d needed: %v, want %q", len(tt.by), tt.need, err, tt.err)
		}
	}
	if _, err := bundle.ParseKeys([]string{alice.public, alice.public}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("one key twice: %v", err)
	}
	if _, err := bundle.ParseKeys([]string{"alice"}); err == nil {
		t.Error("no key")
	}
}

// A signature copied from another bundle makes a bundle invalid, even if another key's signature is valid.
func TestSignatureOfAnother(t *testing.T) {
	alice, bob := newSigner(t, "alice"), newSigner(t, "bob")
	m := manifest()
	m.Serial++
	next, err := bundle.New(m, policy)
	if err != nil {
		t.Fatal(err)
	}
	text := func(data []byte) string {
		b, err := tar.NewReader(bytes.NewReader(data)).Next()
		if err != nil {
			t.Fatal(err)
		}
		return string(data[512 : 512+b.Size])
	}
	_, bobs, _ := strings.Cut(text(sign(t, newBundle(t), bob)), "\n\n")
	signed := text(sign(t, next, alice))
	forged := archive(t, member{"manifest", signed + bobs}, member{"lists/approved.txt", string(policy["lists/approved.txt"])},
		member{"policy.yaml", string(policy["policy.yaml"])})
	if _, err := bundle.Parse(forged); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Open(forged, keysOf(t, alice, bob), 1); err == nil {
		t.Error("a wrong signature went unnoticed")
	}
}

type member struct{ name, text string }

func archive(t testing.TB, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: m.name, Size: int64(len(m.text)), Mode: 0o644, Format: tar.FormatUSTAR})
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(m.text))
	}
	w.Close()
	return out.Bytes()
}

func TestParseRefuses(t *testing.T) {
	good := newBundle(t)
	text := "webproxy bundle 1\nname stable\nserial 1042\nwebproxy 0.9\nsite oslo-*\nsite bergen\nmade 2026-11-30T12:00:00Z\nby Åse\n"
	for _, f := range good.Files {
		text += fmt.Sprintf("file %x %d %s\n", f.Sum, f.Size, f.Name)
	}
	list, rules := member{"lists/approved.txt", string(policy["lists/approved.txt"])}, member{"policy.yaml", string(policy["policy.yaml"])}
	if _, err := bundle.Parse(archive(t, member{"manifest", text}, list, rules)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		data []byte
		err  string
	}{
		{nil, "file is empty"},
		{[]byte("<!DOCTYPE html><title>Sign in</title>"), "HTML"},
		{[]byte("\x1f\x8b\x08"), "it is compressed"},
		{[]byte("nothing"), "not a bundle"},
		{archive(t, rules), `found "policy.yaml" where manifest belongs`},
		{archive(t, member{"manifest", text}, rules), `found "policy.yaml" where lists/approved.txt belongs`},
		{archive(t, member{"manifest", text}, list), "policy.yaml is missing"},
		{archive(t, member{"manifest", text}, list, rules, member{"more", ""}), "more files than"},
		{archive(t, member{"manifest", text}, list, member{"policy.yaml", strings.ToUpper(rules.text)}), "altered or truncated"},
		{archive(t, member{"manifest", text}, list, member{"policy.yaml", rules.text + "x"}), "at most"},
		{archive(t, member{"manifest", strings.Replace(text, "bundle 1", "bundle 2", 1)}, list, rules), "later webproxy"},
		{archive(t, member{"manifest", strings.Replace(text, "by Åse", "by Åse\ncolour red", 1)}, list, rules), "later webproxy"},
		{archive(t, member{"manifest", strings.Replace(text, "serial 1042", "serial 01042", 1)}, list, rules), "not as webproxy writes it"},
		{archive(t, member{"manifest", strings.Replace(text, "serial 1042", "serial 0", 1)}, list, rules), "serial"},
		{archive(t, member{"manifest", strings.Replace(text, "serial 1042\n", "serial 1042\nserial 1043\n", 1)}, list, rules), "not as webproxy writes it"},
		{archive(t, member{"manifest", strings.Replace(text, "site oslo-*\nsite bergen\n", "", 1)}, list, rules), "which sites"},
		{archive(t, member{"manifest", strings.Replace(text, "site bergen", "site [", 1)}, list, rules), "pattern"},
		{archive(t, member{"manifest", strings.Replace(text, "lists/approved.txt", "../approved.txt", 1)}, list, rules), "below the bundle"},
	} {
		if _, err := bundle.Parse(tt.data); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%.60q: %v, want %q", tt.data, err, tt.err)
		}
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"lists/approved.txt": true, "servicetags/public.json": true, "azure-local@2026-11": true,
		"/etc/passwd": false, "../x": false, "a/../../x": false, "a//b": false, "./a": false, `a\b`: false, "": false, ".": false, ".hidden": false,
		"lists/.git/config": false, "NUL": false, "lists/con.txt": false, "a.": false, "manifest": false, "a:b": false, "ä": false, "a b": false,
		strings.Repeat("a", 100): false,
	} {
		files := map[string][]byte{"policy.yaml": nil, name: nil}
		if _, err := bundle.New(manifest(), files); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := bundle.New(manifest(), map[string][]byte{"policy.yaml": nil, "a": nil, "A": nil}); err == nil {
		t.Error("two names that are one on Windows")
	}
	if _, err := bundle.New(manifest(), map[string][]byte{"a": nil}); err == nil {
		t.Error("no policy")
	}
}

func TestUnderstands(t *testing.T) {
	for _, tt := range []struct {
		need, have string
		want       bool
	}{
		{"", "0.1.0", true}, {"0.9", "0.9.0", true}, {"0.9.1", "0.9.0", false}, {"0.9", "0.10.1", true}, {"1.0", "0.10.1", false},
		{"2.0", "devel-728db8a", true}, {"0.9", "0.9.0-rc1", true},
	} {
		m := bundle.Manifest{Version: tt.need}
		if got := m.Understands(tt.have); got != tt.want {
			t.Errorf("%s by %s: %v", tt.need, tt.have, got)
		}
	}
}

func TestDiff(t *testing.T) {
	b, err := bundle.New(manifest(), map[string][]byte{"policy.yaml": []byte("rules: []\n"), "lists/new.txt": nil})
	if err != nil {
		t.Fatal(err)
	}
	added, removed, changed := bundle.Diff(newBundle(t), b)
	if fmt.Sprint(added, removed, changed) != "[lists/new.txt] [lists/approved.txt] [policy.yaml]" {
		t.Error(added, removed, changed)
	}
}

// Whatever Parse accepts is in canonical form.
func FuzzParse(f *testing.F) {
	alice := newSigner(f, "alice")
	f.Add(sign(f, newBundle(f), alice))
	f.Add(newBundle(f).Bytes())
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := bundle.Parse(data)
		if err == nil && !bytes.Equal(b.Bytes(), data) {
			t.Error("two forms of one bundle")
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	alice := newSigner(b, "alice")
	content := make([]byte, 3<<20)
	for i, r := 0, rand.New(rand.NewPCG(1, 2)); i < len(content); i++ {
		content[i] = byte('a' + r.IntN(26))
	}
	big, err := bundle.New(manifest(), map[string][]byte{"policy.yaml": nil, "lists/big.txt": content})
	if err != nil {
		b.Fatal(err)
	}
	data, keys := sign(b, big, alice), keysOf(b, alice)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := bundle.Open(data, keys, 1); err != nil {
			b.Fatal(err)
		}
	}
}
