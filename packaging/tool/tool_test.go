package main

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// tree writes a file system of an image, in which files were changed at that time.
func tree(t *testing.T, at time.Time) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	write(t, filepath.Join(dir, "usr/bin/webproxy"), "program", 0o755)
	write(t, filepath.Join(dir, "etc/webproxy/webproxy.yaml"), "listen: x\n", 0o644)
	if err := os.MkdirAll(filepath.Join(dir, "var/lib/webproxy"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, "usr/bin/webproxy"), at, at); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Archives of the same files have the same bytes, whenever these were written and wherever.
func TestSameBytes(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	var zips, images [2][]byte
	for i := range 2 {
		dir, out := tree(t, time.Unix(1e9+int64(i)*1e6, 0)), t.TempDir()
		if err := writeZip([]string{filepath.Join(out, "a.zip"), dir}); err != nil {
			t.Fatal(err)
		}
		zips[i] = read(t, filepath.Join(out, "a.zip"))
		if err := writeImage([]string{"-o", filepath.Join(out, "a.tar"), "-tag", "webproxy:1.2.3", "-version", "1.2.3", "-revision", "abc", "amd64=" + dir, "arm64=" + dir}); err != nil {
			t.Fatal(err)
		}
		images[i] = read(t, filepath.Join(out, "a.tar"))
	}
	if !bytes.Equal(zips[0], zips[1]) {
		t.Error("two zip files")
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("two images")
	}
}

// What was packed is unpacked, for the architecture that is asked for.
func TestImageRoundTrip(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	amd64, arm64, file := tree(t, time.Now()), tree(t, time.Now()), filepath.Join(t.TempDir(), "a.tar")
	write(t, filepath.Join(arm64, "usr/bin/webproxy"), "another program", 0o755)
	if err := writeImage([]string{"-o", file, "amd64=" + amd64, "arm64=" + arm64}); err != nil {
		t.Fatal(err)
	}
	for arch, want := range map[string]string{"amd64": "program", "arm64": "another program"} {
		dir := t.TempDir()
		if err := unpackImage([]string{file, arch, dir}); err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join(dir, "usr/bin/webproxy")); string(got) != want {
			t.Errorf("%s: %q, want %q", arch, got, want)
		}
		if info, err := os.Stat(filepath.Join(dir, "usr/bin/webproxy")); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", arch, info.Mode(), err)
		}
	}
	if err := unpackImage([]string{file, "s390x", t.TempDir()}); err == nil {
		t.Error("no error for an architecture that is not there")
	}
}

// What a Docker loads that reads manifest.json alone: both images, by their tags, with the files of the OCI images.
func TestImageForDocker(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	amd64, arm64, file := tree(t, time.Now()), tree(t, time.Now()), filepath.Join(t.TempDir(), "a.tar")
	write(t, filepath.Join(arm64, "usr/bin/webproxy"), "another program", 0o755)
	if err := writeImage([]string{"-o", file, "-tag", "webproxy:1.2.3", "amd64=" + amd64, "arm64=" + arm64}); err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]string{"webproxy:1.2.3": "amd64", "webproxy:1.2.3-arm64": "arm64"} {
		ref, err := name.NewTag(tag)
		if err != nil {
			t.Fatal(err)
		}
		img, err := tarball.ImageFromPath(file, &ref)
		if err != nil {
			t.Errorf("%s: %v", tag, err)
			continue
		}
		if err := validate.Image(img); err != nil {
			t.Errorf("%s: %v", tag, err)
		}
		if c, err := img.ConfigFile(); err != nil || c.Architecture != want || c.Config.User != "65532:65532" {
			t.Errorf("%s: %+v, %v; want %s", tag, c, err, want)
		}
	}
}

