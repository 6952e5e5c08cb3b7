package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"webproxy/config"
	"webproxy/internal/notekey"
)

// A candidate may name the files of the configuration in force, and no other: nothing of any other is read, or told.
func TestLoadCandidate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const secret = "top.secret.example.com password=hunter2\n"
	text := `listen: "127.0.0.1:0"
policy:
  clients: { nodes: [10.0.1.0/24] }
  rules: [{ id: approved, file: lists/approved.txt }, { id: again, file: "` + filepath.ToSlash(dir) + `//lists/again.txt" }]
audit: { dir: audit/ }
egress: { upstream_proxies: [{ url: "http://u.example:1", credentials: known.txt }] }
`
	for name, text := range map[string]string{"webproxy.yaml": text, "lists/approved.txt": "ok.example.com\n", "lists/again.txt": "again.example.com\n", "lists/other.txt": secret, "secret.txt": secret, "known.txt": secret} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	known, err := config.Load(filepath.Join(dir, "webproxy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tags := `{"changeNumber":1,"cloud":"Public","values":[{"name":"Storage","id":"Storage","properties":{"changeNumber":1,"region":"","addressPrefixes":["20.0.0.0/8"]}}]}`
	if err := os.MkdirAll(filepath.Join(dir, "servicetags"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config.TagFile(dir, "public"), []byte(tags), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.LoadCandidate(known, []byte(strings.Replace(text, "rules: [", "rules: [{ id: tagged, hosts: [s.example.org], service_tag: { name: Storage } }, ", 1))); err == nil || !strings.Contains(err.Error(), "resolves names by itself") {
		t.Errorf("a candidate with the first service tag, whose only fault is the upstream proxy: %v", err)
	}
	var wg sync.WaitGroup
	for range 4 { // visitors come at once
		wg.Go(func() {
			c, err := config.LoadCandidate(known, []byte(strings.Replace(text, "rules: [", "rules: [{ id: more, hosts: [more.example.com] }, ", 1)))
			if err != nil || c.Set.Len() != 3 {
				t.Errorf("a candidate with one rule more: %v", err)
			}
		})
	}
	wg.Wait()
	for _, change := range [][2]string{
		{"lists/approved.txt", "lists/other.txt"},
		{"lists/approved.txt", "known.txt"}, // of the configuration in force, but no list
		{"lists/approved.txt", "audit/../known.txt"},
		{"policy:", "policy:\n  bundle: { name: stable, keys: [secret.txt] }"},
		{"lists/approved.txt", "lists/missing.txt"},
		{"lists/approved.txt", "lists/../secret.txt"},
		{"lists/approved.txt", filepath.ToSlash(filepath.Join(dir, "secret.txt"))},
		{"audit: {", "inspection: { roots: [secret.txt] }\naudit: {"},
		{"audit: {", "dashboard: { users: secret.txt }\naudit: {"},
		{"credentials: known.txt", "credentials: secret.txt"},
		{"audit: {", "listen_tls: { cert: secret.txt, key: secret.txt }\naudit: {"},
		{"audit: {", "ship: { x: { to: \"tls://r.example:1\", ca: secret.txt } }\naudit: {"},
		{"dir: audit/", "dir: elsewhere"},
		// Spelled so that it opens only if another directory is there: both give the same answer.
		{`//lists/again.txt`, "/lists/../lists/again.txt"},
		{`//lists/again.txt`, "/missing/../lists/again.txt"},
	} {
		_, err := config.LoadCandidate(known, []byte(strings.Replace(text, change[0], change[1], 1)))
		if said := fmt.Sprint(err); err == nil || !strings.Contains(said, "no file of the configuration in force") || strings.Contains(said, "secret.example") || strings.Contains(said, "hunter2") || strings.Contains(said, "did you mean") {
			t.Errorf("%s: %s", change[1], said)
		}
	}
}

// Nothing is asked of the system about the paths of a candidate, which would be a connection if one was on a server, nor of what is on the way to them.
func TestLoadCandidateLeavesPathsAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no modes")
	}
	dir := t.TempDir()
	path, text := filepath.Join(dir, "webproxy.yaml"), "policy: { rules: [] }\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	known, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	candidate, err := config.LoadCandidate(known, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	loose := func(p config.Problem) bool { return p.File == path && strings.Contains(p.Msg, "may change it") }
	if !slices.ContainsFunc(known.Warnings, loose) || slices.ContainsFunc(candidate.Warnings, loose) {
		t.Errorf("warnings about modes: %v; of the candidate, whose files are not looked at: %v", known.Warnings, candidate.Warnings)
	}
}

// The text of a candidate is bounded, and that of the file in force is never too long.
func TestLoadCandidateSize(t *testing.T) {
	t.Parallel()
	path, text := filepath.Join(t.TempDir(), "webproxy.yaml"), "policy: { rules: [] }\n"
	load := func(known int) *config.Config {
		if err := os.WriteFile(path, []byte(text+strings.Repeat("#\n", known/2)), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const most = 256 << 10
	for _, tt := range []struct {
		known, size int
		taken       bool
	}{{0, most / 2, true}, {0, most + 2, false}, {most, most + most/2, true}, {most, 3 * most, false}} {
		_, err := config.LoadCandidate(load(tt.known), []byte(text+strings.Repeat("#\n", tt.size/2)))
		if (err == nil) != tt.taken || err != nil && !strings.Contains(err.Error(), "want at most") {
			t.Errorf("a file of %d bytes, a candidate of %d: %v", tt.known, tt.size, err)
		}
	}
}

// A candidate in which more settings are wrong than are shown is not compiled.
func TestLoadCandidateGivesUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "webproxy.yaml")
	if err := os.WriteFile(path, []byte("policy: { rules: [] }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	known, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for wrong, want := range map[int]string{99: "empty label", 101: "and 1 more"} {
		_, err := config.LoadCandidate(known, []byte("policy:\n  rules:\n  - { id: a, hosts: [x..example.com] }\n"+strings.Repeat("  - x\n", wrong)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d settings that are wrong, and one host: %v", wrong, err)
		}
	}
}

// The configuration in force is a candidate itself, also with a bundle whose key is in a file.
func TestLoadCandidateBundle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"alice", "eve"} {
		if _, _, err := notekey.Make(filepath.Join(dir, name+notekey.Suffix), name); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "webproxy.yaml")
	text := "audit: { site: oslo-3 }\npolicy:\n  bundle: { from: nowhere, name: stable, keys: [./alice.pub] }\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	known, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.LoadCandidate(known, []byte(text)); err != nil {
		t.Error(err)
	}
	if _, err := config.LoadCandidate(known, []byte(strings.Replace(text, "alice", "eve", 1))); err == nil || !strings.Contains(err.Error(), "no file of the configuration in force") {
		t.Errorf("another key: %v", err)
	}
}

// Problems of several lines, and several of one, show each its own line, with masks.
func TestProblemsShowTheirLines(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	problems := config.Problems{
		{File: "f", Line: 1, Column: 1, Msg: "a", Text: "first: http://u:pw1@h/", Width: 5},
		{File: "f", Line: 1, Column: 8, Msg: "b", Text: "first: http://u:pw1@h/", Width: 4},
		{File: "f", Line: 2, Column: 1, Msg: "c", Text: "second: http://u:pw2@h/", Width: 6},
	}
	if err := problems.Write(&b); err != nil {
		t.Fatal(err)
	}
	const want = `f:1:1: a
  1 | first: http://*****@h/
    | ^^^^^
f:1:8: b
  1 | first: http://*****@h/
    |        ^^^^
f:2:1: c
  2 | second: http://*****@h/
    | ^^^^^^
`
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", &b, want)
	}
}
