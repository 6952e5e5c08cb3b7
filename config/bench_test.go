package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
