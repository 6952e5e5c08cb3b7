package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webproxy/policy"
)

// BenchmarkLoadList is the load of a list of 100,000 hosts, as happens at each change of any file.
func BenchmarkLoadList(b *testing.B) {
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "host%d.example.com:443 reason=CHG-%d\n", i, i)
	}
	dir := b.TempDir()
	path := filepath.Join(dir, "webproxy.yaml")
	for name, text := range map[string]string{path: "policy: { rules: [{ id: a, file: l.txt }] }\n", filepath.Join(dir, "l.txt"): text.String()} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := Load(path); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoadDefault is what every command without a configuration begins with.
func BenchmarkLoadDefault(b *testing.B) {
	for b.Loop() {
		if _, err := LoadDefault(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnchanged is what a Watcher does every few seconds.
func BenchmarkUnchanged(b *testing.B) {
	path := filepath.Join(b.TempDir(), "webproxy.yaml")
	if err := os.WriteFile(path, defaultYAML, 0o600); err != nil {
		b.Fatal(err)
	}
	r := new(reader)
	if _, problems := load(path, r, time.Now()); len(problems) > 0 {
		b.Fatal(problems)
	}
	for b.Loop() {
		if !r.unchanged() {
			b.Fatal("changed")
		}
	}
}

// BenchmarkReload is what a change of a list of 10,000 hosts costs beside the waits: it is read, loaded, read again, and
// compared with the policy in force.
func BenchmarkReload(b *testing.B) {
	dir := b.TempDir()
	path, list := filepath.Join(dir, "webproxy.yaml"), filepath.Join(dir, "l.txt")
	var texts [2][]byte
	for i := range texts {
		var text strings.Builder
		for n := range 10_000 + i {
			fmt.Fprintf(&text, "h%06d.example:80,443\n", n)
		}
		texts[i] = []byte(text.String())
	}
	if err := os.WriteFile(path, []byte("policy: { rules: [{ id: a, file: l.txt }] }\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	w := Watcher{pace: pacer{began: time.Now()}}
	var old *policy.Set
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := os.WriteFile(list, texts[i%2], 0o600); err != nil {
			b.Fatal(err)
		}
		if w.last != nil && w.last.unchanged() {
			b.Fatal("not seen to have changed")
		}
		r := w.newReader()
		r.pause = func() {} // it would only wait
		c, problems := load(path, r, time.Now())
		if len(problems) > 0 || len(r.changed(1)) > 0 {
			b.Fatal(problems)
		}
		added, removed := policy.Diff(old, c.Set)
		if i > 0 && len(added)+len(removed) != 1 {
			b.Fatal("the Sets differ in", len(added), len(removed))
		}
		w.last, old = r, c.Set
	}
}
