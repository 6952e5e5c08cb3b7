package tables

import (
	"errors"
	"strings"

	"webproxy/policy"
)

// A document is the state of reading a document, from its first line to its last.
type document struct {
	report Report
	filler filler
	lines  []string // as they are
	shown  []string // without HTML comments
	next   int

	size       int // of the text, in bytes
	tried      int // bytes of it that were tried as JSON
	broken     int // values that looked like JSON and were not
	noXML      int // no XML element begins before this line
	noBlock    int // no YAML block begins before this line
	noPairs    int // no pairs begin before this line
	plainUntil int // no structured form begins before this line

	denied []policy.Entry // what the document denies, while it is read for what it allows

	sections []section // headings around the next line
	section  section   // what they say about it
}

func (d *document) read(text string) {
	d.lines = splitLines(text)
	d.shown = withoutComments(d.lines)
	d.size = len(text)
	if why := notText(text); why != "" {
		d.refuse(0, len(d.lines), 1, "a text", errors.New(why))
		return
	}
	if d.form(0, len(d.lines)) {
		return
	}
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
	case d.next >= d.plainUntil && d.fencedForm():
	case d.htmlTable():
	case d.tableAhead():
		d.pipeTable()
	case strings.HasPrefix(bare(shown), "|"):
		d.pipeRows(layout{})
	case d.jsonAhead(): // before tables: its commas do not separate columns
	case d.delimitedTable():
	case d.xmlAhead():
	case d.pairsAhead():
	default:
		d.plainLine()
	}
}

// markup adds the next line to the report as markup.
func (d *document) markup(why string) {
	raw := d.lines[d.next]
	d.addLine(d.next+1, raw, leftOut(Prose, strings.TrimSpace(raw), why, ""))
	d.next++
}

// withoutComments returns lines without their HTML comments, in which documents hide whole tables. An unclosed comment is kept.
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

// frontMatter skips the YAML at the start of a Markdown file.
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

// bare returns a line without the quote and list marks before its text.
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
		if level := len(text) - len(strings.TrimLeft(text, "#")); level > 0 && level <= 6 {
			d.heading(level, text)
		} else if strings.Trim(text, "-") == "" && len(text) >= 3 && d.section.cloud != "" {
			d.heading(1, "") // tabs end
		}
		d.markup(why)
		return
	}
	d.next++
	if strings.Contains(strings.TrimSpace(shown), "\t") && len(strings.Fields(shown)) > 1 {
		if f, ok := d.oddLine(text); ok {
			d.addLine(d.next, raw, f)
			return
		}
		d.addLine(d.next, raw, d.row(strings.Split(strings.TrimSpace(shown), "\t"), layout{}))
		return
	}
	d.addLine(d.next, raw, d.textLine(text))
}

// textLine reads a line of text, without list marks.
func (d *document) textLine(text string) finding {
	if f, ok := d.filler.listLine(text); ok {
		if _, comment, _ := strings.Cut(text, "#"); len(f.entries) > 0 && len(headerWords(comment)) <= 3 && saysDeny(comment) && d.section.verdict != deny {
			return leftOut(Problem, text, "words stand around the address, which may limit or deny it", "write the address on a line of its own")
		}
		return d.applyVerdict(f, d.section.verdict, "", text)
	}
	if f, ok := d.oddLine(text); ok {
		return f
	}
	if isSection(text) {
		d.heading(20, text)
		if saysDeny(text) { // "Blocked:" before a list
			d.sections = append(d.sections, section{level: 7, verdict: deny, cloud: d.section.cloud})
		} else if n := len(d.sections); n > 0 && d.sections[n-1].level == 7 {
			d.heading(7, text)
		}
	}
	if cellTag().MatchString(text) {
		return d.htmlRow(text)
	}
	f := d.filler.read(text, context{})
	if cells := strings.Split(text, ","); !f.has() || len(f.entries) == 0 && len(cells) > 1 {
		// a row of a CSV file without a header?
		if row := d.row(cells, layout{}); len(cells) > 1 && row.has() {
			return row
		}
	}
	return d.inSection(f, text)
}

