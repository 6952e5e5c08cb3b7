package policy_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"webproxy/policy"
)

func settingNames[T any]() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		names = append(names, f.Name)
	}
	return names
}

func TestParseEntry(t *testing.T) {
	tests := []struct{ in, want string }{
		{"example.com", "example.com"},
		{"  *.Example.com.  # all of it", "*.example.com"},
		{"http://example.com", "http://example.com"},
		{"HTTPS://example.com:443,8443/", "https://example.com:443,8443"},
		{"example.com:8443,443", "example.com:443,8443"},
		{"http://crl.example.com/pki/*", "http://crl.example.com/pki/*"},
		{"https://www.example.com/d.aspx?id=5", "https://www.example.com/d.aspx?id=5"},
		{"http://example.com?x", "http://example.com/?x"},
		{"[2001:db8::1]:443", "[2001:db8::1]:443"},
		{"10.0.0.1:80", "10.0.0.1:80"},
		{`a.example.com reason="two words" id=x expires=2026-12-01 by=ann phase=p cloud=china tag=T`,
			`a.example.com id=x phase=p cloud=china tag=T expires=2026-12-01 by=ann reason="two words"`},
		{"a.example.com expires=2026-12-01T10:00:00Z", "a.example.com expires=2026-12-01T10:00:00Z"},
		{"a.example.com#x", ""}, // no comment without a space before it: an error, below
		{"", ""}, {"   ", ""}, {"# only a comment", ""},
	}
	for _, tt := range tests {
		e, err := policy.ParseEntry(tt.in)
		if tt.in == "a.example.com#x" {
			if err == nil {
				t.Errorf("ParseEntry(%q) = %q, want an error", tt.in, e)
			}
			continue
		}
		if err != nil || e.String() != tt.want {
			t.Errorf("ParseEntry(%q) = %q, %v, want %q", tt.in, e, err, tt.want)
		}
	}
}

func TestParseEntryErrors(t *testing.T) {
	tests := []struct {
		in     string
		column int
		words  string
	}{
		{"*", 1, "every host"},
		{"  *.", 3, "every host"},
		{"ftp://example.com", 1, `scheme "ftp"`},
		{"git://:9418", 1, `scheme "git"`},
		{"https://:443", 9, "no host"},
		{"example.com:9,418", 0, ""}, // two ports: valid; a thousands separator is the importer's business
		{"example.com:0", 13, "port"},
		{"example.com:80,80", 16, "twice"},
		{"example.com:80,x", 16, "port"},
		{"example.com:", 13, "port"},
		{"http://exa_mple!.com", 8, "not allowed"},
		{"https://example.com/a*b", 20, "star"},
		{"https://example.com/a/../b", 20, "dot segments"},
		{"example.com other.com", 13, "key=value"},
		{"example.com color=red", 13, "no such key"},
		{"example.com id=", 16, "no value"},
		{"example.com id=a id=b", 18, "twice"},
		{"example.com expires=tomorrow", 21, "want a date"},
		{"example.com expires=1969-12-31", 21, "want a date"}, // its end is the moment that stands for never
		{"example.com expires=0001-01-01T00:00:00Z", 21, "want a date"},
		{"example.com cloud=moon", 19, "want public"},
		{"example.com reason=\"open", 20, "closing quote"},
		{"example.com reason=\"a\"b", 23, "space"},
		{"192.0.2.0/24", 1, "is a network"},
		{"8.8.8.0/24 reason=x", 1, "is a network"},
		{"exam\x00ple.com", 5, "control byte"},
		{"example.com reason=a\x1bb", 21, "control byte"},
		{`example.com reason="a\nb"`, 20, "control"},
	}
	for _, tt := range tests {
		e, err := policy.ParseEntry(tt.in)
		if tt.column == 0 {
			if err != nil {
				t.Errorf("ParseEntry(%q): %v", tt.in, err)
			}
			continue
		}
		var ee *policy.EntryError
		if !errors.As(err, &ee) || ee.Column != tt.column || !strings.Contains(ee.Msg, tt.words) {
			t.Errorf("ParseEntry(%q) = %q, %v, want column %d: ...%s...", tt.in, e, err, tt.column, tt.words)
		}
	}
}

func FuzzParseEntry(f *testing.F) {
	f.Add(`http://*.example.com:80,443/a?b id=x reason="y z" # c`)
	f.Add("example.com:443 expires=2026-12-01")
	f.Add("[::1]:80")
	f.Fuzz(func(t *testing.T, line string) {
		e, err := policy.ParseEntry(line)
		if err != nil {
			var ee *policy.EntryError
			if !errors.As(err, &ee) || ee.Column < 1 || ee.Column > len(line)+1 {
				t.Fatalf("ParseEntry(%q): %v has no place in the line", line, err)
			}
			return
		}
		again, err := policy.ParseEntry(e.String())
		if err != nil || again.String() != e.String() {
			t.Fatalf("ParseEntry(%q) = %q, which parses to %q, %v", line, e, again, err)
		}
	})
}
