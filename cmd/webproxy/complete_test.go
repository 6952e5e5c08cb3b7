package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"
)

// completed is what the shells are told about a line whose last word is being typed, without the directive, and that.
func completed(t *testing.T, line ...string) (offered []string, directive string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), append([]string{"__complete"}, line...), &stdout, &stderr); code != exitOK {
		t.Errorf("%q: exit %d", line, code)
	}
	if told := stderr.String(); strings.Count(told, "\n") != 1 || !strings.HasPrefix(told, "Completion ended") {
		t.Errorf("%q: it says %q", line, told)
	}
	offered = strings.Split(strings.TrimSpace(stdout.String()), "\n")
	return offered[:len(offered)-1], offered[len(offered)-1]
}

// The shells ask the program for values, by __complete; testdata/script/complete.txtar has them, and bash.
func TestComplete(t *testing.T) {
	story, err := txtar.ParseFile("testdata/script/complete.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string][]byte{}
	for _, f := range story.Files {
		files[f.Name] = f.Data
		write(f.Name, f.Data)
	}
	t.Chdir(dir)
	const noFiles, fileEnds, dirs = ":4", ":8", ":16"
	for _, tt := range []struct {
		config    string // the file that webproxy.yaml is
		line      string // "" is written _
		want      string
		directive string
	}{
		// formats
		{"webproxy.yaml", "audit query -o _", "table json csv ndjson", noFiles},
		{"webproxy.yaml", "explain -o j", "json", noFiles},
		{"webproxy.yaml", "audit export --as _", "ocsf ecs asim squid w3c csv ndjson", noFiles},
		{"webproxy.yaml", "firewall export --output=_", "ps1 nft csv json table", noFiles},
		{"webproxy.yaml", "learn export -o _", "yaml json list", noFiles},
		{"webproxy.yaml", "--color _", "auto always never", noFiles},
		{"webproxy.yaml", "explain --color _", "auto always never", noFiles},
		// lists, and their generations
		{"webproxy.yaml", "lists show azure-l", "azure-local", noFiles},
		{"webproxy.yaml", "lists show azure-local@2026-1", "azure-local@2026-11", noFiles},
		{"webproxy.yaml", "coverage --list arc-d", "arc-data", ":0"}, // or a file
		// groups, phases and rules of the configuration
		{"webproxy.yaml", "enforce _", "nodes wac", noFiles},
		{"webproxy.yaml", "why --client n", "nodes", noFiles},
		{"webproxy.yaml", "coverage --for w", "wac", noFiles},
		{"webproxy.yaml", "enforce -c other.yaml _", "theirs", noFiles},
		{"webproxy.yaml", "enforce nodes _", "", noFiles},
		{"webproxy.yaml", "phase start upd", "updates", noFiles},
		{"webproxy.yaml", "lockdown --only _", "own lists/approved.txt", noFiles},
		{"webproxy.yaml", "init --region westeu", "westeurope", noFiles},
		{"webproxy.yaml", "init --cloud usgov --region usgovv", "usgovvirginia", noFiles},
		{"webproxy.yaml", "init --clients _", "", noFiles},
		// fields of a query, after a comma too, and the words of a field
		{"webproxy.yaml", "audit query --by ho", "host hosts hour", noFiles},
		{"webproxy.yaml", "audit query --by host,client_", "host,client_port host,client_name", noFiles},
		{"webproxy.yaml", "audit query dec", "decision=", ":6"},
		{"webproxy.yaml", "audit tail decision=w", "decision=would_deny", noFiles},
		{"webproxy.yaml", "audit query decision=deny reason=host_n", "reason=host_not_listed", noFiles},
		{"webproxy.yaml", "audit query group=_", "group=nodes group=wac", noFiles},
		// ids of the last refusals, the newest first, with what they are about
		{"webproxy.yaml", "why _", "00000C\tb.example.com host_not_listed 00000A\ta.example.com host_not_listed", ":36"},
		{"webproxy.yaml", "audit prove --dir audit 00000A", "00000A\ta.example.com host_not_listed", ":36"},
		// files where files belong, and nothing elsewhere
		{"webproxy.yaml", "check _", "yaml yml", fileEnds},
		{"webproxy.yaml", "lists fmt a.txt _", "txt", fileEnds},
		{"webproxy.yaml", "explain --config _", "yaml yml", fileEnds},
		{"webproxy.yaml", "audit tail --dir _", "", dirs},
		{"webproxy.yaml", "audit query --since _", "", noFiles},
		{"webproxy.yaml", "status _", "", noFiles},
		// a configuration that is not valid, is no YAML, or is not there
		{"broken.yaml", "enforce _", "nodes", noFiles},
		{"broken.yaml", "why 00000C", "00000C\tb.example.com host_not_listed", ":36"},
		{"nonsense.yaml", "enforce _", "", noFiles},
		{"nonsense.yaml", "phase stop _", "", noFiles},
		{"webproxy.yaml", "why -c no/such/file.yaml _", "", ":36"},
	} {
		write("webproxy.yaml", files[tt.config])
		line := strings.Fields(tt.line)
		for i, word := range line {
			line[i] = strings.TrimSuffix(word, "_")
			if strings.HasSuffix(word, "client_") {
				line[i] = word
			}
		}
		offered, directive := completed(t, line...)
		if got := strings.Join(offered, " "); got != tt.want || directive != tt.directive {
			t.Errorf("%s, %s: %q %s, want %q %s", tt.config, tt.line, got, directive, tt.want, tt.directive)
		}
	}
}

// Whatever is offered as a format is one that the usage of the flag names first, and the default is among them.
func TestCompleteFormats(t *testing.T) {
	for _, cmd := range allCommands(newRoot()) {
		f := cmd.Flags().Lookup("output")
		if f == nil {
			continue
		}
		if all := formatsOf(f.Usage); len(all) < 2 || !strings.Contains(strings.Join(all, " "), f.DefValue) {
			t.Errorf("%s -o: %q, and the default is %q", cmd.CommandPath(), all, f.DefValue)
		}
	}
}

// allCommands are cmd and those below it.
func allCommands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		all = append(all, allCommands(sub)...)
	}
	return all
}
