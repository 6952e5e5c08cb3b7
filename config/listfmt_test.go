package config_test

import (
	"errors"
	"strings"
	"testing"

	"webproxy/config"
)

func TestFormatList(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"\n\n", ""},
		{"# ours", "# ours\n"},
		{"\n\n# ours\n\n\nB.example.com\t# b\n a.example.com by=ann   id=x\n\n", "# ours\n\nb.example.com  # b\na.example.com id=x by=ann\n"}, // not sorted
		{"b.example.com\r\n\r\n\r\na.example.com\r\n", "b.example.com\r\n\r\na.example.com\r\n"},
		{"b.example.com\na.example.com\r\n", "b.example.com\na.example.com\n"},
		{"\ufeffa.example.com\n", "a.example.com\n"},
		{"x*.Example.com:443,80 reason=\"CHG-1\"\nx*.example.com:80,443\n", "x*.example.com:80,443 reason=CHG-1\nx*.example.com:80,443\n"}, // a repeat stays
	} {
		got, err := config.FormatList("l.txt", []byte(tt.in))
		if err != nil || string(got) != tt.want {
			t.Errorf("%q became %q, %v; want %q", tt.in, got, err, tt.want)
		}
		if again, err := config.FormatList("l.txt", got); err != nil || string(again) != string(got) {
			t.Errorf("%q became %q the second time, %v", got, again, err)
		}
	}
	var problems config.Problems
	_, err := config.FormatList("l.txt", []byte("a.example.com\na b\n"))
	if !errors.As(err, &problems) || !strings.HasPrefix(err.Error(), "l.txt:2:3: ") {
		t.Errorf("an invalid line: %v", err)
	}
}
