package audit_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/audit"
	"webproxy/internal/audittest"
	"webproxy/internal/lineartest"
)

// repeated is text of n bytes about, of pieces in which %d is counted.
func repeated(n int, piece string) string {
	var b strings.Builder
	for i := 1; b.Len() < n; i++ {
		b.WriteString(strings.ReplaceAll(piece, "%d", fmt.Sprint(i)))
	}
	return b.String()
}

// An expression of any form is read, and asked of a record, in a time that grows with its length.
func TestQueryIsLinear(t *testing.T) {
	r := audit.Record{Type: audit.TypeDecision, Host: "www.example.com", Path: strings.Repeat("a", 1000), Decision: "deny"}
	for _, tt := range []struct{ before, piece, after string }{
		{"", "host = a%d.example.com or ", "port = 1"},
		{"", "host = a%d.example.com ", ""},
		{"host in (", "a%d.example.com, ", "a.example.com)"},
		{"not host in (", "*.a%d.example.com, ", "a.example.com)"},
		{"path = ", "*a", "b"},
		{"path = '", `\\`, "'"},
		{strings.Repeat("(", 190), "port = %d or ", "port = 1" + strings.Repeat(")", 190)},
		{strings.Repeat("(port = 1 or ", 190), "port = %d or ", "port = 1" + strings.Repeat(" and host = b)", 190)},
		{"", "not (port = %d) and not (host = b or ", strings.Repeat(")", 3)},
		{"", "not ", "port = 1"},
		{"", "(", ""},
		{"port = 1", " ", ""},
		{"path ~ ", "(a|b%d)*", "c"},
		{"", "'", ""},
		{"nosuchfield", "x", " = 1"},
	} {
		lineartest.Check(t, tt.before[:min(len(tt.before), 20)]+tt.piece+tt.after[:min(len(tt.after), 20)], 7<<10, func(n int) func() {
			text := tt.before + repeated(n-len(tt.before)-len(tt.after), tt.piece) + tt.after
			return func() {
				for range 4 {
					q, err := audit.ParseQuery(text)
					if err == nil {
						q.Match(&r)
					}
				}
			}
		})
	}
}

// hostileLogs are logs that somebody wrote who wants their readers to take long.
func hostileLogs(t *testing.T) map[string]func(n int) string {
	line := func(seq int, more string) string {
		return fmt.Sprintf(`{"v":1,"type":"egress.decision","ts":"2026-10-01T08:00:00.000Z","seq":%d,"id":"A%d","host":"h%d.example.com","decision":"deny"%s}`+"\n", seq, seq, seq, more)
	}
	many := func(each func(i int) string) func(n int) string {
		return func(n int) string {
			var b strings.Builder
			for i := 1; b.Len() < n; i++ {
				b.WriteString(each(i))
			}
			return b.String()
		}
	}
	return map[string]func(n int) string{
		"each number alone":    many(func(i int) string { return line(2*i, "") }),
		"numbers fall":         many(func(i int) string { return line(1<<30-i, "") }),
		"numbers repeat":       many(func(i int) string { return line(1+i%3, "") }),
		"numbers leap":         many(func(i int) string { return line(i<<32, "") }),
		"no records":           many(func(i int) string { return "hello\n" }),
		"empty lines":          many(func(int) string { return "\n" }),
		"records and rubbish":  many(func(i int) string { return line(i, "") + "x\n" }),
		"unknown fields":       many(func(i int) string { return line(i, strings.Repeat(fmt.Sprintf(`,"x%d":[[{"a":"b"}]]`, i), 50)) }),
		"unknown deep field":   many(func(i int) string { return line(i, `,"x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)) }),
		"escapes":              many(func(i int) string { return line(i, `,"detail":"`+strings.Repeat(`\u0041\"`, 1000)+`"`) }),
		"long list":            many(func(i int) string { return line(i, `,"added":[`+strings.Repeat(`"a",`, 3000)+`"b"]`) }),
		"one line without end": func(n int) string { return strings.Repeat("x", n) },
		"long lines":           many(func(i int) string { return line(i, `,"detail":"`+strings.Repeat("a", 100_000)+`"`) }),
		"deletions": many(func(i int) string {
			return fmt.Sprintf(`{"v":1,"type":"system.retain","ts":"2026-10-01T08:00:00.000Z","seq":%d,"first_seq":%d,"last_seq":%d}`+"\n", i, i, i)
		}),
		"other hosts and clients": many(func(i int) string {
			return line(i, fmt.Sprintf(`,"client":"10.%d.%d.%d","group":"g%d","reason":"r%d","rule":"r%d"`, i>>16&255, i>>8&255, i&255, i, i, i))
		}),
		"aggregated": many(func(i int) string {
			return fmt.Sprintf(`{"v":1,"type":"egress.denied_repeat","ts":"2026-10-01T08:00:00.000Z","seq":%d,"count":3,"first":"2026-10-01T07:00:00.000Z","last":"2026-10-01T08:00:00.000Z"}`+"\n", i)
		}),
	}
}

// Whatever stands in a log, all readers take a time that grows with its length.
func TestReadersAreLinear(t *testing.T) {
	key := strings.TrimSpace(exampleKey)
	query, err := audit.ParseQuery("host = *.example.org or host = b.example.com or detail ~ '(a|b)+c'")
	if err != nil {
		t.Fatal(err)
	}
	by, err := audit.ParseGrouping([]string{"host", "day"})
	if err != nil {
		t.Fatal(err)
	}
	readers := map[string]func(dir string) error{
		"query": func(dir string) error {
			_, err := audit.ScanLines(dir, audit.ScanOptions{Where: query, Progress: new(audit.Progress)}, func(*audit.Record, string) error { return nil })
			return err
		},
		"count by": func(dir string) error {
			_, _, err := audit.CountBy(dir, audit.ScanOptions{}, by)
			return err
		},
		"verify": func(dir string) error {
			_, err := audit.Verify(t.Context(), dir, audit.VerifyOptions{Keys: []string{key}, Progress: new(audit.Progress)})
			return err
		},
	}
	for what, log := range hostileLogs(t) {
		for name, read := range readers {
			lineartest.CheckProcess(t, name+" of "+what, 96<<10, func(n int) func() {
				dir := t.TempDir()
				audittest.Write(t, live(dir), log(n))
				return func() {
					if err := read(dir); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// Notes without end, in checkpoints and anchors.
func TestNotesAreLinear(t *testing.T) {
	key := strings.TrimSpace(exampleKey)
	for _, piece := range []string{"x\n", "\n", "webproxy audit a\n", "— a b\n\n", "a\n\n— a AAAA\n\n", "x", "webproxy audit a\n1\nx\nnumber 1\nedge a b c\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n\n"} {
		lineartest.CheckProcess(t, piece, 32<<10, func(n int) func() {
			dir := t.TempDir()
			audittest.Write(t, filepath.Join(dir, "checkpoints-000000000001"), repeated(n, piece))
			anchor := filepath.Join(t.TempDir(), "anchor")
			audittest.Write(t, anchor, repeated(n, piece))
			return func() {
				if _, err := audit.Verify(t.Context(), dir, audit.VerifyOptions{Keys: []string{key}, Anchor: anchor}); err != nil {
					t.Error(err)
				}
				if _, err := audit.Checkpoints(dir, 0, 0, 1<<20); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
