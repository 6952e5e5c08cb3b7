package config_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"webproxy/config"
)

// The line of a problem is printed without the credentials in it; the marks stay where the text is.
func TestProblemsHideCredentials(t *testing.T) {
	const secret = "S3cr\u00e9t"
	for _, tt := range []struct{ path, line, shown string }{
		{"egress.parents[0].url", `url: "http://user:` + secret + `@p.test:80"`, `url: "http://***********@p.test:80"`},
		{"egress.parents[0].url", `url: http://` + secret + `@p.test/?t=` + secret, `url: http://******@p.test/?********`},
		{"ship.a.otlp", `otlp: "https://h.test/v1?key=` + secret + `", from: now`, `otlp: "https://h.test/v1?**********", from: now`},
		{"ship.a.headers.X", `headers: { "X": "` + secret + `" }`, ""},
		{"policy.rules[0].hosts", `hosts: ["a@b", "c?d"]`, `hosts: ["a@b", "c?d"]`},
	} {
		var b strings.Builder
		p := config.Problem{File: "f", Line: 1, Column: 3, Path: tt.path, Msg: "wrong", Text: tt.line, Width: 2}
		if err := (config.Problems{p}).Write(&b); err != nil {
			t.Fatal(err)
		}
		if tt.shown == "" && strings.Contains(b.String(), "|") || !strings.Contains(b.String(), tt.shown) {
			t.Errorf("%s is printed as %q", tt.line, b.String())
		}
		if tt.shown != "" && utf8.RuneCountInString(tt.shown) != utf8.RuneCountInString(tt.line) {
			t.Errorf("%s and %s are not of one length", tt.shown, tt.line)
		}
	}
}
