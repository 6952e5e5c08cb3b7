package tables

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// An htmlGrid is an HTML table with its cells where a browser shows them (HTML, 4.9.12).
type htmlGrid struct {
	r      *htmlReader
	line   int // the line that the next row begins on
	rows   []htmlRow
	row    htmlRow
	cell   *strings.Builder // nil outside of cells
	head   bool             // the cell is a th
	across int              // columns that the cell spans
	deep   int              // rows that it spans
	down   []rowSpan        // by column
	inner  []placed         // findings of tables nested in the row
	denied bool             // its caption denies
	tooBig bool             // its cells span too many rows and columns
}

type htmlRow struct {
	line   int
	cells  []htmlCell
	inner  []placed
	hidden bool // a browser does not show it
}

type htmlCell struct {
	text string
	head bool
	copy bool // a copy of a cell that spans it
	more bool // a further column of the cell before it
}

// A placed is a finding with its line.
type placed struct {
	line int
	finding
}

// A rowSpan is a cell that spans the next rows.
type rowSpan struct {
	rows int
	cell htmlCell
}

// startCell begins a td or a th.
func (g *htmlGrid) startCell(t *html.Token) {
	g.endCell()
	g.cell, g.head, g.across, g.deep = &strings.Builder{}, t.DataAtom == atom.Th, 1, 1
	g.row.hidden = g.row.hidden || hides(t)
	for _, a := range t.Attr {
		switch a.Key {
		case "colspan":
			g.across = min(max(leading(a.Val), 1), 1000)
		case "rowspan":
			if g.deep = min(leading(a.Val), 65534); g.deep == 0 { // to the end of the group of rows
				g.deep = 65534
			}
			g.deep = max(g.deep, 1)
		}
	}
	for len(g.row.cells) < len(g.down) && g.down[len(g.row.cells)].rows > 0 {
		g.carry()
	}
}

// leading reads the number at the beginning of an attribute, as HTML does (2.3.4.2); -1 without a number.
func leading(s string) int {
	s = strings.TrimPrefix(strings.TrimLeft(s, " \t\n\f\r"), "+")
	n := -1
	for _, c := range s {
		if c < '0' || c > '9' || n > 100_000 {
			break
		}
		n = max(n, 0)*10 + int(c-'0')
	}
	return n
}

// carry adds the cell that spans the next column from above, or an empty one, to the row.
func (g *htmlGrid) carry() {
	s := &g.down[len(g.row.cells)]
	var c htmlCell
	if s.rows > 0 {
		s.rows--
		c = s.cell
	}
	g.put(c)
}

func (g *htmlGrid) put(c htmlCell) {
	if c.copy {
		if g.r.budget--; g.r.budget < 0 {
			g.tooBig = true
			return
		}
	}
	g.row.cells = append(g.row.cells, c)
}

func (g *htmlGrid) endCell() {
	if g.cell == nil {
		return
	}
	c := htmlCell{text: strings.TrimSpace(g.cell.String()), head: g.head}
	g.cell = nil
	for i := range g.across {
		c.copy, c.more = i > 0, i > 0
		g.put(c)
		if g.tooBig {
			return
		}
		at := len(g.row.cells) - 1
		for len(g.down) <= at {
			g.down = append(g.down, rowSpan{})
		}
		below := c
		below.copy = true
		g.down[at] = rowSpan{g.deep - 1, below}
	}
}

func (g *htmlGrid) endRow() {
	g.endCell()
	if len(g.row.cells) == 0 && len(g.inner) == 0 {
		return
	}
	last := 0
	for i, s := range g.down {
		if s.rows > 0 {
			last = i + 1
		}
	}
	for len(g.row.cells) < last && !g.tooBig {
		g.carry()
	}
	g.row.line, g.row.inner = g.line, g.inner
	g.rows = append(g.rows, g.row)
	g.row, g.inner = htmlRow{}, nil
}

// texts returns the cells of a row as Markdown. In a header, a cell that spans columns is repeated; in other rows only the first
// column has it.
func (row *htmlRow) texts(header bool) []string {
	texts := make([]string, len(row.cells))
	for i, c := range row.cells {
		if c.more && !header {
			continue
		}
		texts[i] = strings.ReplaceAll(html.EscapeString(c.text), "\n", "<br>")
	}
	return texts
}

// read reads the table.
func (g *htmlGrid) read() []placed {
	d := g.r.h.d
	if g.tooBig {
		return []placed{{g.line, leftOut(Problem, "<table>", "its cells span more rows and columns than can be read", "copy the table from a browser, or save it as CSV")}}
	}
	if rows, ok := g.upright(); ok {
		g.rows = rows
	}
	var found []placed
	var l layout
	began, group := false, unsaid
	for i := range g.rows {
		row := &g.rows[i]
		cells := row.texts(false)
		heading := len(row.inner) == 0 && isHeader(cells)
		if header := layoutOf(row.texts(true)); heading && (!began || header.sure() && (!l.sure() || row.allHeads())) {
			l, began = header, true
			continue
		}
		if began = true; l.columns == nil {
			l = layout{}
		}
		if v, ok := groupOf(cells); ok && len(row.inner) == 0 {
			group = v
			found = append(found, placed{row.line, leftOut(Prose, rowText(cells), "a row that heads others", "")})
			continue
		}
		around := group
		if g.denied {
			around = deny
		}
		f := d.rowUnder(around, cells, l)
		v, why := l.verdict(cells)
		v = v.and(around)
		if row.hidden && f.has() {
			f = leftOut(Problem, rowText(cells), "the page does not show this row", "")
		}
		found = append(found, placed{row.line, f})
		for _, in := range row.inner {
			if v != unsaid {
				in.finding = d.applyVerdict(in.finding, v, why, rowText(cells))
			}
			if l.inbound(cells) && in.has() {
				in.finding = leftOut(NoRule, rowText(cells), "an inbound connection, which a forward proxy has no part in", "")
			}
			found = append(found, in)
		}
	}
	return found
}

func (row *htmlRow) allHeads() bool {
	return !slices.ContainsFunc(row.cells, func(c htmlCell) bool { return !c.head })
}

// upright transposes a table whose headers are at the left: each further column becomes a row.
func (g *htmlGrid) upright() ([]htmlRow, bool) {
	if len(g.rows) < 2 {
		return nil, false
	}
	header := htmlRow{line: g.rows[0].line}
	for _, row := range g.rows {
		if len(row.cells) < 2 || !row.cells[0].head || row.allHeads() || len(row.inner) > 0 || len(row.cells) != len(g.rows[0].cells) {
			return nil, false
		}
		header.cells = append(header.cells, row.cells[0])
	}
	if !layoutOf(header.texts(true)).sure() {
		return nil, false
	}
	rows := []htmlRow{header}
	for i := 1; i < len(g.rows[0].cells); i++ {
		row := htmlRow{line: g.rows[0].line}
		for _, old := range g.rows {
			if looksLikeAddress(old.cells[i].text, true) {
				row.line = old.line
			}
			row.cells = append(row.cells, old.cells[i])
		}
		rows = append(rows, row)
	}
	return rows, true
}
