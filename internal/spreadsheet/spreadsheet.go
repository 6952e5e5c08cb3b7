// Package spreadsheet writes CSV that is safe to open in a spreadsheet program. A cell that begins with =, +, - or @ is
// a formula there (CWE-1236), and much of what webproxy exports was sent by strangers. It is the only code that writes CSV.
//
//	w := spreadsheet.NewWriter(os.Stdout)
//	w.Write([]string{"path", "/;=cmd|' /C calc'!A0"})
//	err := w.Flush()
package spreadsheet

import (
	"encoding/csv"
	"io"
	"strings"
	"unicode"
)

// A Writer writes rows as CSV (RFC 4180), each cell as Cell has it. The zero Writer is not usable.
type Writer struct {
	csv  *csv.Writer
	safe []string
}

// NewWriter returns a Writer to w. The caller ends with Flush.
func NewWriter(w io.Writer) *Writer { return &Writer{csv: csv.NewWriter(w)} }

// Write writes one row. It is buffered. The row is not changed or kept.
func (w *Writer) Write(row []string) error {
	w.safe = w.safe[:0]
	for _, cell := range row {
		w.safe = append(w.safe, Cell(cell))
	}
	return w.csv.Write(w.safe)
}

// Flush writes what is buffered, and returns the first error there was.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}

// Cell returns s with a ' before each character that could begin a formula: the first of the cell, and the first
// after each character at which a program may split the line. Which that is depends on its settings: a German Excel
// splits at semicolons and leaves commas and quotes alone, so quoting the cell would not help. Text that has no such
// place is returned as it is, and so is the result of Cell.
func Cell(s string) string {
	if strings.IndexFunc(s, beginsFormula) < 0 {
		return s
	}
	var b strings.Builder
	start := true
	for _, c := range s {
		if start && beginsFormula(c) {
			b.WriteByte('\'')
		}
		b.WriteRune(c)
		switch {
		case strings.ContainsRune(",;|\t\r\n", c):
			start = true
		case c != '"' && !unicode.IsSpace(c):
			start = false
		}
	}
	return b.String()
}

// beginsFormula includes the full-width forms, which some language versions take for the plain ones.
func beginsFormula(c rune) bool { return strings.ContainsRune("=+-@＝＋－＠", c) }
