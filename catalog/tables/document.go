package tables

import "strings"

// A document is being read, from its first line to its last.
type document struct {
	report  Report
	filling filling
	lines   []string // as they are
	shown   []string // without HTML comments
	next    int
}

func (d *document) read(text string) {
	d.lines = splitLines(text)
	d.shown = withoutComments(d.lines)
	d.frontMatter()
	for d.next < len(d.lines) {
		d.step()
	}
}

// step reads one line, or the table or record that begins there.
func (d *document) step() {
	raw, shown := d.lines[d.next], d.shown[d.next]
	switch {
	case strings.TrimSpace(visible(raw)) == "":
		d.next++
	case strings.TrimSpace(visible(shown)) == "":
		d.markup("inside an HTML comment")
	case d.tableAhead():
		d.pipeTable()
	case strings.HasPrefix(bare(shown), "|"):
		d.pipeRows(layout{})
	case d.delimitedTable():
	case d.jsonObject():
	default:
		d.plainLine()
	}
}

// markup puts the next line into the report as one that is only markup.
func (d *document) markup(why string) {
	raw := d.lines[d.next]
	d.account(d.next+1, raw, leave(Prose, strings.TrimSpace(raw), why, ""))
	d.next++
}

// withoutComments returns lines with their HTML comments taken out: documents hide whole tables in
// them. A comment that never ends is none.
func withoutComments(lines []string) []string {
	text := strings.Join(lines, "\n")
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "<!--")
		comment, after, closed := strings.Cut(rest, "-->")
		if !ok || !closed {
			b.WriteString(text)
			return strings.Split(b.String(), "\n")
		}
		b.WriteString(before + strings.Repeat("\n", strings.Count(comment, "\n")))
		text = after
	}
}

// frontMatter passes over the YAML at the start of a Markdown file.
func (d *document) frontMatter() {
	const most = 100 // lines
	if strings.TrimSpace(visible(d.lines[0])) != "---" {
		return
	}
	for i := 1; i < len(d.lines) && i < most; i++ {
		if strings.TrimSpace(d.lines[i]) != "---" {
			continue
		}
		for d.next <= i {
			if strings.TrimSpace(d.lines[d.next]) == "" {
				d.next++
				continue
			}
			d.markup("front matter of the document")
		}
		return
	}
}

// bare returns a line without the marks of quotes and lists before its text.
func bare(line string) string {
	s := strings.TrimSpace(visible(line))
	for {
		before := s
		s = strings.TrimSpace(strings.TrimPrefix(s, ">"))
		for _, mark := range []string{"-", "*", "+", "•", "·", "–", "▪", "◦", "o", "[ ]", "[x]"} {
			if rest, ok := strings.CutPrefix(s, mark+" "); ok {
				s = strings.TrimSpace(rest)
			}
		}
		digits := strings.TrimLeft(s, "0123456789")
		if len(digits) < len(s) && (strings.HasPrefix(digits, ". ") || strings.HasPrefix(digits, ") ")) {
			s = strings.TrimSpace(digits[2:])
		}
		if s == before {
			return s
		}
	}
}

// plainLine reads a line outside of tables.
func (d *document) plainLine() {
	raw, shown := d.lines[d.next], d.shown[d.next]
	text := bare(shown)
	if why := markupOf(text); why != "" {
		d.markup(why)
		return
	}
	d.next++
	if f, ok := d.filling.listLine(text); ok {
		d.account(d.next, raw, f)
		return
	}
	if cellTag().MatchString(text) {
		d.account(d.next, raw, d.htmlRow(text))
		return
	}
	if strings.Contains(strings.TrimSpace(shown), "\t") {
		d.account(d.next, raw, d.loose(strings.Split(strings.TrimSpace(shown), "\t"), layout{}))
		return
	}
	f := d.filling.read(text, context{})
	if cells := strings.Split(text, ","); !f.has() || len(f.entries) == 0 && len(cells) > 1 {
		// a row of a CSV file without a header?
		if row := d.loose(cells, layout{}); len(cells) > 1 && len(row.entries) > 0 {
			f = row
		}
	}
	d.account(d.next, raw, f)
}

// markupOf says what a line is that cannot be an endpoint, whatever it names; "" for any other.
func markupOf(text string) string {
	switch {
	case strings.HasPrefix(text, "#"):
		return "a heading or a comment"
	case strings.HasPrefix(text, "```"), strings.HasPrefix(text, "~~~"):
		return "the fence of a code block"
	case strings.HasPrefix(text, ":::"), strings.HasPrefix(text, "[!"):
		return "a directive of the document"
	case text != "" && strings.Trim(text, "-=_*+|: ") == "" && !strings.Contains(text, "*."):
		return "a ruled line"
	}
	return ""
}

// htmlRow is the finding for a row of an HTML table, which is not read.
func (d *document) htmlRow(text string) finding {
	if f := d.filling.read(anyTag().ReplaceAllString(text, "<br>"), context{}); !f.has() {
		return leave(Prose, text, "a row of an HTML table", "")
	}
	return leave(Problem, text, "a row of an HTML table", "copy the table from a browser, or save it as CSV")
}
