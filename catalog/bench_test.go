package catalog

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"webproxy/internal/policytest"
	"webproxy/policy"
)

// packedLists returns the packed form of every list, by the name of its file.
func packedLists() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(packed) {
		name, data, _ := strings.Cut(line, " ")
		all[name] = data
	}
	return all
}

// BenchmarkParse reads files as the first use of their list does: what the default policy pays at
// start-up, and what all lists cost together.
func BenchmarkParse(b *testing.B) {
	builtIn := []string{"lists/2021-12/hci.yaml", "lists/2021-12/update.yaml", "lists/2021-12/arc.yaml"}
	lists := packedLists()
	for name, paths := range map[string][]string{"default": builtIn, "all": slices.Sorted(maps.Keys(lists))} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, p := range paths {
					if _, err := readPacked(p, lists[p]); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkMemory reports what all lists keep in memory once they are parsed.
func BenchmarkMemory(b *testing.B) {
	lists := packedLists()
	paths := slices.Sorted(maps.Keys(lists))
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		all := make([]*List, len(paths))
		for i, p := range paths {
			l, err := readPacked(p, lists[p])
			if err != nil {
				b.Fatal(err)
			}
			all[i] = l
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc), "kept-B")
		runtime.KeepAlive(all)
	}
}

// BenchmarkGet makes the entries of lists that are parsed already: what a reload pays.
func BenchmarkGet(b *testing.B) {
	for _, name := range []string{"update", "azure-local"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Get(name, policy.Place{Region: "eastus"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEverythingOn goes from nothing to a compiled policy with every list in every generation in
// it, which has to leave most of the 100 ms that a start may take.
func BenchmarkEverythingOn(b *testing.B) {
	lists := packedLists()
	paths := slices.Sorted(maps.Keys(lists))
	spec := policy.Spec{Region: "eastus"}
	for _, f := range embeddedFiles() {
		if !f.bundle {
			name := f.name + "@" + f.generation
			spec.Rules = append(spec.Rules, policy.RuleSpec{ID: f.name + "-" + f.generation, List: name})
		}
	}
	for b.Loop() {
		for _, p := range paths {
			if _, err := readPacked(p, lists[p]); err != nil { // Get parses once; a start has to
				b.Fatal(err)
			}
		}
		if _, err := policy.Compile(&spec, policytest.Library{Catalog: Get}, policy.Env{}); err != nil {
			b.Fatal(err)
		}
	}
}
