package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webproxy/bundle"
	"webproxy/internal/notekey"
)

// A bundleSite is the directory of a site that takes bundles of one key.
type bundleSite struct {
	dir  string
	path string // of webproxy.yaml
	sign func(*bundle.Bundle)
}

func newBundleSite(t *testing.T, own string) *bundleSite {
	t.Helper()
	s := &bundleSite{dir: t.TempDir()}
	key, public, err := notekey.Make(filepath.Join(s.dir, "alice.key"), "alice")
	must(t, err)
	s.path = filepath.Join(s.dir, FileName)
	put(t, s.path, strings.ReplaceAll(own, "KEY", public))
	s.sign = func(b *bundle.Bundle) { must(t, b.Sign(key)) }
	return s
}

// take puts a bundle of the files in force.
func (s *bundleSite) take(t *testing.T, files map[string]string) {
	t.Helper()
	contents := map[string][]byte{}
	for name, text := range files {
		contents[name] = []byte(text)
	}
	b, err := bundle.New(bundle.Manifest{Name: "stable", Serial: 7, Sites: []string{"*"}, Made: time.Unix(1e9, 0), By: "ann"}, contents)
	must(t, err)
	s.sign(b)
	must(t, bundle.NewStore(filepath.Dir(BundleFile(s.path))).Take(b, bundle.State{}))
}

const ownPart = `audit: { site: oslo-3 }
policy:
  clients: { nodes: [10.0.0.0/8] }
  bundle: { from: nowhere, name: stable, keys: ["KEY"] }
  rules: [ { id: local, deny: true, hosts: [local.example.com] } ]
  tests: { deny: [ { from: nodes, to: "https://local.example.com" } ] }
`

func TestBundleIsMerged(t *testing.T) {
	s := newBundleSite(t, ownPart)
	s.take(t, map[string]string{
		"policy.yaml":      "region: westeurope\nphases: { updates: { active: true } }\nrules:\n- { id: all, list: azure-local@2026-11 }\n- { id: mine, file: lists/mine.txt, phase: updates }\n",
		"lists/mine.txt":   "www.example.com\n",
		"lists/unread.txt": "other.example.com\n",
	})
	c, err := Load(s.path)
	must(t, err)
	if c.Bundle == nil || c.Bundle.Serial != 7 || c.Policy.Region != "westeurope" || len(c.Policy.Rules) != 3 {
		t.Errorf("bundle %v, region %q, %d rules", c.Bundle, c.Policy.Region, len(c.Policy.Rules))
	}
	if got := c.Policy.Rules[1].Source + " " + c.Policy.Rules[0].Source; got != "bundle/stable-7/policy.yaml:4 webproxy.yaml:5" {
		t.Errorf("sources %s", got)
	}
	// Only the bundle's own file is watched: what is on disk in the place of its files does not count.
	for _, f := range c.Files {
		if strings.Contains(f, "mine.txt") {
			t.Errorf("%s is watched", f)
		}
	}
	if !strings.Contains(strings.Join(c.Files, " "), "current.bundle") {
		t.Errorf("the bundle is not watched: %v", c.Files)
	}
	must(t, os.MkdirAll(filepath.Join(s.dir, "bundle", "stable", "lists"), 0o755))
	put(t, filepath.Join(s.dir, "bundle", "stable", "lists", "mine.txt"), "evil.example.com\n")
	again, err := Load(s.path)
	must(t, err)
	if again.Set.Digest() != c.Set.Digest() {
		t.Error("a file on disk changes what the bundle says")
	}
}

// A bundle that names files of the site has them not read: who signs bundles sees what the sites refuse, with a part of the line.
func TestBundleReadsNoFileOfTheSite(t *testing.T) {
	s := newBundleSite(t, ownPart)
	secret := filepath.Join(s.dir, "secret.txt")
	put(t, secret, "top..secret.example.com\n")
	for _, name := range []string{"../../secret.txt", "../../../" + filepath.Base(s.dir) + "/secret.txt", "../../missing.txt", filepath.ToSlash(secret)} {
		s.take(t, map[string]string{"policy.yaml": "rules:\n- { id: a, file: '" + name + "' }\n"})
		r := new(reader)
		c, problems := load(s.path, r, time.Now())
		var said strings.Builder
		must(t, problems.Write(&said))
		if c != nil || !strings.Contains(said.String(), "is not in the bundle") || strings.Contains(said.String(), "secret.example") || strings.Contains(said.String(), "did you mean") {
			t.Errorf("%s: %s", name, &said)
		}
		for path := range r.seen {
			if strings.Contains(path, "secret") || strings.Contains(path, "missing") {
				t.Errorf("%s: %s is read", name, path)
			}
		}
	}
}

