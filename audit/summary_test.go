package audit_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

func summaries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.summary.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A summary says what the file says: whatever is asked, the answer is the same with and without.
func TestSummariesChangeNothing(t *testing.T) {
	t.Parallel()
	exprs := []string{
		"", "decision=deny", "host=pastebin.com", "host = new.his.arc.azure.com", "host = none.example.com", "group=wac",
		"client in 10.0.1.11 or reason=private_address", "type=admin.reload", "method=CONNECT decision=deny", "bytes_in > 0",
		"not host=*.azure.com", "type=egress.repeat", "count = 5", "by = alice", "ts >= 2026-10-02 decision=allow",
	}
	windows := []struct{ since, until int }{{0, 5}, {1, 3}, {0, 1}, {4, 5}, {7, 8}}
	groupings := [][]string{{"host"}, {"decision", "client"}, {"day"}, {"rule", "method"}, {"type"}}
	bare, with := month(t, 5), month(t, 5)
	if err := audit.Summarise(t.Context(), with); err != nil {
		t.Fatal(err)
	}
	if got := len(summaries(t, with)); got != 4 {
		t.Fatalf("%d summaries, want 4", got)
	}
	for _, expr := range exprs {
		q, err := audit.ParseQuery(expr)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range windows {
			o := audit.ScanOptions{Since: october.AddDate(0, 0, w.since), Until: october.AddDate(0, 0, w.until), Where: q}
			if a, b := seqs(t, bare, o), seqs(t, with, o); !slices.Equal(a, b) {
				t.Errorf("%s, days %v: found %v, with summaries %v", expr, w, a, b)
			}
			for _, names := range groupings {
				a, b := countBy(t, bare, o, names), countBy(t, with, o, names)
				if a != b {
					t.Errorf("%s, days %v, by %v:\n%s\nwith summaries\n%s", expr, w, names, a, b)
				}
			}
			for _, s := range summaries(t, bare) { // CountBy made them
				os.Remove(s)
			}
		}
	}
}

func seqs(t *testing.T, dir string, o audit.ScanOptions) (found []uint64) {
	t.Helper()
	if _, err := audit.Scan(dir, o, func(r audit.Record) error {
		found = append(found, r.Seq)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// countBy is the groups as text, the order of equal ones included.
func countBy(t *testing.T, dir string, o audit.ScanOptions, names []string) string {
	t.Helper()
	by, err := audit.ParseGrouping(names)
	if err != nil {
		t.Fatal(err)
	}
	groups, stats, err := audit.CountBy(dir, o, by)
	if err != nil || stats.Unreadable+stats.Missing+stats.Repeated != 0 {
		t.Fatal(err, stats)
	}
	var b strings.Builder
	for _, g := range groups {
		b.WriteString(strings.Join(g.Values, " ") + " " + g.First.String() + g.Last.String())
		b.WriteString(string(rune('0' + g.Requests%10)))
	}
	return b.String()
}

// A summary that does not fit its file, or is damaged, is not believed.
func TestSummaryIsNeverTheTruth(t *testing.T) {
	t.Parallel()
	dir := month(t, 3)
	by := []string{"host", "decision"}
	want := countBy(t, dir, audit.ScanOptions{}, by)
	made := summaries(t, dir)
	if len(made) != 2 {
		t.Fatalf("%d summaries, want 2", len(made))
	}
	first, second := audittest.Contents(t, made[0]), audittest.Contents(t, made[1])
	for name, damage := range map[string]string{
		"cut":             first[:len(first)/2],
		"empty":           "",
		"another file's":  second,
		"not compressed":  "{}",
		"flipped a bit":   first[:40] + string(first[40]^1) + first[41:],
		"something added": first + "x",
	} {
		audittest.Write(t, made[0], damage)
		if got := countBy(t, dir, audit.ScanOptions{}, by); got != want {
			t.Errorf("%s: counted otherwise", name)
		}
	}
}

// Summaries go with their files, and those of others stay.
func TestSummariseRemovesOrphans(t *testing.T) {
	t.Parallel()
	dir := month(t, 3)
	if err := audit.Summarise(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "notes.summary.json.gz")
	audittest.Write(t, other, "")
	gone := rotated(t, dir)[0]
	os.Remove(gone)
	if err := audit.Summarise(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if left := summaries(t, dir); len(left) != 2 || !slices.Contains(left, other) {
		t.Errorf("left: %v", left)
	}
}
