package tables

import "strings"

// tableAhead reports whether the next line is the header of a Markdown table: a delimiter row follows it (GFM, 4.10).
func (d *document) tableAhead() bool {
	return strings.Contains(d.shown[d.next], "|") && d.next+1 < len(d.lines) && isRuler(d.shown[d.next+1])
}

// isRuler reports whether line is a delimiter row, such as |:---|---:|.
func isRuler(line string) bool {
	s := strings.TrimSpace(strings.TrimLeft(visible(line), "> "))
	return strings.Contains(s, "-") && strings.Contains(s, "|") && strings.Trim(s, "|:- \t–—") == ""
}

// pipeTable reads a Markdown table from its header on.
func (d *document) pipeTable() {
	l := layoutOf(pipeCells(d.shown[d.next]))
	d.markup("the header of a table")
	d.markup("a ruled line")
	d.pipeRows(l)
}

// pipeRows reads rows up to the first line that is not a row.
func (d *document) pipeRows(l layout) {
	group := unsaid
	for d.next < len(d.lines) {
		shown := d.shown[d.next]
		if !strings.Contains(shown, "|") || strings.TrimSpace(visible(shown)) == "" || d.tableAhead() {
			return
		}
		if isRuler(shown) {
			d.markup("a ruled line")
			continue
		}
		cells := pipeCells(shown)
		if header := layoutOf(cells); l.columns == nil && header.sure() && len(cells) > 1 {
			l = header
			d.markup("the header of a table")
			continue
		}
		d.next++
		if v, ok := groupOf(cells); ok {
			group = v
			d.addLine(d.next, d.lines[d.next-1], leftOut(Prose, rowText(cells), "a row that heads others", ""))
			continue
		}
		d.addLine(d.next, d.lines[d.next-1], d.rowUnder(group, cells, l))
	}
}

// pipeCells splits a row at the pipes that are not escaped.
func pipeCells(line string) []string {
	line = strings.TrimSpace(strings.TrimLeft(visible(line), "> "))
	line = strings.TrimPrefix(line, "|")
	var cells []string
	start := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '|':
			cells = append(cells, line[start:i])
			start = i + 1
		}
	}
	if rest := line[start:]; strings.TrimSpace(rest) != "" {
		cells = append(cells, rest)
	}
	return cells
}
