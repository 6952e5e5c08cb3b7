// Package columns writes tables for people: in columns, and within the width of a terminal.
package columns

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// Gap is how many spaces there are between columns.
	Gap = 2
	// leastColumn is the least width of a column that is narrowed, in characters, unless a word in it is longer.
	leastColumn = 10
	// longestWord is the longest word that is not broken to narrow a column.
	longestWord = 40
)

// A Table says how rows are written. The zero Table is as wide as its rows.
type Table struct {
	Width int      // of the terminal, in characters; 0 for any
	Drop  []string // headings of columns that may be left out if there is no room, the first of them first
	// Paint returns a cell of the column with that heading, with what colours it. If nil, cells stay as they are.
	Paint func(heading, cell string) string
}

// Write writes rows in columns, with two spaces between them; the first row is the heading. If they do not fit into Width, columns
// are left out as Drop says, which the last line tells, then cells are wrapped at words, and then long words are broken.
func (t Table) Write(w io.Writer, rows [][]string) error {
	rows, dropped := fitColumns(rows, t.Width, t.Drop)
	widths := columnWidths(rows)
	if t.Width > 0 {
		narrow(rows, widths, t.Width)
	}
	var b strings.Builder
	for i, row := range rows {
		cells := make([][]string, len(row))
		height := 1
		for j, cell := range row {
			cells[j] = wrapCell(cell, widths[j])
			height = max(height, len(cells[j]))
		}
		for line := range height {
			var text strings.Builder
			pad := 0 // that the next cell needs before it
			for j := range row {
				part := ""
				if line < len(cells[j]) {
					part = cells[j][line]
				}
				shown := part
				if i > 0 && t.Paint != nil && j < len(rows[0]) {
					shown = t.Paint(rows[0][j], part)
				}
				if part != "" {
					text.WriteString(strings.Repeat(" ", pad) + shown)
					pad = 0
				}
				pad += widths[j] - utf8.RuneCountInString(part) + Gap
			}
			b.WriteString(text.String() + "\n")
		}
	}
	if len(dropped) > 0 {
		fmt.Fprintf(&b, "-w shows %s too\n", strings.Join(dropped, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// columnWidths are the widths of the longest cells, in characters.
func columnWidths(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for j, cell := range row {
			if j == len(widths) {
				widths = append(widths, 0)
			}
			widths[j] = max(widths[j], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// fitColumns is rows without the columns of drop that there is no room for, wrapped as narrow as may be.
func fitColumns(rows [][]string, width int, drop []string) (fit [][]string, dropped []string) {
	if width <= 0 || len(rows) == 0 {
		return rows, nil
	}
	for _, name := range drop {
		need := -Gap
		for j, w := range columnWidths(rows) {
			need += min(w, leastWidth(rows, j)) + Gap
		}
		at := slices.Index(rows[0], name)
		if need <= width || at < 0 {
			continue
		}
		kept := make([][]string, len(rows))
		for i, row := range rows {
			kept[i] = slices.Delete(slices.Clone(row), at, at+1)
		}
		rows, dropped = kept, append(dropped, name)
	}
	return rows, dropped
}

// leastWidth is how narrow a column may become: as its longest word.
func leastWidth(rows [][]string, column int) int {
	least := leastColumn
	for _, row := range rows {
		if column >= len(row) {
			continue
		}
		for word := range strings.FieldsSeq(row[column]) {
			least = max(least, min(utf8.RuneCountInString(word), longestWord))
		}
	}
	return least
}

// narrow makes the widest columns narrower, one after another, until a row has width characters, or no column can be narrower.
func narrow(rows [][]string, widths []int, width int) {
	total, least := -Gap, make([]int, len(widths))
	for j, w := range widths {
		total += w + Gap
		least[j] = min(w, leastWidth(rows, j))
	}
	for total > width {
		widest := -1
		for j, w := range widths {
			if w > least[j] && (widest < 0 || w > widths[widest]) {
				widest = j
			}
		}
		switch {
		case widest >= 0:
			widths[widest]--
			total--
		case slices.Max(least) <= leastColumn:
			return
		default: // words are broken
			for j := range least {
				least[j] = min(least[j], leastColumn)
			}
		}
	}
}

// wrapCell is a cell in lines of at most width characters, broken at words; a longer word is broken itself. A cell that fits
// stays as it is.
func wrapCell(cell string, width int) []string {
	if utf8.RuneCountInString(cell) <= width {
		return []string{cell}
	}
	var lines []string
	line, used := "", 0
	for word := range strings.FieldsSeq(cell) {
		n := utf8.RuneCountInString(word)
		if line != "" && used+1+n <= width {
			line, used = line+" "+word, used+1+n
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		runes := []rune(word)
		for len(runes) > width {
			lines = append(lines, string(runes[:width]))
			runes = runes[width:]
		}
		line, used = string(runes), len(runes)
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
