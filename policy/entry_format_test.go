package policy_test

import (
	"testing"

	"webproxy/policy"
)

func TestFormatLine(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{" \t", ""},
		{"  # kept  as it is \t", "# kept  as it is"},
		{"#commented.example.com   by=ann", "#commented.example.com   by=ann"},
		{"HTTPS://Example.COM.:8443,443/", "https://example.com:443,8443"},
		{"\ta.example.com\tby=ann   id=x # why", "a.example.com id=x by=ann  # why"},
		{`a.example.com reason="CHG-1"`, "a.example.com reason=CHG-1"},
		{`a.example.com reason="two words"    #x`, `a.example.com reason="two words"  #x`},
		{`a.example.com reason="no # comment" # one`, `a.example.com reason="no # comment"  # one`},
		{"a.example.com expires=2027-01-01", "a.example.com expires=2027-01-01"},
		{"Bücher.example  by=ann id=x", "Bücher.example id=x by=ann"}, // not xn--bcher-kva: people read it
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"[2001:DB8::1]", "[2001:db8::1]"},
	} {
		if got, err := policy.FormatLine(tt.in); err != nil || got != tt.want {
			t.Errorf("FormatLine(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
	if got, err := policy.FormatLine("a b"); err == nil {
		t.Errorf("FormatLine(a b) = %q, want an error", got)
	}
}

// A line and its normal form mean the same, and the form of that is itself.
func FuzzFormatLine(f *testing.F) {
	f.Add(`http://*.Example.com:443,80/a?b reason="y z" id=x # c`)
	f.Add("Bücher.example:443 by=\"#\" #")
	f.Add("::1 # [")
	f.Add(" # x\t")
	f.Fuzz(func(t *testing.T, line string) {
		before, wrong := policy.ParseEntry(line)
		text, err := policy.FormatLine(line)
		if wrong != nil || err != nil {
			if wrong == nil || err == nil || err.Error() != wrong.Error() {
				t.Fatalf("FormatLine(%q): %v; ParseEntry: %v", line, err, wrong)
			}
			return
		}
		after, err := policy.ParseEntry(text)
		if err != nil || after.String() != before.String() {
			t.Fatalf("%q became %q: %v, %v, %v", line, text, before, after, err)
		}
		if again, err := policy.FormatLine(text); err != nil || again != text {
			t.Fatalf("%q became %q, and that %q, %v", line, text, again, err)
		}
	})
}
