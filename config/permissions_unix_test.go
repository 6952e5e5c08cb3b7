//go:build unix

package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"webproxy/bundle"
)

// What others may change, or read where they must not, is told, each with what to do.
func TestPermissions(t *testing.T) {
	for _, tt := range []struct {
		path string // below the configuration's directory
		mode os.FileMode
		want string // in the warnings; empty for none
	}{
		{"webproxy.yaml", 0o644, ""},
		{"webproxy.yaml", 0o666, "everybody may change it"},
		{"lists/approved.txt", 0o646, "everybody may change it"},
		{"lists", 0o777, "everybody may change it"},
		{".", 0o777, "everybody may change it"},
		{"audit", 0o750, ""},
		{"audit", 0o755, "everybody may read it"},
		{"ca", 0o757, "everybody may change it"},
		{"ca/root-20260102-030405.pem", 0o644, ""},
		{"ca/root-20260102-030405.pem", 0o646, "everybody may change it, so it is not taken for an authority"},
		{"ca/root-20260102-030405.key", 0o604, "others may read or change it, so it will be refused"},
		{"ship.token", 0o600, ""},
		{"ship.token", 0o644, "others may read or change it, so it will be refused"},
		{"parent.txt", 0o604, "others may read or change it, so it will be refused"},
		{"phases.yaml", 0o606, "everybody may change it"},
		// Directories where others could lay a file that counts, sticky or not, and those above them.
		{".", 0o1777, "everybody may add files to it"},
		{"ca", 0o1777, "everybody may add files to it"},
		{"audit-key", 0o1777, "everybody may add files to it"},
		{"..", 0o1777, ""},
		{"..", 0o777, "everybody may change it"},
		{"audit/..", 0o777, "everybody may change it"},
	} {
		dir := filepath.Join(t.TempDir(), "site")
		must(t, os.Mkdir(dir, 0o755))
		path := site(t, dir)
		put(t, filepath.Join(dir, "phases.yaml"), "{}\n")
		for _, name := range []string{"audit", "ca", "audit-key"} {
			must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		}
		for _, end := range []string{".pem", ".key"} { // whether it is a certificate does not matter here
			put(t, filepath.Join(dir, "ca", "root-20260102-030405"+end), "")
		}
		must(t, os.Chmod(filepath.Join(dir, "ca", "root-20260102-030405.key"), 0o600))
		put(t, filepath.Join(dir, "ship.token"), "token\n")
		put(t, filepath.Join(dir, "parent.txt"), "user:password\n")
		must(t, os.Chmod(filepath.Join(dir, "ship.token"), 0o600))
		must(t, os.Chmod(filepath.Join(dir, "parent.txt"), 0o600))
		put(t, path, rule("first")+"ship:\n  a: { otlp: \"https://192.0.2.1/v1/logs\", token_file: ship.token }\n"+
			"egress:\n  upstream_proxies:\n    - { url: \"http://192.0.2.1:3128\", credentials: parent.txt }\n")
		at := filepath.Join(dir, filepath.FromSlash(tt.path))
		mode := tt.mode & 0o777
		if tt.mode&0o1000 != 0 {
			mode |= os.ModeSticky
		}
		must(t, os.Chmod(at, mode))
		c, err := Load(path)
		must(t, err)
		got := c.Warnings.Error()
		if tt.want == "" && (strings.Contains(got, "everybody may") || strings.Contains(got, "group may")) || !strings.Contains(got, tt.want) || tt.want != "" && !strings.Contains(got, at) {
			t.Errorf("%s with mode %o: %s; want %q", tt.path, tt.mode, got, tt.want)
		}
	}
}

