package review_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

// Of many who write at the same moment one succeeds, and the others are told; nothing that one of them wrote is lost.
func TestApproversAtTheSameMoment(t *testing.T) {
	cfg, dir := site(t)
	for round := range 20 {
		const people = 8
		var changes []*review.Application
		for i := range people {
			item := learn.Item{Group: "nodes", Entry: fmt.Sprintf("host-%d-%d.example.com:443", round, i), Answer: learn.Approve, Reason: "CHG-1"}
			a, err := review.Writer{Config: cfg, By: "anna"}.Apply([]learn.Item{item})
			if err != nil {
				t.Fatal(err)
			}
			changes = append(changes, a)
		}
		var wg sync.WaitGroup
		errs := make([]error, people)
		for i, a := range changes {
			wg.Go(func() { _, errs[i] = a.Commit() })
		}
		wg.Wait()
		data, err := os.ReadFile(filepath.Join(dir, "lists", "approved.txt"))
		if err != nil {
			t.Fatal(err)
		}
		won := 0
		for i, err := range errs {
			there := strings.Contains(string(data), fmt.Sprintf("host-%d-%d.example.com", round, i))
			if err == nil {
				won++
			} else if !errors.Is(err, review.ErrChanged) {
				t.Fatal(err)
			}
			if there != (err == nil) {
				t.Errorf("round %d: the list has the entry of %d: %v, which was told %v", round, i, there, err)
			}
		}
		if won != 1 || strings.Count(string(data), "example.com") != round+1 {
			t.Fatalf("round %d: %d succeeded; the list is\n%s", round, won, data)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*lock")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
