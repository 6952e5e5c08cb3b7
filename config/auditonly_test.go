package config_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"webproxy/config"
)

// One bad line anywhere else does not hide where the log is.
func TestReadAudit(t *testing.T) {
	const (
		block = "audit:\n  dir: records # of this site\n  retain: 400d\n"
		flow  = "audit: { dir: records, retain: 400d }\n"
		rest  = "policy: { rules: [] }\n"
	)
	for _, tt := range []struct{ want, text string }{
		{"records", block + rest},
		{"records", flow + rest},
		{"audit", rest},
		// problems elsewhere: of a setting, of the YAML, of the characters, of an end that is missing
		{"records", block + "policy: { rulez: [] }\n"},
		{"records", block + "policy:\n  rules:\n   - { id: a\n"},
		{"records", "policy:\n  rules:\n    - { id: a, hosts: [*.example.com] }\n" + flow + "listen: \":9090\"\n"},
		{"records", "policy: { rules: [] } }\n" + block},
		{"records", block + "policy: { rules: [] } # \x01\n"},
		{"records", block + "# \xff\npolicy: { rules: []"},
		{"records", "audit:\n\n# where\n  dir: records\n  retain: x\npolicy: { rules: ]\n"},
		{"audit", "policy: [\n"},
		// and in the section itself
		{"records", "audit:\n  dirr: x\n  dir: records\n  rotate: banana\n" + rest},
		// what is below another section is not it
		{"audit", "ship:\n  audit:\n    dir: no\n" + rest},
	} {
		dir := t.TempDir()
		path := write(t, dir, "webproxy.yaml", tt.text)
		o, err := config.ReadAudit(path)
		if err != nil || o.Dir != filepath.Join(dir, tt.want) {
			t.Errorf("%q: %q, %v; want %s", tt.text, o.Dir, err, tt.want)
		}
		if want := filepath.Join(dir, tt.want+"-key", "audit.key"); o.Key != want {
			t.Errorf("%q: key %s, want %s", tt.text, o.Key, want)
		}
	}
	for _, text := range []string{"audit: { dir: [a] }\n", "audit: { dir: true }\n", "audit:\n  dir: {a\npolicy: {}\n"} {
		var problems config.Problems
		if o, err := config.ReadAudit(write(t, t.TempDir(), "webproxy.yaml", text)); !errors.As(err, &problems) {
			t.Errorf("%q: %q, %v; want problems", text, o.Dir, err)
		}
	}
	if _, err := config.ReadAudit(filepath.Join(t.TempDir(), "none.yaml")); err == nil || errors.Is(err, fs.ErrExist) {
		t.Errorf("no file: %v", err)
	}
}
