package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"webproxy/audit"
	"webproxy/review"
)

// A recordTable prints records as rows of a table, one by one: its columns are wide enough for most, so that rows can be printed
// before all are known.
type recordTable struct {
	out   io.Writer
	width [recordCells]int // of each column, the last's 0; -1 if it is not shown
	cut   bool             // wider cells are cut
}

// The columns of a recordTable.
const (
	cellTime = iota
	cellID
	cellClient
	cellGroup
	cellMethod
	cellTarget
	cellDecision
	cellReason
	cellRule
	recordCells
)

var recordNames = [recordCells]string{"TIME (UTC)", "ID", "CLIENT", "GROUP", "METHOD", "TARGET", "DECISION", "REASON", "RULE"}

// recordTableFor returns a table on out of that width in characters, without the columns that do not fit; 0 for all columns.
func recordTableFor(out io.Writer, width int) recordTable {
	t := recordTable{out: out, width: [recordCells]int{24, 7, 15, 10, 7, 45, 10, 18, 0}}
	if width <= 0 {
		return t
	}
	const leastTarget, leastRule = 28, 14
	need := leastRule
	for i, w := range t.width[:cellRule] {
		if i == cellTarget {
			w = leastTarget
		}
		need += w + 2
	}
	for _, drop := range [...]int{cellMethod, cellGroup, cellRule, cellReason, cellClient, cellID} { // the least important first
		if need <= width {
			break
		}
		if need -= t.width[drop] + 2; drop == cellRule {
			need -= leastRule
		}
		t.width[drop] = -1
	}
	t.width[cellTarget] = leastTarget + max(0, width-need)
	t.cut = true
	return t
}

func (t *recordTable) heading() string { return t.line(recordNames) }

func (t *recordTable) line(cells [recordCells]string) string {
	var b strings.Builder
	for i, cell := range cells {
		w := t.width[i]
		if w < 0 {
			continue
		}
		if t.cut && w > 0 && utf8.RuneCountInString(cell) > w {
			cell = string([]rune(cell)[:w-1]) + "…"
		}
		if b.Len() > 0 {
			b.WriteString("  ")
		}
		pad := strings.Repeat(" ", max(0, w-utf8.RuneCountInString(cell)))
		if i == cellDecision {
			cell = paint(t.out, colourOf(cell), cell)
		}
		b.WriteString(cell + pad)
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// row is a record as a row.
func (t *recordTable) row(r *audit.Record) string {
	at := r.Time.UTC().Format("2006-01-02 15:04:05.000Z")
	what := r.Rule
	switch r.Type {
	case audit.TypeDecision:
	case audit.TypeRepeat:
		what = fmt.Sprintf("%s %d times", r.Rule, r.Count)
	case audit.TypeClose:
		what = fmt.Sprintf("%s ended: %d, out %d, in %d bytes, %s %s", r.Rule, r.Status, r.BytesOut, r.BytesIn, r.Duration, r.Error)
	default:
		return fmt.Sprintf("%-24s  %s: %s\n", at, tableCell(string(r.Type)), tableCell(r.Detail+r.Approver()))
	}
	if r.Detail != "" {
		what += " " + r.Detail
	}
	cells := [recordCells]string{at, r.ID, audit.AddrText(r.Client), r.Group, r.Method, review.RecordedTarget(r) + r.Path,
		string(r.Decision), r.Reason, strings.TrimSpace(what)}
	for i := range cells {
		cells[i] = tableCell(cells[i])
	}
	return t.line(cells)
}
