//go:build !windows

package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script runs a script with the given PATH, in a tree with nothing but it, and returns what it prints.
func script(t *testing.T, root, name, path string, env []string, args ...string) (string, error) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "scripts", name)
	write(t, file, string(text))
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(bash, append([]string{file}, args...)...)
	cmd.Env = append([]string{"PATH=" + path}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// withoutGit is a PATH that has the tools the scripts need, but not git.
func withoutGit(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, tool := range []string{"cat", "dirname", "realpath", "rm", "sed"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Skip(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, tool)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The commit is found where there is no git program.
func TestCommitWithoutGit(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	path := withoutGit(t)
	for what, files := range map[string]map[string]string{
		"a branch":        {".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": commit + "\n"},
		"a packed branch": {".git/HEAD": "ref: refs/heads/main\n", ".git/packed-refs": "# pack-refs\n" + commit + " refs/heads/main\n"},
		"detached":        {".git/HEAD": commit + "\n"},
		"a worktree":      {".git": "gitdir: .real/worktrees/a\n", ".real/worktrees/a/HEAD": "ref: refs/heads/a\n", ".real/worktrees/a/commondir": "../..\n", ".real/refs/heads/a": commit + "\n"},
	} {
		root := t.TempDir()
		for name, text := range files {
			write(t, filepath.Join(root, name), text)
		}
		if out, err := script(t, root, "commit.sh", path, nil); err != nil || strings.TrimSpace(out) != commit {
			t.Errorf("%s: %q, %v; want %s", what, out, err, commit)
		}
	}
	if out, err := script(t, t.TempDir(), "commit.sh", path, nil); err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("without .git: %q, %v; want nothing", out, err)
	}
	if out, err := script(t, t.TempDir(), "commit.sh", path, []string{"COMMIT=" + commit}); err != nil || strings.TrimSpace(out) != commit {
		t.Errorf("with COMMIT: %q, %v; want it", out, err)
	}
	if out, err := script(t, t.TempDir(), "commit.sh", path, []string{"COMMIT=a' -o /x '"}); err == nil {
		t.Errorf("a COMMIT with quotes: %q, want an error", out)
	}
}

// A database out of reach does not fail, but is told as the last line and noted for the summary; a finding fails.
func TestVulnNotChecked(t *testing.T) {
	path := withoutGit(t)
	for _, tt := range []struct {
		what, tool string
		ok, noted  bool
	}{
		{"nothing found", "exit 0", true, false},
		{"out of reach", "echo 'govulncheck: fetching vulnerabilities: dial tcp'; exit 1", true, true},
		{"a finding", "echo 'Vulnerability #1'; exit 3", false, false},
		{"another failure", "echo 'loading packages'; exit 1", false, false},
	} {
		root := t.TempDir()
		tool, noted := filepath.Join(root, "tool"), filepath.Join(root, "unchecked")
		write(t, tool, "#!/bin/sh\n"+tt.tool+"\n")
		write(t, noted, "vuln: of an earlier run\n")
		out, err := script(t, root, "vuln.sh", path, nil, tool, noted)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v, want success %v\n%s", tt.what, err, tt.ok, out)
		}
		text, _ := os.ReadFile(noted)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		last := lines[len(lines)-1]
		if said := strings.Contains(last, "NOT CHECKED"); said != tt.noted || (len(text) > 0) != tt.noted {
			t.Errorf("%s: the last line is %q, noted %q; want not checked %v", tt.what, last, text, tt.noted)
		}
	}
}
