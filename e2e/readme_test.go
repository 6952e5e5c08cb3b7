//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A copied is a command of README with its output there.
type copied struct {
	command string
	prints  []string
}

// screens are the commands of README's code blocks, by block.
func screens(t *testing.T, root string) (all [][]copied) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(text), "\n```\n") {
		if i%2 == 0 {
			continue // between two blocks
		}
		var screen []copied
		for line := range strings.Lines(block) {
			line = strings.TrimRight(line, "\n")
			command, ok := strings.CutPrefix(line, "$ ")
			switch {
			case ok:
				screen = append(screen, copied{command: command})
			case line != "" && len(screen) > 0:
				last := &screen[len(screen)-1]
				last.prints = append(last.prints, line)
			}
		}
		all = append(all, screen)
	}
	return all
}

// moving matches what differs between runs: ids, and times in seconds. The host name differs too, see still.
var moving = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`(id=|id: |id |why )[0-9A-Z]{6}\b`), "${1}ID"},
	{regexp.MustCompile(`\b\d+s\b`), "Ns"},
}

func still(line string) string {
	line = strings.TrimRight(line, "\r")
	if host, err := os.Hostname(); err == nil {
		line = strings.ReplaceAll(line, "http://"+host+":", "http://webproxy:")
	}
	for _, m := range moving {
		line = m.what.ReplaceAllString(line, m.as)
	}
	return line
}

// TestReadme runs the commands of README's first code block in a fresh clone and compares their output with README, and likewise the commands of
// the second block that have output. It leaves out the last command of the first, make test, which CI runs anyway.
func TestReadme(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:9090", "127.0.0.1:9091"} { // as README has them
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Skipf("something listens at %s", addr)
		}
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("no repository to clone")
	}
	clone := filepath.Join(t.TempDir(), "webproxy")
	if out, err := exec.Command("git", "-c", "safe.directory=*", "clone", "-q", "--depth", "1", "file://"+root, clone).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	all := screens(t, clone)
	if len(all) < 2 || len(all[0]) < 5 || all[0][0].command != "make run &" || all[0][len(all[0])-1].command != "make test" {
		t.Fatalf("README's screens are %q", all)
	}
	commands := all[0][:len(all[0])-1]
	for _, c := range all[1] {
		if len(c.prints) > 0 {
			commands = append(commands, c)
		}
	}
	// Each command prints to its own file. Job control is on, as in an interactive shell.
	out := t.TempDir()
	script := "set -m\n"
	for i, c := range commands {
		// curl writes a progress meter to standard error where its output is no terminal.
		stderr := "/dev/null"
		if strings.HasPrefix(c.command, "make run") {
			stderr = "&1"
		}
		script += fmt.Sprintf("exec >%s/%d 2>%s\n%s\n", out, i, stderr, c.command)
	}
	script += "exec >/dev/null 2>&1\nkill %1\nwait\n"
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // it builds
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", script)
	shell.Dir = clone
	if err := shell.Run(); err != nil && ctx.Err() != nil {
		t.Fatal(err)
	}
	for i, c := range commands {
		data, err := os.ReadFile(filepath.Join(out, fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for line := range strings.Lines(string(data)) {
			if line = still(strings.TrimRight(line, "\n")); line != "" {
				got = append(got, line)
			}
		}
		for _, line := range c.prints {
			want = append(want, still(line))
		}
		if strings.HasPrefix(c.command, "make run") { // make and the proxy print other lines too
			got = slices.DeleteFunc(got, func(line string) bool { return !slices.Contains(want, line) })
		}
		if !slices.Equal(got, want) {
			t.Errorf("$ %s\nprints\n%s\nREADME has\n%s", c.command, data, strings.Join(c.prints, "\n"))
		}
	}
}
