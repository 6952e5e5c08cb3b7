package main

import (
	"fmt"
	"io"
	"strings"

	"webproxy/catalog/tables"
)

// An importAnswer is what lists import prints as JSON.
type importAnswer struct {
	File    string         `json:"file"`
	Out     string         `json:"out,omitempty"`
	Lines   []importLine   `json:"lines"`
	Gone    []importGone   `json:"gone"`
	Summary tables.Summary `json:"summary"`
}

// An importGone is an entry of the list file that an earlier version of the document had.
type importGone struct {
	Entry string `json:"entry"`
	At    string `json:"at"` // its place in the list file
}

// An importLine is a line of the document with its result.
type importLine struct {
	Line    int           `json:"line"`
	Text    string        `json:"text"`
	Entries []importEntry `json:"entries"`
	Notes   []string      `json:"notes"`
	Left    []importLeft  `json:"left"`
}

type importEntry struct {
	Entry  string `json:"entry"`
	SameAs string `json:"same_as,omitempty"` // where it was already
}

type importLeft struct {
	Kind     tables.Kind `json:"kind"`
	Text     string      `json:"text"`
	Why      string      `json:"why"`
	Hint     string      `json:"hint,omitempty"`
	Firewall bool        `json:"-"`
}

// writeImport prints the result for each line: as JSON, as a table, or without --out as a list file.
func writeImport(w io.Writer, r *tables.Report, listed, gone []tables.Listed, out string, asJSON bool) error {
	answer := importAnswer{File: r.Name, Out: out, Lines: []importLine{}, Gone: []importGone{}, Summary: r.Summary()}
	for _, l := range r.Lines {
		line := importLine{Line: l.Number, Text: l.Text, Entries: []importEntry{}, Notes: append([]string{}, l.Notes...), Left: []importLeft{}}
		for range l.Entries {
			line.Entries = append(line.Entries, importEntry{listed[0].Entry.String(), listed[0].As})
			listed = listed[1:]
		}
		for _, left := range l.Left {
			line.Left = append(line.Left, importLeft(left))
		}
		answer.Lines = append(answer.Lines, line)
	}
	for _, g := range gone {
		answer.Gone = append(answer.Gone, importGone{g.Entry.String(), g.As})
	}
	if asJSON {
		return writeJSON(w, answer)
	}
	if out == "" {
		_, err := io.WriteString(w, importText(&answer))
		return err
	}
	return writeTable(w, importRows(&answer))
}

// importText is a list file, without headings and sentences that name no host; the summary counts them, and -o json has every
// line.
func importText(a *importAnswer) string {
	var b strings.Builder
	for _, l := range a.Lines {
		source := fmt.Sprintf("%s:%d: %s", tables.Shown(a.File), l.Line, tables.Shown(l.Text))
		for _, e := range l.Entries {
			if e.SameAs != "" {
				fmt.Fprintf(&b, "# %s: the same as %s\n", e.Entry, e.SameAs)
			} else {
				fmt.Fprintf(&b, "%s  # %s\n", e.Entry, source)
			}
		}
		for _, n := range l.Notes {
			fmt.Fprintf(&b, "# %s:%d: %s\n", tables.Shown(a.File), l.Line, tables.Shown(n))
		}
		for _, left := range l.Left {
			if left.worthSaying() {
				fmt.Fprintf(&b, "# %s:%d: %s: %s%s\n", tables.Shown(a.File), l.Line, left.word(), left.subject(), left.reason())
			}
		}
	}
	return b.String()
}

func importRows(a *importAnswer) [][]string {
	rows := [][]string{{"LINE", "BECAME", "ENTRY OR TEXT", "WHY"}}
	for _, l := range a.Lines {
		line := fmt.Sprint(l.Line)
		for _, e := range l.Entries {
			became, why := "added", strings.Join(l.Notes, "; ")
			if e.SameAs != "" {
				became, why = "no change", "the same as "+e.SameAs
			}
			row := []string{line, became, e.Entry}
			if why != "" { // an empty cell would only be spaces
				row = append(row, tables.Shown(why))
			}
			rows = append(rows, row)
		}
		for _, left := range l.Left {
			if left.worthSaying() {
				rows = append(rows, []string{line, left.word(), tables.Shown(left.Text), left.reason()})
			}
		}
	}
	for _, g := range a.Gone {
		rows = append(rows, []string{"-", "gone", g.Entry, "not in the document any more; " + g.At})
	}
	return rows
}

// worthSaying reports whether l is more than prose.
func (l importLeft) worthSaying() bool { return l.Kind != tables.Prose || l.Hint != "" }

func (l importLeft) word() string {
	switch l.Kind {
	case tables.Unfilled:
		return "not filled"
	case tables.NoRule:
		return "no rule"
	case tables.Prose:
		return "prose"
	}
	return "not understood"
}

// subject is the text that l is about; a sentence is not repeated.
func (l importLeft) subject() string {
	if l.Kind == tables.Prose {
		return ""
	}
	return tables.Shown(l.Text) + ": "
}

func (l importLeft) reason() string {
	if l.Hint == "" {
		return tables.Shown(l.Why)
	}
	return tables.Shown(l.Why) + " (" + l.Hint + ")"
}
