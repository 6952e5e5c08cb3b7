package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// Every file and directory that docs/architecture.md names exists.
func TestMentions(t *testing.T) {
	root := filepath.Join("..", "..")
	doc, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := mentions(string(doc))
	if len(found) < 100 {
		t.Fatalf("only %d names found", len(found))
	}
	objections, err := unknown(found, os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, objection := range objections {
		t.Error(objection)
	}
}

func TestMentionsUnknown(t *testing.T) {
	const doc = "## Packages\n| `proxy` | `here.go`, `gone.go`, `*net.TCPConn` | policy |\n" +
		"## Four lives\n```\n 1 here.go, next.go    accepts; policy/decide.go, guard.go\n   policy/lost.go     was moved\n      refused:              here.go\n```\n" +
		"## Else\n`decide.go` `cmd/NAME.go` `policy/` `internal/none`\n"
	tree := fstest.MapFS{}
	for _, name := range []string{"proxy/here.go", "policy/decide.go", "policy/guard.go", "cmd/why.go"} {
		tree[name] = &fstest.MapFile{}
	}
	got, err := unknown(mentions(doc), tree)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"docs/architecture.md:2: there is no gone.go", "docs/architecture.md:5: there is no next.go",
		"docs/architecture.md:6: there is no policy/lost.go", "docs/architecture.md:10: there is no internal/none",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
