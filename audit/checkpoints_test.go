package audit_test

import (
	"os"
	"path/filepath"
	"testing"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// The checkpoints are those of the anchor, whether they are asked for at once or one by one, and
// wherever one begins.
func TestCheckpoints(t *testing.T) {
	dir, anchor := t.TempDir(), filepath.Join(t.TempDir(), "anchor")
	l := open(t, audit.Options{Dir: dir, Anchor: anchor, Rotate: 64 << 10})
	for range 40 { // some 25 KiB
		for range 50 {
			add(t, l, audittest.Decision())
		}
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "checkpoints-*"))
	if err != nil || len(files) < 4 {
		t.Fatalf("checkpoints are in %v, %v: want several files", files, err)
	}
	appendTo(t, files[len(files)-1], "webproxy audit x\n12") // being written
	want, err := os.ReadFile(anchor)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(size, number uint64, limit int) []audit.Checkpoint {
		t.Helper()
		found, err := audit.Checkpoints(dir, size, number, limit)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	all := ask(0, 0, 1000)
	var text string
	var size, number uint64
	for i, c := range all {
		text += c.Note + "\n"
		one := ask(size, number, 1)
		if len(one) != 1 || one[0] != c {
			t.Fatalf("after size %d, number %d: %+v, want checkpoint %d", size, number, one, i+1)
		}
		size, number = c.Size, c.Number
	}
	if text != string(want) {
		t.Errorf("%d checkpoints, which are not those of the anchor", len(all))
	}
	if rest := ask(size, number, 10); len(rest) != 0 || size != l.LastSeq() {
		t.Errorf("after the last, of size %d of %d: %+v", size, l.LastSeq(), rest)
	}
	if none, err := audit.Checkpoints(filepath.Join(dir, "nowhere"), 0, 0, 1); none != nil || err != nil {
		t.Errorf("where there is no log: %v, %v", none, err)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}
