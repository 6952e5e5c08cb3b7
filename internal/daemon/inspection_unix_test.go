//go:build unix

package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/certs"
	"webproxy/config"
	"webproxy/internal/hint"
	"webproxy/policy"
)

// To make an authority is the way out where there is none, and only there.
func TestHintOfAuthority(t *testing.T) {
	set, err := policy.Compile(&policy.Spec{Rules: []policy.RuleSpec{{ID: "a", Hosts: []string{"www.example.com"}, Inspect: true}}}, nil, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{Set: set}
	cfg.Inspection.Dir = filepath.Join(t.TempDir(), "ca")
	if _, err := readAuthorities(cfg); !strings.Contains(hint.Of(err), "webproxy ca init") {
		t.Errorf("without an authority: %v, with the hint %q", err, hint.Of(err))
	}
	root, err := certs.Make(cfg.Inspection.Dir, certs.RootSpec{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readAuthorities(cfg); err != nil {
		t.Error(err)
	}
	path := filepath.Join(cfg.Inspection.Dir, root.Name+".pem")
	if err := os.Chmod(path, 0o646); err != nil {
		t.Fatal(err)
	}
	if _, err := readAuthorities(cfg); err == nil || !strings.Contains(err.Error(), path) || hint.Of(err) != "" {
		t.Errorf("a certificate that others may change: %v, with the hint %q", err, hint.Of(err))
	}
}