// What belongs to another user than root, and the one that the process runs as, may be changed by that user: told of a policy, refused for
// a secret. The other group of a file of root's counts too.
func TestOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	for _, tt := range []struct {
		path     string
		uid, gid int
		mode     os.FileMode
		want     string
	}{
		{"webproxy.yaml", 0, 0, 0o664, ""},
		{"webproxy.yaml", 0, 12345, 0o644, ""},
		{"webproxy.yaml", 0, 12345, 0o664, "its group may change it"},
		{"webproxy.yaml", 12345, 12345, 0o644, "it belongs to user 12345, who may change it"},
		{"lists/approved.txt", 12345, 0, 0o600, "it belongs to user 12345"},
		{"phases.yaml", 12345, 0, 0o600, "it belongs to user 12345"},
		{"lists", 12345, 0, 0o755, "it belongs to user 12345"},
		{"..", 12345, 0, 0o755, "it belongs to user 12345"},
		{"audit", 12345, 0, 0o700, "it belongs to user 12345"},
		{"audit-key/audit.key", 12345, 0, 0o600, "others may read or change it, so it will be refused"},
	} {
		dir := filepath.Join(t.TempDir(), "site")
		must(t, os.Mkdir(dir, 0o755))
		path := site(t, dir)
		for _, name := range []string{"audit", "audit-key"} {
			must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		}
		put(t, filepath.Join(dir, "phases.yaml"), "{}\n")
		put(t, filepath.Join(dir, "audit-key", "audit.key"), "key\n")
		must(t, os.Chmod(filepath.Join(dir, "audit-key", "audit.key"), 0o600))
		put(t, path, rule("first"))
		at := filepath.Join(dir, filepath.FromSlash(tt.path))
		must(t, os.Chmod(at, tt.mode))
		must(t, os.Chown(at, tt.uid, tt.gid))
		c, err := Load(path)
		must(t, err)
		got := c.Warnings.Error()
		if tt.want == "" && strings.Contains(got, "may") || !strings.Contains(got, tt.want) || tt.want != "" && !strings.Contains(got, at) {
			t.Errorf("%s of %d:%d with mode %o: %s; want %q", tt.path, tt.uid, tt.gid, tt.mode, got, tt.want)
		}
	}
}

// A named pipe in the place of any file that is read is a problem at once, and nothing waits for its other end.
func TestNamedPipes(t *testing.T) {
	for _, name := range []string{"webproxy.yaml", "lists/approved.txt", "phases.yaml", "proxy.crt", "proxy.key", "proxy.ca"} {
		dir := t.TempDir()
		path := site(t, dir)
		for file, from := range map[string]string{"proxy.crt": "proxy.crt", "proxy.key": "proxy.key", "proxy.ca": "proxy.crt"} {
			text, err := os.ReadFile(filepath.Join("testdata/good/tls", from))
			must(t, err)
			put(t, filepath.Join(dir, file), string(text))
			must(t, os.Chmod(filepath.Join(dir, file), 0o600))
		}
		put(t, path, rule("first")+"listen_tls: { listen: \":9443\", cert: proxy.crt, key: proxy.key, client_ca: proxy.ca }\n")
		_, err := Load(path)
		must(t, err)
		at := filepath.Join(dir, filepath.FromSlash(name))
		os.Remove(at)
		must(t, syscall.Mkfifo(at, 0o600))
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
			t.Errorf("%s is a named pipe: %v", name, err)
		}
	}
}

// Whoever can change the keys of policy.bundle, the authorities of its server or what the site remembers decides what is taken.
func TestBundlePermissions(t *testing.T) {
	for _, tt := range []struct {
		path string
		mode os.FileMode
		want string
	}{
		{"alice.pub", 0o644, ""},
		{"alice.pub", 0o646, "everybody may change it"},
		{"ca.pem", 0o646, "everybody may change it"},
		{"bundle", 0o777, "everybody may change it"},
		{"bundle.token", 0o644, "it will be refused"},
	} {
		s := newBundleSite(t, `audit: { site: oslo-3 }
policy:
  bundle: { from: "https://192.0.2.1/stable.bundle", name: stable, keys: [alice.pub], ca: ca.pem, token_file: bundle.token }
`)
		put(t, filepath.Join(s.dir, "ca.pem"), "")
		put(t, filepath.Join(s.dir, "bundle.token"), "token\n")
		must(t, os.Chmod(filepath.Join(s.dir, "bundle.token"), 0o600))
		s.take(t, map[string]string{bundle.PolicyFile: "rules: [{ id: a, hosts: [a.example.com] }]\n"})
		at := filepath.Join(s.dir, tt.path)
		must(t, os.Chmod(at, tt.mode))
		c, err := Load(s.path)
		must(t, err)
		if got := c.Warnings.Error(); strings.Contains(got, at) != (tt.want != "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s with mode %o: %s; want %q", tt.path, tt.mode, got, tt.want)
		}
	}
}
