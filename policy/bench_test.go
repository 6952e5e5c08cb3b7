package policy_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"webproxy/policy"
)

// bigSpec has n entries of all kinds, in a list file as an operator would have them.
func bigSpec(n int) (policy.Spec, library) {
	var b strings.Builder
	for i := range n {
		switch i % 10 {
		case 0:
			fmt.Fprintf(&b, "*.zone%d.example.com\n", i)
		case 1:
			fmt.Fprintf(&b, "pre*.glob%d.example.net\n", i)
		case 2:
			fmt.Fprintf(&b, "http://http%d.example.org\n", i)
		default:
			fmt.Fprintf(&b, "host%d.eastus.example%d.com\n", i, i%1000)
		}
	}
	return policy.Spec{Rules: []policy.RuleSpec{{ID: "big", File: "f"}}}, library{Files: map[string]string{"f": b.String()}}
}

func bigSet(t testing.TB, n int) *policy.Set {
	t.Helper()
	spec, lib := bigSpec(n)
	set, err := policy.Compile(&spec, lib, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

var benchURLs = []struct{ name, url string }{
	{"exact", "https://host3.eastus.example3.com"},
	{"wildcard", "https://a.b.zone0.example.com"},
	{"glob", "https://prefix.glob1.example.net"},
	{"miss", "https://nobody.knows.this.example.edu"},
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 1_000, 100_000} {
		set := bigSet(b, n)
		for _, u := range benchURLs {
			b.Run(fmt.Sprintf("%s/%d", u.name, n), func(b *testing.B) {
				req := ask(b, u.url)
				b.ReportAllocs()
				for b.Loop() {
					set.Decide(req)
				}
			})
		}
	}
}

// BenchmarkMemory reports what the list file and the Set of 100,000 names keep, in bytes an entry, the file's own 24 included.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(bytesPerEntry(b, 100_000), "B/entry")
	}
}

// bytesPerEntry is what is kept of a list of n names, each with two ports, and of the Set that is compiled from it.
func bytesPerEntry(t testing.TB, n int) float64 {
	t.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "h%06d.example:80,443\n", i)
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	spec := policy.Spec{Rules: []policy.RuleSpec{{ID: "big", File: "f"}}}
	set, err := policy.Compile(&spec, library{Files: map[string]string{"f": strings.Clone(text.String())}}, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	after := heap()
	runtime.KeepAlive(set)
	runtime.KeepAlive(&text)
	return float64(int64(after)-int64(before)) / float64(n)
}

// An entry must not cost a kilobyte, as it did: a policy may have a hundred thousand.
func TestEntriesAreSmall(t *testing.T) {
	if got := bytesPerEntry(t, 50_000); got > 160 {
		t.Errorf("%.0f bytes an entry, want 160 at most", got)
	}
}

func BenchmarkCompile(b *testing.B) {
	spec, lib := bigSpec(100_000)
	parsed := parsedLibrary{entries: must(lib.File("f"))}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.Compile(&spec, parsed, policy.Env{}); err != nil {
			b.Fatal(err)
		}
	}
}

type parsedLibrary struct {
	library
	entries *policy.Entries
}

func (l parsedLibrary) File(string) (*policy.Entries, error) { return l.entries, nil }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func BenchmarkParseTarget(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.ParseTarget(policy.HTTPS, "guestnotificationservice.azure.com:443"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseEntry(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.ParseEntry("host3.eastus.example3.com:443"); err != nil {
			b.Fatal(err)
		}
	}
}

// A decision is on every request's path: it must not allocate.
func TestDecideDoesNotAllocate(t *testing.T) {
	set := bigSet(t, 1_000)
	for _, u := range benchURLs {
		req := ask(t, u.url)
		if n := testing.AllocsPerRun(100, func() { set.Decide(req) }); n != 0 {
			t.Errorf("%s: %v allocations", u.name, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { must(policy.ParseTarget(policy.HTTPS, "a.example.com:443")) }); n != 0 {
		t.Errorf("ParseTarget: %v allocations", n)
	}
}