// isSection reports whether a line of text introduces a list: "Blocked:", "[allowed]", "Action: Deny".
func isSection(text string) bool {
	text = strings.Trim(text, "*_ ")
	if strings.HasSuffix(text, ":") && len(strings.Fields(text)) <= 8 {
		return true
	}
	if first, _ := addresses(words(text), true); first >= 0 || len(strings.Fields(text)) > 4 {
		return false
	}
	return strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") && !strings.ContainsAny(text, "\"',(") || saysDeny(text) ||
		verdictOf(text[strings.LastIndexByte(text, ':')+1:]) == allow && len(headerWords(text)) > 0
}

// inSection applies to f what the headings around it, and its own words, say.
func (d *document) inSection(f finding, text string) finding {
	if saysDeny(wordsAround(text)) && len(f.entries) > 0 && d.section.verdict != deny {
		return leftOut(Problem, text, "words stand around the address, which may limit or deny it", "write the address on a line of its own")
	}
	for i := range f.entries {
		if f.entries[i].Cloud == "" {
			f.entries[i].Cloud = d.section.cloud
		}
	}
	return d.applyVerdict(f, d.section.verdict, "", text)
}

// wordsAround is a line without its addresses.
func wordsAround(text string) string {
	var b strings.Builder
	for _, w := range words(plainText(text)) {
		if !looksLikeAddress(w.text, true) {
			b.WriteString(w.text + " ")
		}
	}
	return b.String()
}

// markupOf says what a line is that is only markup; "" for any other line.
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
	if f := d.filler.read(anyTag().ReplaceAllString(text, "<br>"), context{}); !f.has() {
		return leftOut(Prose, text, "a row of an HTML table", "")
	}
	return leftOut(Problem, text, "a row of an HTML table", "copy the table from a browser, or save it as CSV")
}

// pair matches a line that has a name, a colon and a value.
var pair = lazy(`^[A-Za-z][A-Za-z0-9_ ./-]{0,40}[ \t]*:[ \t]+\S`)

// pairsAhead reads lines of names and values that begin with the next line, as PowerShell shows an object, if some of them say
// something about others. It reports whether it did.
func (d *document) pairsAhead() bool {
	if d.next >= d.noBlock && d.yamlBlock() {
		return true
	}
	if d.next < d.noPairs {
		return false
	}
	to := d.next
	var lines []string
	for ; to < len(d.lines); to++ {
		text := bare(d.shown[to])
		if !pair().MatchString(text) {
			break
		}
		lines = append(lines, text)
	}
	if len(lines) < 2 {
		d.noPairs = to
		return false
	}
	d.noPairs = to // lines that are not pairs from here on are not from their second line on
	root, err := parseYAML(strings.Join(lines, "\n"), d.next+1)
	if err != nil || root.kind != object || !root.structure(0) {
		return false
	}
	d.structured(d.next, to, root)
	return true
}

// yamlBlock reads the lines up to the next blank one, if they are YAML, and reports whether they were.
func (d *document) yamlBlock() bool {
	to := d.next
	for to < len(d.lines) && strings.TrimSpace(visible(d.shown[to])) != "" {
		to++
	}
	d.noBlock = to // no block begins within this one
	block := strings.Join(d.shown[d.next:to], "\n")
	if !yamlDest().MatchString(block) || !yamlWith().MatchString(block) || yamlOther().MatchString(block) {
		return false
	}
	root, err := parseYAML(block, d.next+1)
	switch {
	case err != nil:
		d.refuse(d.next, to, d.next+1, "YAML", err)
		return true
	case root.structure(0):
		d.structured(d.next, to, root)
		return true
	}
	return false
}

// notText says what kind of file text is, if it is not text; else "".
func notText(text string) string {
	for start, what := range map[string]string{
		"PK\x03\x04": "a workbook or another archive: save it as CSV", "%PDF-": "a PDF: copy the table out of it", "\x1f\x8b": "compressed with gzip",
		"\x1f\ufffd": "compressed with gzip", "\ufffd\ufffd\x11\ufffd": "a document of an old Office: save it as CSV", "{\\rtf": "rich text: save it as plain text",
	} {
		if strings.HasPrefix(text, start) {
			return what
		}
	}
	if strings.IndexByte(text, 0) >= 0 {
		return "it has zero bytes"
	}
	return ""
}