// Files belong to root, but for the volume; a link is refused, and no archive is unpacked outside of its directory.
func TestTar(t *testing.T) {
	dir := tree(t, time.Now())
	var b bytes.Buffer
	if err := writeTar(&b, dir, time.Unix(1700000000, 0), owner); err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(bytes.NewReader(b.Bytes())); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if strings.HasPrefix(h.Name, "var/lib/webproxy") {
			want = owner
		}
		if h.Uid != want || h.Gid != want || h.ModTime.Unix() != 1700000000 || h.Uname != "" {
			t.Errorf("%s: %d:%d %s %v", h.Name, h.Uid, h.Gid, h.Uname, h.ModTime)
		}
	}
	write(t, filepath.Join(dir, "secrets"), "secrets", 0o600)
	if err := os.Symlink("secrets", filepath.Join(dir, "link")); err != nil { // as long as what it leads to
		t.Fatal(err)
	}
	if err := writeTar(io.Discard, dir, time.Now(), 0); err == nil {
		t.Error("a link was packed")
	}
	for _, name := range []string{"../out", "/out", "a/../../out"} {
		b.Reset()
		w := tar.NewWriter(&b)
		w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 1})
		w.Write([]byte("x"))
		w.Close()
		if err := untar(&b, filepath.Join(t.TempDir(), "in")); err == nil {
			t.Errorf("%s was unpacked", name)
		}
	}
}

// An SBOM that lacks a module of the binary, has another, or another version of one, is wrong.
func TestSBOM(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil || len(info.Deps) < 2 {
		t.Fatalf("%d modules, %v", len(info.Deps), err)
	}
	type component struct {
		Name     string `json:"name"`
		Version  string `json:"version"`
		Purl     string `json:"purl,omitempty"`
		Licenses []any  `json:"licenses,omitempty"`
	}
	check := func(change func([]component) []component) error {
		all := []component{{"std", info.GoVersion, "pkg:golang/std", nil}}
		for _, m := range info.Deps {
			all = append(all, component{m.Path, m.Version, "pkg:golang/" + m.Path, []any{"MIT"}})
		}
		text, err := json.Marshal(map[string]any{"bomFormat": "CycloneDX", "metadata": map[string]any{"component": component{Name: info.Main.Path}}, "components": change(all)})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "bom.json")
		write(t, path, string(text), 0o600)
		return checkSBOM([]string{path, binary})
	}
	if err := check(func(all []component) []component { return all }); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func([]component) []component{
		"one is missing": func(all []component) []component { return all[:len(all)-1] },
		"Go is missing":  func(all []component) []component { return all[1:] },
		"one more": func(all []component) []component {
			return append(all, component{"example.com/x", "v1.0.0", "pkg:x", []any{"MIT"}})
		},
		"another version": func(all []component) []component { all[1].Version = "v0.0.1-other"; return all },
		"no licence":      func(all []component) []component { all[1].Licenses = nil; return all },
		"no address":      func(all []component) []component { all[1].Purl = ""; return all },
	} {
		if err := check(change); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// The manifests fit the schemas of scoop and winget when they are filled in, and not before.
func TestManifests(t *testing.T) {
	fill := strings.NewReplacer("@VERSION@", "1.2.3", "@URL@", "https://example.com/1.2.3", "@ZIP@", "a.zip", "@ZIPSUM@", strings.Repeat("0a", 32), "@NAME@", "a",
		"@MSI@", "a.msi", "@MSISUM@", strings.Repeat("0A", 32), "@PRODUCT@", uuid("product", "1.2.3"), "@NUMBER@", "1.2.3", "@UPGRADE@", upgradeCode, "@DATE@", "2026-01-02")
	for schema, manifest := range map[string]string{
		"scoop.schema.json":                  "scoop.json",
		"manifest.installer.1.12.0.json":     "winget/webproxy.webproxy.installer.yaml",
		"manifest.defaultLocale.1.12.0.json": "winget/webproxy.webproxy.locale.en-US.yaml",
		"manifest.version.1.12.0.json":       "winget/webproxy.webproxy.yaml",
	} {
		schema, manifest = filepath.Join("../windows/schemas", schema), filepath.Join("../windows", manifest)
		path := filepath.Join(t.TempDir(), "filled")
		write(t, path, fill.Replace(string(read(t, manifest))), 0o600)
		if err := checkSchema([]string{schema, path}); err != nil {
			t.Error(err)
		}
		if strings.Contains(string(read(t, path)), "@") {
			t.Errorf("%s: a place is not filled in", manifest)
		}
		write(t, path, "version: [1]\n", 0o600)
		if err := checkSchema([]string{schema, path}); err == nil {
			t.Errorf("%s takes everything", schema)
		}
	}
}