// What is wrong in a bundle is told with its place there.
func TestBundleProblems(t *testing.T) {
	for _, tt := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"policy.yaml": "rules:\n- { id: a, host: x }\n"}, `bundle/stable-7/policy.yaml:2:12: rules[0].host: no such setting`},
		{map[string]string{"policy.yaml": "rules:\n- { id: a, hosts: [a.example.com] }\n- { id: b, hosts: ['*'] }\n"}, "bundle/stable-7/policy.yaml:3:"},
		{map[string]string{"policy.yaml": "rules:\n- { id: local, hosts: [a.example.com] }\n"}, "policy.rules[1].id"},
		{map[string]string{"policy.yaml": "rules:\n- { id: a, file: lists/none.txt }\n"}, `"lists/none.txt" is not in the bundle`},
		{map[string]string{"policy.yaml": "rules: []\nphases: { x: { schedule: never } }\n"}, "bundle/stable-7/policy.yaml:2:"},
		{map[string]string{"policy.yaml": "rules: []\ntests:\n  allow: [ { from: nodes, to: \"https://a.example.com\" } ]\n"}, "bundle/stable-7/policy.yaml:3:"},
		{map[string]string{"policy.yaml": "rules: [ { id: a, file: lists/a.txt } ]\n", "lists/a.txt": "www..example.com\n"}, "lists/a.txt:1:"},
		{map[string]string{"policy.yaml": "rules: []\nclients: { nodes: [0.0.0.0/0] }\n"}, "clients: no such setting"},
		{map[string]string{"policy.yaml": "rules: []\nlisten: ':1'\n"}, "listen: no such setting"},
		{map[string]string{"policy.yaml": ""}, "empty"},
	} {
		s := newBundleSite(t, ownPart)
		s.take(t, tt.files)
		_, err := Load(s.path)
		var text strings.Builder
		if problems, ok := err.(Problems); ok {
			for _, p := range problems {
				text.WriteString(p.Path + " " + p.String() + "\n")
			}
		}
		if !strings.Contains(text.String(), tt.want) {
			t.Errorf("%q:\n%s%v\nwant %q", tt.files["policy.yaml"], text.String(), err, tt.want)
		}
	}
}

// A bundle that a key has signed which the site does not name is not used.
func TestBundleOfAnotherKey(t *testing.T) {
	s, other := newBundleSite(t, ownPart), newBundleSite(t, ownPart)
	s.sign = other.sign
	s.take(t, map[string]string{"policy.yaml": "rules: []\n"})
	if _, err := Load(s.path); err == nil || !strings.Contains(err.(Problems)[0].Msg, "0 of the 1 keys") {
		t.Errorf("error %v", err)
	}
}

func TestBundleSettings(t *testing.T) {
	c, err := Load("testdata/bundle/every-setting.yaml")
	must(t, err)
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Msg, "no bundle was taken yet") {
		t.Errorf("warnings %v", c.Warnings)
	}
	if b := c.Policy.Bundle; b.Need != 1 || b.Every != 5*time.Minute || b.RefuseIf != "newly_denied > 1%" || b.WhatIf != 3*24*time.Hour || !filepath.IsAbs(b.CA) {
		t.Errorf("%+v", b)
	}
}

// What a bundle is made of are the shared parts of a policy, and the lists that its rules name.
func TestBundleFiles(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "lists"), 0o755))
	put(t, filepath.Join(dir, "lists", "a.txt"), "www.example.com\n")
	put(t, filepath.Join(dir, FileName), `listen: "127.0.0.1:9099"
policy:
  clients: { nodes: [10.9.9.0/24] }
  modes: { nodes: learn }
  region: westeurope
  rules: # of all sites
    - { id: a, file: lists/a.txt, for: [nodes] }
`)
	files, err := BundleFiles(filepath.Join(dir, FileName))
	must(t, err)
	want := "region: westeurope\nrules: # of all sites\n  - {id: a, file: lists/a.txt, for: [nodes]}\n"
	if string(files["policy.yaml"]) != want || string(files["lists/a.txt"]) != "www.example.com\n" || len(files) != 2 {
		t.Errorf("files %q", files)
	}
	b, err := bundle.New(bundle.Manifest{Name: "stable", Serial: 1, Sites: []string{"*"}, Made: time.Unix(1e9, 0), By: "ann"}, files)
	must(t, err)
	set, err := CompileBundle(b)
	must(t, err)
	if set.Len() != 1 {
		t.Errorf("%d entries", set.Len())
	}
	put(t, filepath.Join(dir, FileName), "policy: { rules: [ { id: a, file: ../a.txt } ] }\n")
	put(t, filepath.Join(filepath.Dir(dir), "a.txt"), "www.example.com\n")
	if _, err := BundleFiles(filepath.Join(dir, FileName)); err == nil || !strings.Contains(err.Error(), "cannot be in a bundle") {
		t.Errorf("a list outside: %v", err)
	}
}
