package tables_test

import (
	"strings"
	"testing"

	"webproxy/catalog/tables"
	"webproxy/policy"
)

func read(t testing.TB, doc string) tables.Report {
	t.Helper()
	report, err := tables.Read("doc", []byte(doc), policy.Place{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestAppend(t *testing.T) {
	const added = "https://a.example.com  # doc:1: a.example.com\n"
	for _, tt := range []struct{ name, list, want string }{
		{"empty", "", added},
		{"after the last line", "# mine\nb.example.com\n", "# mine\nb.example.com\n" + added},
		{"the last line has no end", "b.example.com", "b.example.com\n" + added},
		{"line ends of Windows", "b.example.com\r\n", "b.example.com\r\n" + strings.ReplaceAll(added, "\n", "\r\n")},
		{"a byte order mark", "\ufeffa.example.com\n", "\ufeffa.example.com\n"},
		{"there, written alike", "https://a.example.com\n", "https://a.example.com\n"},
		{"there, written otherwise", "A.example.com:443 id=x # why\n", "A.example.com:443 id=x # why\n"},
		{"there, with other ports", "a.example.com:443,8084\n", "a.example.com:443,8084\n"},
		// the same host, but not the same way to it, or not always
		{"another scheme", "http://a.example.com\n", "http://a.example.com\n" + added},
		{"a path", "https://a.example.com/x\n", "https://a.example.com/x\n" + added},
		{"a day", "a.example.com expires=2030-01-01\n", "a.example.com expires=2030-01-01\n" + added},
		{"a line that is wrong", "a.example.com a.example.com\n", "a.example.com a.example.com\n" + added},
		{"a comment", "# a.example.com\n", "# a.example.com\n" + added},
	} {
		got, _, err := read(t, "a.example.com").Append([]byte(tt.list))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s:\n got %q, %v\nwant %q", tt.name, got, err, tt.want)
		}
	}
	for _, bad := range []string{"a\x00", "\xff\xfea\x00"} {
		if _, _, err := read(t, "a.example.com").Append([]byte(bad)); err == nil {
			t.Errorf("%q was taken for a list file", bad)
		}
	}
}

func TestAppendSaysWhatWasThere(t *testing.T) {
	const list = "*.example.com:80,443\n"
	const doc = "http://*.example.com\nb.example.com\n- https://b.example.com\n"
	got, listed, err := read(t, doc).Append([]byte(list))
	if err != nil {
		t.Fatal(err)
	}
	if want := list + "https://b.example.com  # doc:2: b.example.com\n"; string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for i, want := range []string{"line 1 of the list", "", "line 2"} {
		if listed[i].As != want {
			t.Errorf("%s was %q, want %q", listed[i].Entry, listed[i].As, want)
		}
	}
}

// The comment after an entry is one line, whatever the document's line was.
func TestComment(t *testing.T) {
	const doc = "URL,Port,Notes\n\"a.example.com\",443,\"two\nlines \u202e and a \x07 bell\"\n"
	got, _, err := read(t, doc).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://a.example.com  # doc:2: \"a.example.com\",443,\"two lines and a bell\"\n"; string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	long := "a.example.com - " + strings.Repeat("é", 500)
	if got, _, err = read(t, long).Append(nil); err != nil || len(got) > 300 || !strings.HasSuffix(string(got), "...\n") {
		t.Errorf("a long line: %q, %v", got, err)
	}
}
