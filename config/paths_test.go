package config

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// A path that would lead elsewhere than it seems to is refused, whatever setting it stands in, with what to write instead.
func TestPaths(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`audit: { dir: "C:\new\audit" }`, "audit.dir: control character U+000A in a path|single quotes"},
		{`audit: { key: "C:\audit.key" }`, "audit.key: control character U+0007 in a path|single quotes"},
		{`audit: { dir: '%ProgramData%\webproxy\audit' }`, "audit.dir: %ProgramData% is not replaced in a path|in full"},
		{`audit: { dir: '%ProgramFiles(x86)%\audit' }`, "%ProgramFiles(x86)% is not replaced"},
		{`audit: { dir: '$HOME/audit' }`, "$HOME is not replaced"},
		{`audit: { dir: '$env:ProgramData\audit' }`, "$env:ProgramData is not replaced"},
		{`audit: { dir: '${STATE}/audit' }`, "${STATE} is not replaced"},
		{`audit: { dir: '~/audit' }`, "~ is not replaced"},
		{`audit: { dir: '\\server\c$\audit-50%-100%' }`, ""},
		{`inspection: { dir: "a\tb" }`, "inspection.dir: control character U+0009"},
		{`log: { file: "C:\temp\new.log" }`, "log.file: control character U+0009"},
		{`ship: { a: { otlp: "https://192.0.2.1/v1/logs", token_file: '%TEMP%\t' } }`, "ship.a.token_file: %TEMP% is not replaced"},
		{`egress: { upstream_proxies: [{ url: "http://192.0.2.1:3128", credentials: '%TEMP%\c' }] }`, "egress.upstream_proxies[0].credentials: %TEMP% is not replaced"},
		{`policy: { rules: [{ id: x, file: '%TEMP%\list.txt' }] }`, "rules[0].file: %TEMP% is not replaced"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "webproxy.yaml")
		text := tt.text + "\n"
		if !strings.HasPrefix(text, "policy") {
			text += "policy: { rules: [] }\n"
		}
		put(t, path, text)
		_, err := Load(path)
		got := ""
		if problems := (Problems)(nil); errors.As(err, &problems) {
			var b strings.Builder
			problems.Write(&b)
			got = b.String()
		}
		for part := range strings.SplitSeq(tt.want, "|") {
			if tt.want == "" && err != nil || !strings.Contains(got, part) {
				t.Errorf("%s: %s; want %q", tt.text, got, part)
			}
		}
	}
}
