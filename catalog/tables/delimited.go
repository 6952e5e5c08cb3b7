package tables

import "strings"

// delimitedTable reads a table in CSV, with commas or semicolons, or with tabs, as a browser copies it, if the next line is a
// header. It reports whether it was.
func (d *document) delimitedTable() bool {
	for _, delim := range []byte{'\t', ',', ';'} {
		if first := strings.Split(d.shown[d.next], string(delim)); len(first) < 2 || !layoutOf(first).isTables() {
			continue
		}
		cells, n := record(d.shown[d.next:], delim)
		l := layoutOf(cells)
		if len(cells) < 2 || !isHeader(cells) || !l.isTables() {
			continue
		}
		d.addLine(d.next+1, strings.Join(d.lines[d.next:d.next+n], "\n"), leftOut(Prose, rowText(cells), "the header of a table", ""))
		d.next += n
		d.delimitedRows(delim, l)
		return true
	}
	return false
}

// isHeader distinguishes a header from a sentence with commas: its cells are short, and not addresses.
func isHeader(cells []string) bool {
	for _, c := range cells {
		if len(strings.Fields(c)) > 6 || len(c) > 80 {
			return false
		}
		for _, w := range words(plainText(c)) {
			if looksLikeAddress(w.text, true) {
				return false
			}
		}
	}
	return true
}

// delimitedRows reads records until one that has no delimiter; blank lines between records are skipped.
func (d *document) delimitedRows(delim byte, l layout) {
	group := unsaid
	for d.next < len(d.lines) {
		if strings.TrimSpace(visible(d.shown[d.next])) == "" {
			if strings.TrimSpace(visible(d.lines[d.next])) != "" {
				return // an HTML comment
			}
			d.next++
			continue
		}
		cells, n := record(d.shown[d.next:], delim)
		if len(cells) < 2 && n == 1 {
			return
		}
		f := d.rowUnder(group, cells, l)
		if v, ok := groupOf(cells); ok {
			group, f = v, leftOut(Prose, rowText(cells), "a row that heads others", "")
		}
		d.addLine(d.next+1, strings.Join(d.lines[d.next:d.next+n], "\n"), f)
		d.next += n
	}
}

// record splits the record that begins with the first of lines, and returns its number of lines: a quoted cell may have several
// (RFC 4180, 2). An unclosed quote is taken literally, so that the cell does not extend to the end of the document.
func record(lines []string, delim byte) (cells []string, n int) {
	const most = 1000 // lines
	r := recordReader{delim: delim}
	for n = 1; ; n++ {
		r.line(lines[n-1])
		if !r.quoted {
			return append(r.cells, r.cell.String()), n
		}
		if n == most || n == len(lines) {
			return strings.Split(lines[0], string(delim)), 1
		}
		r.cell.WriteString("<br>") // as in a cell of Markdown
	}
}

// A recordReader reads a record line by line.
type recordReader struct {
	delim  byte
	cells  []string
	cell   strings.Builder
	quoted bool
}

func (r *recordReader) line(text string) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case r.quoted && c == '"' && i+1 < len(text) && text[i+1] == '"':
			r.cell.WriteByte('"')
			i++
		case r.quoted && c == '"':
			r.quoted = false
		case !r.quoted && c == '"' && strings.Trim(r.cell.String(), " \t=") == "": // Excel writes ="a.example.com", too
			r.cell.Reset()
			r.quoted = true
		case !r.quoted && c == r.delim:
			r.cells = append(r.cells, r.cell.String())
			r.cell.Reset()
		default:
			r.cell.WriteByte(c)
		}
	}
}
