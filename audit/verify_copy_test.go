package audit_test

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// A copied is what a central copy has of a log: 300 records, with a checkpoint after each hundred.
type copied struct {
	records []audit.CopyLine
	notes   []string
	key     string
}

func centralCopy(t *testing.T) *copied {
	t.Helper()
	l, err := audit.Open(audit.Options{Dir: filepath.Join(t.TempDir(), "audit"), Site: "oslo-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := &copied{}
	for range 3 {
		for range 100 {
			r := audittest.Decision()
			if err := l.Append(&r); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := audit.ScanLines(l.Dir(), audit.ScanOptions{}, func(r *audit.Record, line string) error {
		c.records = append(c.records, audit.CopyLine{Seq: r.Seq, Line: line})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	notes, err := audit.Checkpoints(l.Dir(), 0, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		c.notes = append(c.notes, n.Note)
	}
	if len(c.records) != 300 || len(c.notes) != 4 { // the first is of the opened log
		t.Fatalf("%d records, %d checkpoints", len(c.records), len(c.notes))
	}
	c.key = public(t, l.Dir())
	return c
}

func each[T any](all []T, end error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, a := range all {
			if !yield(a, nil) {
				return
			}
		}
		if end != nil {
			var none T
			yield(none, end)
		}
	}
}

func (c *copied) verify(t *testing.T, o audit.CopyOptions) *audit.Verification {
	t.Helper()
	if o.Keys == nil {
		o.Keys = []string{c.key}
	}
	v, err := audit.VerifyCopy(t.Context(), each(c.records, nil), each(c.notes, nil), o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What somebody who has the copy can do to it is found, and what delivery does to it is no problem.
func TestVerifyCopy(t *testing.T) {
	t.Parallel()
	other := centralCopy(t)
	alter := func(line string) string { return strings.Replace(line, `"decision":"allow"`, `"decision":"deny"`, 1) }
	for _, tt := range []struct {
		name   string
		change func(c *copied)
		o      audit.CopyOptions
		want   string // in the first problem; empty: the copy is sound
		say    string // in notes and basis
	}{
		{name: "intact", change: func(*copied) {}, say: "the log ends with its last checkpoint, seq 300"},
		{name: "delivered again", change: func(c *copied) {
			c.records = slices.Insert(c.records, 8, c.records[7], c.records[7])
			c.notes = slices.Insert(c.notes, 2, c.notes[1])
		}},
		{name: "altered", change: func(c *copied) { c.records[149].Line = alter(c.records[149].Line) },
			want: "seq 101..200: records differ from checkpoint 3"},
		{name: "dropped", change: func(c *copied) { c.records = slices.Delete(c.records, 149, 151) }, want: "seq 150..151: 2 records missing"},
		{name: "dropped, and the rest cannot be proven", change: func(c *copied) { c.records = slices.Delete(c.records, 149, 150) },
			want: "seq 150: 1 record missing", say: "seq 101..200: cannot be compared with checkpoint 3"},
		{name: "the end dropped", change: func(c *copied) { c.records = c.records[:250] }, want: "seq 201..250: cannot be compared with checkpoint 4",
			say: "seq 251..300: log ends before checkpoint 4"},
		{name: "the beginning dropped", change: func(c *copied) { c.records = c.records[50:] },
			say: "seq 51..100: before the first checkpoint that the copy has"},
		{name: "the beginning dropped of what was asked for", change: func(c *copied) { c.records, c.notes = c.records[150:], c.notes[1:] },
			o: audit.CopyOptions{From: 101}, want: "seq 101..150: 50 records missing"},
		{name: "from a checkpoint on", change: func(c *copied) { c.records, c.notes = c.records[100:], c.notes[1:] }, o: audit.CopyOptions{From: 101}},
		{name: "exchanged", change: func(c *copied) {
			c.records[20].Line, c.records[30].Line = c.records[30].Line, c.records[20].Line
		}, want: "under seq 21 stands what is not the line of that record"},
		{name: "exchanged, with their numbers", change: func(c *copied) {
			a, b := c.records[20].Line, c.records[30].Line
			c.records[20].Line = strings.Replace(b, `"seq":31,`, `"seq":21,`, 1)
			c.records[30].Line = strings.Replace(a, `"seq":21,`, `"seq":31,`, 1)
		}, want: "seq 1..100: records differ from checkpoint 2"},
		{name: "put in", change: func(c *copied) {
			c.records = slices.Insert(c.records, 8, audit.CopyLine{Seq: 8, Line: alter(c.records[7].Line)})
		}, want: "under seq 8 stand different records", say: "the record is intact"},
		{name: "put in before", change: func(c *copied) {
			c.records = slices.Insert(c.records, 7, audit.CopyLine{Seq: 8, Line: alter(c.records[7].Line)})
		}, want: "under seq 8 stand different records", say: "seq 8: record differs from checkpoint 2"},
		{name: "no record", change: func(c *copied) { c.records[5].Line = "rubbish" }, want: "under seq 6 stands what is not"},
		{name: "two lines", change: func(c *copied) { c.records[5].Line += "\n" + c.records[5].Line }, want: "under seq 6 stands what is not"},
		{name: "an altered checkpoint", change: func(c *copied) { c.notes[2] = strings.Replace(c.notes[2], "\n200\n", "\n199\n", 1) },
			want: "altered: its signature"},
		{name: "a checkpoint of another key", change: func(c *copied) { c.notes = other.notes; c.records = other.records }, want: "signed by another key"},
		{name: "of an older key that is given too", change: func(c *copied) { c.notes, c.records = other.notes, other.records },
			o: audit.CopyOptions{Keys: []string{other.key, ""}}},
		{name: "a checkpoint dropped", change: func(c *copied) { c.notes = slices.Delete(c.notes, 2, 3) }, want: "checkpoints 3 to 3 are not there"},
		{name: "the last checkpoint dropped", change: func(c *copied) { c.notes = c.notes[:3] }, say: "seq 201..300: not yet covered by a checkpoint"},
		{name: "all checkpoints dropped", change: func(c *copied) { c.notes = nil }, want: "seq 1..300: covered by no checkpoint"},
		{name: "an older checkpoint put back", change: func(c *copied) { c.notes = append(c.notes, c.notes[1]) }, want: "follows a younger one"},
		{name: "text for a checkpoint", change: func(c *copied) { c.notes = slices.Insert(c.notes, 1, "rubbish") }, want: "note 2"},
		{name: "nothing for a checkpoint", change: func(c *copied) { c.notes = slices.Insert(c.notes, 1, "") }, want: "note 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := centralCopy(t)
			tt.change(c)
			if len(tt.o.Keys) == 2 {
				tt.o.Keys[1] = c.key
			}
			v := c.verify(t, tt.o)
			all := fmt.Sprint(v.Problems, v.Notes, v.Basis)
			if v.OK() != (tt.want == "") || !v.OK() && !strings.Contains(v.Problems[0].String(), tt.want) || !strings.Contains(all, tt.say) {
				t.Errorf("got %v\nwant %q, %q", all, tt.want, tt.say)
			}
			if tt.name == "delivered again" && (v.Again != 2 || v.Records != 300) {
				t.Errorf("%d records, %d again", v.Records, v.Again)
			}
		})
	}
}

// An error of what is read is no verdict.
func TestVerifyCopyErrors(t *testing.T) {
	c := centralCopy(t)
	broken := errors.New("broken")
	o := audit.CopyOptions{Keys: []string{c.key}}
	if v, err := audit.VerifyCopy(t.Context(), each(c.records[:120], broken), each(c.notes, nil), o); !errors.Is(err, broken) {
		t.Errorf("records: %v, %v", v, err)
	}
	if v, err := audit.VerifyCopy(t.Context(), each(c.records, nil), each(c.notes[:2], broken), o); !errors.Is(err, broken) {
		t.Errorf("notes: %v, %v", v, err)
	}
	if _, err := audit.VerifyCopy(t.Context(), each(c.records, nil), each(c.notes, nil), audit.CopyOptions{}); err == nil {
		t.Error("verified without a key")
	}
}
