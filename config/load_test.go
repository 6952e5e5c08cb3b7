package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"webproxy/config"
)

// Each file of testdata/good loads without warnings, but for those it wants in its first line.
func TestGood(t *testing.T) {
	if err := os.Chmod("testdata/good/tls/proxy.key", 0o600); err != nil { // which git does not keep
		t.Fatal(err)
	}
	for _, path := range glob(t, "testdata/good/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c, err := config.Load(path)
			if err != nil {
				t.Fatalf("Load: %v", err)
			}
			got := c.Warnings.Error()
			if want := wanted(t, path); len(want) == 0 && got != "" {
				t.Errorf("warnings: %s", got)
			} else {
				contains(t, got, want)
			}
			if c.Set == nil || c.Set.Digest() == "" {
				t.Error("no compiled policy")
			}
		})
	}
}

// Each file of testdata/bad has one mistake. Its first line says which words the problem must
// contain; a list is one that a rule names.
func TestBad(t *testing.T) {
	files := append(glob(t, "testdata/bad/*.yaml"), glob(t, "testdata/bad/*.txt")...)
	if len(files) < 45 {
		t.Errorf("%d files, want at least 45", len(files))
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want := wanted(t, path)
			if len(want) == 0 {
				t.Fatal("the first line is not # want: words")
			}
			if strings.HasSuffix(path, ".txt") {
				path = naming(t, path)
			}
			c, err := config.Load(path)
			if err == nil {
				t.Fatalf("loaded; want %q, have only warnings: %s", want, c.Warnings.Error())
			}
			problems := err.(config.Problems)
			if len(problems) != 1 {
				t.Errorf("%d problems, want 1:\n%v", len(problems), err)
			}
			var b strings.Builder
			if err := problems.Write(&b); err != nil {
				t.Fatal(err)
			}
			contains(t, b.String(), want)
			if problems[0].Line > 0 && !strings.Contains(b.String(), "^") {
				t.Errorf("the place is not marked:\n%s", b.String())
			}
			t.Log("\n" + b.String())
		})
	}
}

// naming returns a configuration with a rule that names the list at path.
func naming(t *testing.T, path string) string {
	t.Helper()
	list, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, t.TempDir(), "webproxy.yaml", "policy: { rules: [{ id: list, file: '"+filepath.ToSlash(list)+"' }] }\n")
}

var wantLine = regexp.MustCompile(`# want: ([^\r\n]+)`)

// wanted returns the words, separated by " | ", that the first line of the file asks for.
func wanted(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(data), "\n")
	m := wantLine.FindStringSubmatch(strings.ReplaceAll(first, "\x00", "")) // a file may be UTF-16
	if m == nil {
		return nil
	}
	return strings.Split(m[1], " | ")
}

func contains(t *testing.T, got string, want []string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("want %q in:\n%s", w, got)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %v, %v", pattern, paths, err)
	}
	return paths
}

// write writes a file and the directories it needs, and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
