package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// linesNaive are all lines of s, sorted: what Digest and Diff are about.
func linesNaive(s *Set) []string {
	lines := s.otherLines()
	for i := range s.entries {
		lines = append(lines, s.entries[i].String())
	}
	slices.Sort(lines)
	return lines
}

var genSet = rapid.Custom(func(t *rapid.T) *Set {
	hosts := rapid.SampledFrom([]string{"a.co", "a.com", "a.co-x.org", "a.co.uk", "a.co1.org", "*.a.co", "b*.a.co", "8.8.8.8", "8.8.8.80", "2001:db9::1", "2001:db9::12", "x_y.z", "x-y.z"})
	spec := Spec{Phases: map[string]PhaseSpec{"p": {}}}
	files := map[string][]Entry{}
	for i := range rapid.IntRange(0, 4).Draw(t, "rules") {
		r := RuleSpec{ID: rapid.SampledFrom([]string{"a", "a-b", "a.b", "b", "c"}).Draw(t, "id"), Deny: rapid.Bool().Draw(t, "deny"), File: fmt.Sprint(i)}
		if slices.ContainsFunc(spec.Rules, func(o RuleSpec) bool { return o.ID == r.ID }) {
			continue
		}
		for range rapid.IntRange(0, 8).Draw(t, "entries") {
			line := rapid.SampledFrom([]string{"", "", "http://", "https://"}).Draw(t, "scheme")
			host := hosts.Draw(t, "host")
			if strings.Contains(host, ":") {
				host = "[" + host + "]"
			}
			line += host + rapid.SampledFrom([]string{"", "", ":80,443", ":8443"}).Draw(t, "ports") + rapid.SampledFrom([]string{"", "", " id=x", " id=y", " phase=p"}).Draw(t, "more")
			e, err := ParseEntry(line)
			if err != nil {
				t.Fatal(err)
			}
			files[r.File] = append(files[r.File], e)
		}
		spec.Rules = append(spec.Rules, r)
	}
	set, err := Compile(&spec, filesOnly(files), Env{Pause: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	return set
})

// filesOnly is a Library of list files.
type filesOnly map[string][]Entry

func (filesOnly) List(string, Place) (List, error) { return List{}, nil }

func (f filesOnly) File(path string) (*Entries, error) { return NewEntries(f[path]), nil }

func (filesOnly) Prefixes(string, string) ([]netip.Prefix, error) { return nil, nil }

// The digest is the hash of all lines, sorted, though they are never all in memory: it stands in records of years.
func TestDigestIsOfSortedLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genSet.Draw(t, "set")
		lines := linesNaive(s)
		sum := sha256.Sum256([]byte(strings.Join(lines, "\n") + "\n"))
		if want := "sha256:" + hex.EncodeToString(sum[:]); s.Digest() != want {
			t.Fatalf("digest %s, want %s, of\n%s", s.Digest(), want, strings.Join(lines, "\n"))
		}
	})
}

// Diff leaves out what is the same on both sides, and nothing else.
func TestDiffIsOfAllLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, new := genSet.Draw(t, "old"), genSet.Draw(t, "new")
		left := map[string]int{}
		for _, l := range linesNaive(old) {
			left[l]++
		}
		var want []string
		for _, l := range linesNaive(new) {
			if left[l]--; left[l] < 0 {
				want = append(want, l)
			}
		}
		added, _ := Diff(old, new)
		_, removed := Diff(new, old)
		if !slices.Equal(added, want) || !slices.Equal(removed, want) {
			t.Fatalf("added %q, and removed the other way round %q, want %q", added, removed, want)
		}
	})
}

// What takes long with many entries pauses, so that requests do not wait for a reload.
func TestManyEntriesPause(t *testing.T) {
	pauses := 0
	spec := Spec{Rules: []RuleSpec{{ID: "a", File: "f"}}}
	all := make([]Entry, 1000)
	for i := range all {
		e, err := ParseEntry(fmt.Sprintf("h%d.example.com", i*7919%1000))
		if err != nil {
			t.Fatal(err)
		}
		all[i] = e
	}
	wantPauses := func(what string) {
		t.Helper()
		if want := len(all) / 100; pauses < want {
			t.Errorf("%s of %d entries paused %d times, want %d at least", what, len(all), pauses, want)
		}
		pauses = 0
	}
	env := Env{Pause: func() { pauses++ }}
	set, err := Compile(&spec, filesOnly{"f": all}, env)
	if err != nil {
		t.Fatal(err)
	}
	wantPauses("Compile")
	set.Digest()
	wantPauses("Digest")
	slices.Reverse(all)
	other, err := Compile(&spec, filesOnly{"f": all}, env)
	if err != nil {
		t.Fatal(err)
	}
	pauses = 0
	Diff(set, other)
	wantPauses("Diff")
}
