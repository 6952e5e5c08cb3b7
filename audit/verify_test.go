package audit_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// public returns the public key of the log in dir, at its default place.
func public(t testing.TB, dir string) string {
	t.Helper()
	key, err := audit.ReadPublicKey(filepath.Join(dir+"-key", "audit.pub"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func verify(t testing.TB, dir string, o audit.VerifyOptions) *audit.Verification {
	t.Helper()
	if o.Keys == nil {
		o.Keys = []string{public(t, dir)}
	}
	v, err := audit.Verify(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wantSound fails unless the log in dir is what was signed.
func wantSound(t testing.TB, dir string, o audit.VerifyOptions) *audit.Verification {
	t.Helper()
	v := verify(t, dir, o)
	if !v.OK() {
		t.Errorf("%v\n%v", v, v.Problems)
	}
	return v
}

// history is how the tests' log is made: records rotated into segments, with checkpoints of 20 records.
// It covers an hour, so that the lack of a checkpoint shows.
type history struct {
	dir      string
	anchor   string
	firsts   []uint64 // of the segments, the live one's last
	segments []string // their files
	last     uint64
}

// makeHistory must be called in a synctest bubble. If compressed, all segments but the live one are, and
// have summaries.
func makeHistory(t *testing.T, compressed bool) *history {
	t.Helper()
	return makeHistoryIn(t, t.TempDir(), compressed)
}

// makeHistoryIn is makeHistory in a directory that outlives the bubble.
func makeHistoryIn(t *testing.T, root string, compressed bool) *history {
	t.Helper()
	h := &history{dir: filepath.Join(root, "audit"), anchor: filepath.Join(root, "anchor")}
	o := small(h.dir)
	o.Anchor, o.Site = h.anchor, "site-01"
	l := open(t, o)
	for len(rotated(t, h.dir)) < 3 {
		for range 20 {
			time.Sleep(3 * time.Second)
			h.last = add(t, l, audittest.Decision()).Seq
		}
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	if compressed {
		if err := l.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h.segments = append(rotated(t, h.dir), live(h.dir))
	for _, f := range h.segments {
		var first uint64
		_, rest, _ := strings.Cut(h.text(t, f), `"seq":`)
		fmt.Sscan(rest, &first)
		h.firsts = append(h.firsts, first)
	}
	return h
}

func (h *history) checkpoints(i int) string {
	return filepath.Join(h.dir, fmt.Sprintf("checkpoints-%012d", h.firsts[i]))
}

func (h *history) hashes(i int) string {
	return filepath.Join(h.dir, fmt.Sprintf("hashes-%012d", h.firsts[i]))
}

// head is the file of the tree head.
func (h *history) head() string { return filepath.Join(h.dir+"-key", "audit.head") }

// text is the plain text of a segment's file.
func (h *history) text(t *testing.T, file string) string {
	t.Helper()
	if strings.HasSuffix(file, ".gz") {
		return gunzip(t, audittest.Contents(t, file))
	}
	return audittest.Contents(t, file)
}

// edit changes the lines of segment i, newlines included.
func (h *history) edit(t *testing.T, i int, change func(lines []string) []string) {
	t.Helper()
	file := h.segments[i]
	lines := strings.SplitAfter(strings.TrimSuffix(h.text(t, file), "\n"), "\n")
	lines[len(lines)-1] += "\n"
	text := strings.Join(change(lines), "")
	if strings.HasSuffix(file, ".gz") {
		text = gzipped(t, text)
	}
	audittest.Write(t, file, text)
}

// alter changes a byte of a line of segment i.
func (h *history) alter(t *testing.T, i, line int) {
	h.edit(t, i, func(lines []string) []string {
		lines[line] = strings.Replace(lines[line], "gbl.his", "gbl.hos", 1)
		return lines
	})
}

func (h *history) swap(t *testing.T, a, b string) {
	t.Helper()
	was := audittest.Contents(t, a)
	audittest.Write(t, a, audittest.Contents(t, b))
	audittest.Write(t, b, was)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := makeHistory(t, false)
		v := wantSound(t, h.dir, audit.VerifyOptions{Anchor: h.anchor})
		if v.FirstSeq != 1 || v.LastSeq != h.last || v.Records != h.last || v.Sealed != h.last || v.Checkpoints < h.last/20 {
			t.Errorf("got %+v", v)
		}
		if s := v.String(); !strings.HasPrefix(s, fmt.Sprintf("INTEGRITY OK  seq 1..%d, no gaps, %d checkpoints, key site-01+", h.last, v.Checkpoints)) {
			t.Errorf("it says %s", s)
		}
		l := open(t, small(h.dir)) // compressed
		if err := l.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantSound(t, h.dir, audit.VerifyOptions{Anchor: h.anchor})
		add(t, l, audittest.Decision())
		v = wantSound(t, h.dir, audit.VerifyOptions{Anchor: h.anchor})
		if v.Sealed != h.last || len(v.Notes) != 1 || !strings.Contains(v.Notes[0], "not yet covered") {
			t.Errorf("with a record that is not sealed yet: sealed up to %d, notes %q", v.Sealed, v.Notes)
		}
	})
}

func TestVerifyNeedsAKey(t *testing.T) {
	dir := t.TempDir()
	for _, keys := range [][]string{nil, {"nonsense"}} {
		if _, err := audit.Verify(t.Context(), dir, audit.VerifyOptions{Keys: keys}); err == nil {
			t.Errorf("verified with the keys %q", keys)
		}
	}
	keys := []string{strings.TrimSpace(exampleKey)}
	if v, err := audit.Verify(t.Context(), dir, audit.VerifyOptions{Keys: keys}); !errors.Is(err, audit.ErrNoLog) {
		t.Errorf("an empty directory: %v, %v", v, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "audit.ndjson"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if v := verify(t, dir, audit.VerifyOptions{Keys: keys}); v.String() != "INTEGRITY OK  no records" {
		t.Errorf("an empty log: %v", v)
	}
}

const exampleKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
