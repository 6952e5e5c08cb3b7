package tables

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// An htmlReader reads HTML, from token to token: headings, the rows of tables, and the text of other blocks.
type htmlReader struct {
	h      harvest
	line   int
	block  strings.Builder // the text of a block that is no cell
	at     int             // the line that block began on
	depth  int             // of tables
	layout *layout         // of the table, once its header is read
	row    []string
	cell   *strings.Builder // nil outside of cells
	rowAt  int
	span   int
	down   []rowSpan // by column
	hidden int       // depth in script, style and the like
}

// A rowSpan is a cell that goes down over the next rows.
type rowSpan struct {
	rows int
	text string
}

// html reads the lines [from, to) as HTML.
func (d *document) html(from, to int) {
	r := htmlReader{h: harvest{d: d, found: map[int]*finding{}}, line: from + 1, at: from + 1}
	z := html.NewTokenizer(strings.NewReader(strings.Join(d.lines[from:to], "\n")))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		lines := strings.Count(string(z.Raw()), "\n")
		t := z.Token()
		if kind != html.TextToken && t.DataAtom != atom.Wbr {
			r.text(" ") // what stands before a tag and after it are two words, or a host could come of it that nobody wrote
		}
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken:
			r.start(&t)
		case html.EndTagToken:
			r.end(&t)
		case html.TextToken:
			r.text(t.Data)
		}
		r.line += lines
	}
	r.endRow()
	r.endBlock()
	d.lay(from, to, "markup of the document", r.h.found)
}

func (r *htmlReader) start(t *html.Token) {
	switch t.DataAtom {
	case atom.Script, atom.Style, atom.Template, atom.Noscript:
		r.hidden++
	case atom.Table:
		r.endRow()
		r.endBlock()
		if r.depth++; r.depth == 1 {
			r.layout, r.down = nil, nil
		}
	case atom.Tr:
		r.endRow()
		r.endBlock()
		r.rowAt = r.line
	case atom.Td, atom.Th:
		r.endCell()
		r.cell, r.span = &strings.Builder{}, 1
		r.carry()
		for _, a := range t.Attr {
			n := 0
			for _, c := range a.Val {
				if c < '0' || c > '9' || n > 1000 {
					n = 0
					break
				}
				n = n*10 + int(c-'0')
			}
			if n = min(n, 100); n > 1 && a.Key == "colspan" {
				r.span = n
			} else if n > 1 && a.Key == "rowspan" {
				for len(r.down) <= len(r.row) {
					r.down = append(r.down, rowSpan{})
				}
				r.down[len(r.row)].rows = n
			}
		}
	case atom.Br, atom.P, atom.Div, atom.Li, atom.Ul, atom.Ol, atom.Dd, atom.Dt, atom.Pre, atom.Section, atom.Article,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		if r.cell != nil {
			r.cell.WriteString("\n")
		} else {
			r.endBlock()
		}
	}
}

func (r *htmlReader) end(t *html.Token) {
	switch t.DataAtom {
	case atom.Script, atom.Style, atom.Template, atom.Noscript:
		r.hidden = max(r.hidden-1, 0)
	case atom.Td, atom.Th:
		r.endCell()
	case atom.Tr:
		r.endRow()
	case atom.Table:
		r.endRow()
		r.depth = max(r.depth-1, 0)
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		if r.cell == nil {
			text := strings.TrimSpace(r.block.String())
			r.h.d.heading(int(t.Data[1]-'0'), text)
			r.block.Reset()
			r.at = r.line
		}
	case atom.P, atom.Div, atom.Li, atom.Dd, atom.Dt, atom.Pre, atom.Section, atom.Article:
		if r.cell == nil {
			r.endBlock()
		}
	}
}

func (r *htmlReader) text(s string) {
	switch {
	case r.hidden > 0:
	case r.cell != nil:
		r.cell.WriteString(strings.ReplaceAll(s, "\n", " "))
	default:
		if strings.TrimSpace(r.block.String()) == "" {
			r.block.Reset()
			r.at = r.line + strings.Count(s, "\n") - strings.Count(strings.TrimLeft(s, " \t\r\n"), "\n")
		}
		r.block.WriteString(s)
	}
}

// carry puts the cells that go down from earlier rows into the row, up to the next that this row has itself.
func (r *htmlReader) carry() {
	for len(r.row) < len(r.down) && r.down[len(r.row)].rows > 1 && r.down[len(r.row)].text != "" {
		s := &r.down[len(r.row)]
		s.rows--
		r.row = append(r.row, s.text)
	}
}

func (r *htmlReader) endCell() {
	if r.cell == nil {
		return
	}
	text := strings.TrimSpace(r.cell.String())
	r.cell = nil
	if at := len(r.row); at < len(r.down) && r.down[at].rows > 1 && r.down[at].text == "" {
		if r.down[at].text = text; text == "" {
			r.down[at].text = " "
		}
	} else if at < len(r.down) {
		r.down[at] = rowSpan{}
	}
	for range r.span {
		r.row = append(r.row, text)
		text = ""
	}
}

// endRow reads the row that is complete.
func (r *htmlReader) endRow() {
	r.endCell()
	if len(r.row) == 0 {
		return
	}
	r.carry()
	d, cells := r.h.d, r.row
	for i := range cells {
		cells[i] = html.EscapeString(strings.Join(strings.Split(cells[i], "\n"), "\x00"))
		cells[i] = strings.ReplaceAll(cells[i], "\x00", "<br>")
	}
	r.row = nil
	if r.layout == nil {
		l := layoutOf(cells)
		r.layout = &l
		if isHeader(cells) {
			return
		}
		r.layout = &layout{}
	}
	r.h.add(r.rowAt, d.row(cells, *r.layout))
}

// endBlock reads text outside of tables, line by line as it stands.
func (r *htmlReader) endBlock() {
	text := r.block.String()
	r.block.Reset()
	if strings.TrimSpace(text) == "" {
		return
	}
	d := r.h.d
	line := r.at
	for part := range strings.SplitSeq(strings.TrimLeft(text, " \t\r\n"), "\n") {
		if strings.TrimSpace(part) != "" {
			r.h.add(line, d.textLine(html.EscapeString(bare(part))))
		}
		line++
	}
}

// beginsHTML reports whether a text is a page of HTML, or a table of it.
func beginsHTML(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text[:min(len(text), 4096)]))
	for _, start := range []string{"<!doctype html", "<html", "<head", "<body", "<table", "<div", "<main", "<article", "<section", "<h1", "<h2", "<tr", "<tbody", "<thead"} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	return false
}

// tableTag matches the line that a table of HTML begins on, in Markdown.
var tableTag = lazy(`(?i)^\s*<table[\s>]`)

// htmlTable reads a table of HTML that begins with the next line, and reports whether there is one.
func (d *document) htmlTable() bool {
	if !tableTag().MatchString(d.shown[d.next]) {
		return false
	}
	to := d.next
	for depth := 0; to < len(d.lines); {
		line := strings.ToLower(d.lines[to])
		depth += strings.Count(line, "<table") - strings.Count(line, "</table")
		to++
		if depth <= 0 {
			break
		}
	}
	d.html(d.next, to)
	return true
}
