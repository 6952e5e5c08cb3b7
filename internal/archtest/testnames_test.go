package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Every test that a page of docs names exists.
func TestNamedTests(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	names := testNames(files)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, objection := range unknownTests(filepath.Base(page), string(text), names) {
			t.Error(objection)
		}
	}
}

func TestUnknownTests(t *testing.T) {
	names := []string{"BenchmarkA", "FuzzB", "TestC1", "TestC2"}
	got := unknownTests("x.md", "`TestC1`, `TestC*`, TestC...\n`TestC`, `FuzzB`; BenchmarkA or `TestGone*`, Test-Path, TestScript/x", names)
	want := []string{"x.md:2: there is no test TestC", "x.md:2: there is no test TestGone*", "x.md:2: there is no test TestScript"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
