package catalog

import (
	"io/fs"
	"testing"

	"webproxy/policy"
)

// BenchmarkParse reads files as the first use of their list does: what the default policy pays at
// start-up, and what all lists would cost together.
func BenchmarkParse(b *testing.B) {
	everything, err := fs.Glob(files, "lists/*/*.yaml")
	if err != nil {
		b.Fatal(err)
	}
	builtIn := []string{"lists/2021-12/hci.yaml", "lists/2021-12/update.yaml", "lists/2021-12/arc.yaml"}
	for name, paths := range map[string][]string{"default": builtIn, "all": everything} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, p := range paths {
					if _, err := readList(p); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkGet makes the entries of a list that is parsed already: what a reload pays.
func BenchmarkGet(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Get("update", policy.Place{}); err != nil {
			b.Fatal(err)
		}
	}
}
