package audit_test

import (
	"path/filepath"
	"strings"
	"testing"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// Bytes at the end of the live file that are not a whole line are noted: after a log that was closed they are not the proxy's, and
// while it is written they may become a record.
func TestTornEndIsSaid(t *testing.T) {
	for _, tail := range []string{`{"v":1,"type":"egress.decision"`, "\x00", strings.Repeat("\x00", 3<<20), "hello"} {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, audit.Options{Dir: dir})
		for range 3 {
			add(t, l, audittest.Decision())
		}
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
		whole := audittest.Contents(t, live(dir))
		audittest.Write(t, live(dir), whole+tail)
		for _, head := range []string{"", filepath.Join(dir+"-key", "audit.head")} {
			v := wantSound(t, dir, audit.VerifyOptions{Head: head})
			if notes := strings.Join(v.Notes, "; "); !strings.Contains(notes, "audit.ndjson: the last ") || !strings.Contains(notes, "not a whole record") {
				t.Errorf("%.10q after an open log, head %q: notes %q", tail, head, v.Notes)
			}
		}
		audittest.Write(t, live(dir), whole)
		l.Close()
		whole = audittest.Contents(t, live(dir))
		audittest.Write(t, live(dir), whole+tail)
		for _, head := range []string{"", filepath.Join(dir+"-key", "audit.head")} {
			v := verify(t, dir, audit.VerifyOptions{Head: head})
			if v.OK() || len(v.Problems) != 1 || v.Problems[0].Kind != audit.Inserted || !strings.Contains(v.String(), "not a whole line") {
				t.Errorf("%.10q after a closed log, head %q: %v %q", tail, head, v, v.Notes)
			}
		}
	}
}

// An anchor that was emptied and went on is not taken for a whole one.
func TestAnchorBegins(t *testing.T) {
	dir, anchor := filepath.Join(t.TempDir(), "audit"), filepath.Join(t.TempDir(), "anchor")
	l := open(t, audit.Options{Dir: dir, Anchor: anchor})
	for i := range 3 {
		for range 10 {
			add(t, l, audittest.Decision())
		}
		if i == 2 {
			v := wantSound(t, dir, audit.VerifyOptions{Anchor: anchor})
			if v.AnchorBegins != 0 || strings.Contains(v.String(), "begins") {
				t.Errorf("a whole anchor: %v", v)
			}
			audittest.Write(t, anchor, "")
		}
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	v := wantSound(t, dir, audit.VerifyOptions{Anchor: anchor})
	if v.AnchorBegins != 30 || !strings.Contains(v.String(), "anchored to seq 30 (") || !strings.HasSuffix(v.String(), ", anchor begins at seq 30") ||
		!strings.Contains(strings.Join(v.Basis, "; "), "the anchor begins at seq 30") {
		t.Errorf("an emptied anchor: %v %q", v, v.Basis)
	}
}
