package config_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"webproxy/config"
)

// The line of a problem is printed without the credentials in it; the marks stay where the text is.
func TestProblemsHideCredentials(t *testing.T) {
	const secret = "S3cr\u00e9t"
	for _, tt := range []struct{ path, line, shown string }{
		{"egress.upstream_proxies[0].url", `url: "http://user:` + secret + `@p.test:80"`, `url: "http://***********@p.test:80"`},
		{"egress.upstream_proxies[0].url", `url: http://` + secret + `@p.test/?t=` + secret, `url: http://******@p.test/?********`},
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

// A setting that does not exist is shown by its name and its place, never with its value, nor with what else is on the line:
// people try what they would call a password. Neither is what cannot be read as YAML, where a name says what it is.
func TestUnknownSettingsHideValues(t *testing.T) {
	const secret = "hunter2"
	for _, text := range []string{
		"proxy:\n  password: hunter2\n",
		"proxy: { password: hunter2, tokn: \"hunter2\" }\n",
		"auth: { user: a, pass: hunter2 }\n",
		"apikey:\n  - hunter2\n",
		"egress:\n  upstream_proxies:\n    - { url: \"http://p.test:80\", basic: 'u:hunter2' }\n",
		"audit:\n  \"secret\": |\n    hunter2\n",
		"policy:\n  token: \"hunter2\n  x: 1\n",
		"policy:\n  password: @hunter2\n",
		"policy:\n  password = hunter2\n  x: 1\n",
	} {
		file := filepath.Join(t.TempDir(), "webproxy.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(file)
		var problems config.Problems
		if !errors.As(err, &problems) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var b strings.Builder
		if err := problems.Write(&b); err != nil {
			t.Fatal(err)
		}
		if asJSON, err := json.Marshal(problems); err != nil || strings.Contains(b.String()+string(asJSON)+problems.Error(), secret) {
			t.Errorf("%q: %v\n%s\n%s", text, err, b.String(), asJSON)
		}
		if !strings.Contains(b.String(), "webproxy.yaml:") {
			t.Errorf("%q: without its place: %s", text, b.String())
		}
	}
}
