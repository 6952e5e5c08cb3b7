package review_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/config"
	"webproxy/learn"
	"webproxy/review"
)

// site is a configuration with a list for approvals, and its directory.
func site(t *testing.T) (*config.Config, string) {
	t.Helper()
	dir := t.TempDir()
	text := `listen: "127.0.0.1:0"
policy:
  clients: { nodes: [10.0.1.0/24] }
  modes: { nodes: learn }
  phases: { updates: {} }
  rules: [{ id: approved, file: lists/approved.txt }]
audit: { dir: ` + filepath.Join(dir, "audit") + ` }
`
	for name, text := range map[string]string{"webproxy.yaml": text, "lists/approved.txt": "# ours\n"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(filepath.Join(dir, "webproxy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return cfg, dir
}

// Of two people who answer at once, the second one is told, and the answers of the first stay.
func TestTwoApprovers(t *testing.T) {
	cfg, dir := site(t)
	approve := func(by, entry string) *review.Application {
		t.Helper()
		item := learn.Item{Group: "nodes", Entry: entry, Answer: learn.Approve, Reason: "CHG-1"}
		a, err := review.Writer{Config: cfg, By: by}.Apply([]learn.Item{item})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first, second := approve("anna", "a.example.com:443"), approve("bert", "b.example.com:443")
	if _, err := first.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Commit(); !errors.Is(err, review.ErrChanged) {
		t.Errorf("the second: %v, want %v", err, review.ErrChanged)
	}
	data, err := os.ReadFile(filepath.Join(dir, "lists", "approved.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(data); !strings.Contains(got, "a.example.com:443 by=anna") || strings.Contains(got, "b.example.com") {
		t.Errorf("the list is\n%s", got)
	}
}
