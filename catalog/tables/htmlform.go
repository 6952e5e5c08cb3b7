package tables

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// An htmlReader reads HTML, token by token: headings, tables, and the text of other blocks.
type htmlReader struct {
	h      collector
	line   int
	block  strings.Builder // the text of a block outside of cells
	at     int             // the line that block began on
	tables []*htmlGrid     // open tables, the outermost first
	deeper int             // open tables nested too deeply, which are not read
	hidden int             // depth in script, style and the like
	budget int             // cells that may still be copied to other rows and columns
	href   string          // of the open link
	linked int             // where its text begins in the cell
}

// maxTables bounds the nesting of tables.
const maxTables = 8

// html reads the lines [from, to) as HTML.
func (d *document) html(from, to int) {
	text := strings.Join(d.lines[from:to], "\n")
	r := htmlReader{h: collector{d: d, found: map[int]*finding{}}, line: from + 1, at: from + 1, budget: 100_000 + 4*len(text)}
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		lines := strings.Count(string(z.Raw()), "\n")
		t := z.Token()
		if kind != html.TextToken && t.DataAtom != atom.Wbr {
			r.text(" ") // a tag separates words; otherwise a host could result that nobody wrote
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
	for len(r.tables) > 0 {
		r.endTable()
	}
	r.endBlock()
	d.addLines(from, to, "markup of the document", r.h.found)
}

// grid is the innermost open table; nil outside of tables.
func (r *htmlReader) grid() *htmlGrid {
	if len(r.tables) == 0 {
		return nil
	}
	return r.tables[len(r.tables)-1]
}

func (r *htmlReader) start(t *html.Token) {
	g := r.grid()
	switch t.DataAtom {
	case atom.Script, atom.Style, atom.Template, atom.Noscript:
		r.hidden++
	case atom.Table:
		if len(r.tables) == maxTables {
			r.deeper++
			r.h.add(r.line, leftOut(Problem, "<table>", "tables stand in one another more than 8 levels deep", "copy the table from a browser, or save it as CSV"))
			return
		}
		if g == nil || g.cell == nil {
			r.endBlock()
		}
		r.tables = append(r.tables, &htmlGrid{r: r, line: r.line})
	case atom.Caption:
		r.endBlock()
	case atom.Tbody, atom.Thead, atom.Tfoot:
		if g != nil && r.deeper == 0 {
			g.endRow()
			g.down = nil // no cell spans two groups of rows
		}
	case atom.Tr:
		if g != nil && r.deeper == 0 {
			g.endRow()
			r.endBlock()
			g.line = r.line
			g.row.hidden = hides(t)
		}
	case atom.Td, atom.Th:
		if g == nil { // rows without a table
			g = &htmlGrid{r: r, line: r.line}
			r.tables = append(r.tables, g)
		}
		if r.deeper == 0 {
			g.startCell(t)
		}
	case atom.Img, atom.I, atom.Svg:
		for _, a := range t.Attr { // the text alternative of a picture
			if a.Key == "alt" || t.DataAtom != atom.Img && (a.Key == "aria-label" || a.Key == "title") {
				r.text(" " + a.Val + " ")
				break
			}
		}
	case atom.Input:
		box, checked := false, false
		for _, a := range t.Attr {
			box = box || a.Key == "type" && strings.EqualFold(a.Val, "checkbox")
			checked = checked || a.Key == "checked"
		}
		if box {
			r.text(map[bool]string{true: " ✓ ", false: " ✗ "}[checked])
		}
	case atom.A:
		for _, a := range t.Attr {
			if a.Key == "href" && g != nil && g.cell != nil {
				r.href, r.linked = a.Val, g.cell.Len()
			}
		}
	case atom.Br, atom.P, atom.Div, atom.Li, atom.Ul, atom.Ol, atom.Dd, atom.Dt, atom.Pre, atom.Section, atom.Article, atom.Summary, atom.Details,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		if g != nil && g.cell != nil {
			g.cell.WriteString("\n")
		} else {
			r.endBlock()
		}
	}
}

func (r *htmlReader) end(t *html.Token) {
	g := r.grid()
	switch t.DataAtom {
	case atom.Script, atom.Style, atom.Template, atom.Noscript:
		r.hidden = max(r.hidden-1, 0)
	case atom.Table:
		if r.deeper > 0 {
			r.deeper--
		} else if g != nil {
			r.endTable()
		}
	case atom.Caption:
		if text := strings.TrimSpace(r.block.String()); g != nil && g.cell == nil && saysDeny(text) {
			g.denied = true
		}
		r.block.Reset()
	case atom.Tbody, atom.Thead, atom.Tfoot:
		if g != nil && r.deeper == 0 {
			g.endRow()
			g.down = nil
		}
	case atom.Td, atom.Th:
		if g != nil && r.deeper == 0 {
			g.endCell()
		}
	case atom.Tr:
		if g != nil && r.deeper == 0 {
			g.endRow()
		}
	case atom.A:
		r.endLink(g)
	case atom.Del, atom.S, atom.Strike:
		r.text(" struck-out ") // it is not valid any more
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		if g == nil || g.cell == nil {
			text := strings.TrimSpace(r.block.String())
			r.h.d.heading(int(t.Data[1]-'0'), text)
			r.block.Reset()
			r.at = r.line
		}
	case atom.P, atom.Div, atom.Li, atom.Dd, atom.Dt, atom.Pre, atom.Section, atom.Article, atom.Summary, atom.Details:
		if g == nil || g.cell == nil {
			r.endBlock()
		}
	}
}

// hides reports whether a browser does not show an element.
func hides(t *html.Token) bool {
	for _, a := range t.Attr {
		if a.Key == "hidden" || a.Key == "style" && strings.Contains(strings.ReplaceAll(strings.ToLower(a.Val), " ", ""), "display:none") {
			return true
		}
	}
	return false
}

// endLink writes a link in a cell as Markdown, unless its text is the host that it leads to.
func (r *htmlReader) endLink(g *htmlGrid) {
	href := r.href
	r.href = ""
	if href == "" || g == nil || g.cell == nil || g.cell.Len() < r.linked || !strings.Contains(href, "://") || strings.ContainsAny(href, "()<> \t\n") {
		return
	}
	all := g.cell.String()
	text := strings.TrimSpace(all[r.linked:])
	if strings.ContainsAny(text, "[]\n") || looksLikeAddress(text, true) && sameHost(text, href) {
		return
	}
	g.cell.Reset()
	g.cell.WriteString(all[:r.linked] + " [" + text + "](" + href + ") ")
}

func (r *htmlReader) text(s string) {
	g := r.grid()
	switch {
	case r.hidden > 0 || r.deeper > 0:
	case g != nil && g.cell != nil:
		g.cell.WriteString(strings.ReplaceAll(s, "\n", " "))
	default:
		if strings.TrimSpace(r.block.String()) == "" {
			r.block.Reset()
			r.at = r.line + strings.Count(s, "\n") - strings.Count(strings.TrimLeft(s, " \t\r\n"), "\n")
		}
		r.block.WriteString(s)
	}
}

// endTable reads the innermost table, which is complete. The findings of a nested table belong to the row around it.
func (r *htmlReader) endTable() {
	g := r.grid()
	g.endRow()
	r.tables = r.tables[:len(r.tables)-1]
	found := g.read()
	if outer := r.grid(); outer != nil && outer.cell != nil {
		outer.inner = append(outer.inner, found...)
		return
	}
	for _, f := range found {
		r.h.add(f.line, f.finding)
	}
}

// endBlock reads text outside of tables, line by line.
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

// beginsHTML reports whether a text is an HTML page or table.
func beginsHTML(text string) bool {
	text = strings.ToLower(afterComments(text[:min(len(text), 4096)]))
	for _, start := range []string{"<!doctype html", "<html", "<head", "<body", "<table", "<div", "<main", "<article", "<section", "<h1", "<h2", "<tr", "<tbody", "<thead"} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	return false
}

// afterComments is text without the comments of HTML that it begins with.
func afterComments(text string) string {
	for {
		text = strings.TrimSpace(text)
		_, rest, ok := strings.Cut(text, "-->")
		if !strings.HasPrefix(text, "<!--") || !ok {
			return text
		}
		text = rest
	}
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
