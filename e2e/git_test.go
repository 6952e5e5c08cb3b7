//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/audit"
)

// newRepository makes a repository with one commit, ready to be served as plain files, in a directory
// of its own, and returns both.
func newRepository(t *testing.T) (dir, commit string) {
	t.Helper()
	dir = t.TempDir()
	bare := filepath.Join(dir, "agents.git")
	work := t.TempDir()
	for _, args := range [][]string{
		{"init", "-q", "-b", "main", work},
		{"-C", work, "-c", "user.name=e2e", "-c", "user.email=e2e@e2e.test", "commit", "-q", "--allow-empty", "-m", "first"},
		{"clone", "-q", "--bare", work, bare},
		{"-C", bare, "update-server-info"},
	} {
		git(t, nil, args...)
	}
	return dir, strings.TrimSpace(git(t, nil, "-C", bare, "rev-parse", "main").stdout)
}

// git runs a git that must succeed.
func git(t *testing.T, env []string, args ...string) ran {
	t.Helper()
	r := run(t, env, "git", args...)
	if r.exit != 0 {
		t.Fatalf("git %s: exit %d\n%s", strings.Join(args, " "), r.exit, r.stderr)
	}
	return r
}

// TestGit clones through the proxy from a listed host, and fails to from an unlisted one. The
// protocol git:// on port 9418, which the lists have without a host, stays denied.
func TestGit(t *testing.T) {
	ca := newAuthority(t)
	dir, commit := newRepository(t)
	port := serveTLS(t, "127.0.0.1:0", ca, http.FileServer(http.Dir(dir)))
	s := newSite(t)
	s.configure(fmt.Sprintf(`
policy:
  rules:
    - { id: arc, list: arc@2021-12, private: allow }
    - { id: git, hosts: [git.test], ports: [%d], private: allow }
`, port))
	p := s.start()
	env := []string{"GIT_TERMINAL_PROMPT=0", "GIT_SSL_CAINFO=" + ca.file, "https_proxy=http://" + p.addr}

	clone := filepath.Join(t.TempDir(), "clone")
	git(t, env, "clone", "-q", fmt.Sprintf("https://git.test:%d/agents.git", port), clone)
	if got := strings.TrimSpace(git(t, nil, "-C", clone, "rev-parse", "HEAD").stdout); got != commit {
		t.Errorf("cloned commit %s, want %s", got, commit)
	}

	r := run(t, env, "git", "clone", "-q", fmt.Sprintf("https://other.test:%d/agents.git", port), clone+"2")
	if r.exit == 0 || !strings.Contains(r.stderr, "403") {
		t.Errorf("clone from a host that is not listed: exit %d\n%s", r.exit, r.stderr)
	}

	// git has no proxy setting for git://, only a user's command; this is the usual one.
	command := filepath.Join(t.TempDir(), "through-proxy")
	script := fmt.Sprintf("#!/bin/sh\nexec curl -q -sS --proxytunnel --proxy http://%s \"telnet://$1:$2\"\n", p.addr)
	if err := os.WriteFile(command, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r = run(t, append(env, "GIT_PROXY_COMMAND="+command), "git", "clone", "-q", "git://git.test/agents.git", clone+"3")
	if r.exit == 0 || !strings.Contains(r.stderr, "403") {
		t.Errorf("clone by git://: exit %d\n%s", r.exit, r.stderr)
	}

	p.stop()
	decided, _ := decisions(t, records(t, s.audit()))
	type line struct {
		host, reason string
		port         int
	}
	lines := countBy(decided, func(r audit.Record) line { return line{r.Host, r.Reason, int(r.Port)} })
	for _, want := range []line{
		{"git.test", "allowed_by_rule", port},
		{"other.test", "host_not_listed", port},
		{"git.test", "port_not_allowed", gitPort},
	} {
		if lines[want] == 0 {
			t.Errorf("the audit log has no %+v; it has %+v", want, lines)
		}
		delete(lines, want)
	}
	if len(lines) > 0 {
		t.Errorf("the audit log has %+v besides", lines)
	}
}
