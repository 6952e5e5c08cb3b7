package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"webproxy/policy"
)

// linesAgree holds Entries, which remembers what lines have in common, against ParseEntry, which reads each by itself.
func linesAgree(t interface {
	Helper()
	Fatalf(string, ...any)
}, lines []string) {
	t.Helper()
	got := &policy.Entries{File: "l"}
	var want []string
	for i, line := range lines {
		e, wrong := policy.ParseEntry(line)
		added, err := got.ParseLine(line, i+1)
		if fmt.Sprint(err) != fmt.Sprint(wrong) || added != (err == nil && e.Host.String() != "") {
			t.Fatalf("line %q of %q: added %v, %v; ParseEntry: %v", line, lines, added, err, wrong)
		}
		if added {
			want = append(want, fmt.Sprintf("l:%d %s %s", i+1, e, e.Host.Tail()))
		}
	}
	got.Done()
	for i := range got.Len() {
		e := got.Entry(i)
		if text := e.Source + " " + e.String() + " " + e.Host.Tail(); i >= len(want) || text != want[i] {
			t.Fatalf("entry %d of %q is %q, want %q", i, lines, text, want)
		}
	}
	if got.Len() != len(want) {
		t.Fatalf("%d entries of %q, want %d", got.Len(), lines, len(want))
	}
}

func TestEntriesReadAsParseEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := rapid.SampledFrom([]string{"a.example", "b.example", "*.c.example", "x*.d.example", "2001:db8::1", "2002", "[::1]", "8.8.8.8", "8.8.8.0",
			"A.example", "", "*", "ä.example", "a_b.example.", "-a.example", "http"})
		rest := rapid.SampledFrom([]string{"", ":80", ":80,443", ":443,80", ":db8::1:443", "/24", "/x", "/x?q", ":80 id=a", " reason=b", " phase=p by=c", "#c", " # c", "=x", "\tid=\"a b\"",
			"://x", ":x", " cloud=moon", " expires=2027-01-01"})
		scheme := rapid.SampledFrom([]string{"", "", "http://", "https://", "HTTP://", "ftp://"})
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return scheme.Draw(t, "scheme") + host.Draw(t, "host") + rest.Draw(t, "rest")
		}), 1, 12).Draw(t, "lines")
		linesAgree(t, lines)
	})
}

func FuzzEntries(f *testing.F) {
	f.Add("a.example:80,443\nb.example:80,443\n2001:db8::1:443\n2002:db8::1:443\n")
	f.Add("example.com/24\n8.8.8.0/24\nhttp://a/x\nhttp://b/x id=a # c\n")
	f.Fuzz(func(t *testing.T, text string) { linesAgree(t, strings.Split(text, "\n")) })
}

// Repeated tells entries that decide alike, whatever they say for people.
func TestEntriesRepeated(t *testing.T) {
	s := &policy.Entries{File: "l"}
	for i, line := range []string{"a.example", "b.example", "A.example. id=x by=y", "a.example:443", "a.example expires=2027-01-01", "p*.a.example", "q*.a.example", "p*.a.example"} {
		if _, err := s.ParseLine(line, i+1); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	s.Repeated(func(n, first int) { got = append(got, fmt.Sprint(n, first)) })
	if want := []string{"2 0", "7 5"}; !slices.Equal(got, want) {
		t.Errorf("repeated %q, want %q", got, want)
	}
}
