package tables

import (
	"fmt"
	"strings"
)

// A node is a value of a structured document. JSON, YAML, Terraform, Bicep and XML become the same tree, so that one function
// decides what is a destination, and which port, protocol and action belong to it.
type node struct {
	key      string // its name in the object around it; empty in a list
	line     int    // from 1, in the document
	kind     nodeKind
	text     string  // of a scalar
	children []*node // of an object or a list

	refs  []string // the definitions that an expression refers to
	exact bool     // the expression is only one reference
	defs  bool     // its fields are definitions; see define
}

type nodeKind uint8

const (
	scalar nodeKind = iota
	list
	object
	unknown // an expression, which is not evaluated; text shows it
)

// maxNesting bounds the nesting of structured documents.
const maxNesting = 64

// A collector collects the findings of a structured document, by line.
type collector struct {
	d      *document
	found  map[int]*finding
	denied map[string]bool  // names among the destinations of deny rules
	defs   map[string]*node // definitions
	uses   map[string][]use // of the definitions
}

func (h *collector) add(line int, f finding) {
	if h.found[line] == nil {
		h.found[line] = &finding{}
	}
	h.found[line].add(f)
}

// tree reads n and the nodes below it. in is what the objects around it say.
func (h *collector) tree(n *node, in clause) {
	switch {
	case n.kind == object && n.defs:
		return // read where they are used
	case n.kind == object:
		here := in
		h.attributes(n, &here)
		for _, child := range n.children {
			h.field(child, here)
		}
	case n.kind == list && n.isTable():
		h.table(n, in)
	case n.kind == list:
		for _, child := range n.children {
			if child.key == "" {
				child.key = n.key
			}
			h.field(child, in)
		}
	default:
		h.field(n, in)
	}
}

// field reads a field of an object, or an element of a list with the list's name.
func (h *collector) field(n *node, c clause) {
	switch v := verdictOfName(n.key); {
	case v == deny:
		c.verdict = c.verdict.and(deny)
	case strings.Contains(plainKey(n.key), "inbound"), strings.Contains(plainKey(n.key), "ingress"):
		c.inbound = true
	}
	r := roleOf(n.key)
	if looksLikeAddress(n.key, true) && !strings.ContainsAny(n.key, "/ ") {
		h.add(n.line, leftOut(Problem, n.key, "a name stands where the name of a field belongs", "write it as the value of a field such as endpoint"))
	}
	switch {
	case r == unrelated:
		h.mentions(n, r)
		return
	case h.use(n, r, c): // read where it is defined
		return
	}
	switch {
	case n.kind == object || n.kind == list && r != dest && r != network || n.kind == list && n.isTable():
		if r == ports || r == protos || r == action {
			return // read as attributes
		}
		h.tree(n, c)
	case n.kind == list:
		for _, child := range n.children {
			if child.key == "" || child.kind == scalar {
				child.key = n.key
			}
			h.field(child, c)
		}
	case n.kind == unknown:
		if r == dest || r == network {
			h.add(n.line, leftOut(Problem, n.text, n.key+" is an expression, which is not evaluated", "write the names"))
		} else if r != ports && r != protos && r != action && r != switchRole {
			h.mention(n, r)
		}
	case isVerdict(n):
	case r == dest || r == network || r == noRole && c.verdict == deny && verdictOfName(n.key) == deny:
		h.destination(n, r, c)
	case r == ports || r == protos || r == action || r == switchRole:
	default:
		h.mention(n, r)
	}
}

// isVerdict reports whether a field only allows or denies: allow: false.
func isVerdict(n *node) bool {
	_, ok := truth(n.text)
	return ok && (isAllowKey(n.key) || verdictOfName(n.key) == deny)
}

// isTable reports whether a list has rows: lists of cells, of which some are not addresses.
func (n *node) isTable() bool {
	other := false
	for _, row := range n.children {
		if row.kind != list {
			return false
		}
		for _, cell := range row.children {
			if cell.kind != scalar {
				return false
			}
			other = other || !looksLikeAddress(cell.text, true)
		}
	}
	return other
}

// table reads a list of rows.
func (h *collector) table(n *node, c clause) {
	var l layout
	for i, row := range n.children {
		cells := make([]string, len(row.children))
		for j, cell := range row.children {
			cells[j] = cell.text
		}
		if i == 0 && isHeader(cells) {
			l = layoutOf(cells)
			continue
		}
		f := h.d.rowUnder(c.verdict, cells, l)
		if c.inbound && f.has() {
			f = leftOut(NoRule, rowText(cells), "an inbound connection, which a forward proxy has no part in", "")
		}
		h.add(row.line, f)
	}
}

// destination makes entries of a destination and applies c.
func (h *collector) destination(n *node, r role, c clause) {
	text := strings.TrimSpace(n.text)
	switch {
	case text == "":
		return
	case strings.HasPrefix(text, "[") && strings.Contains(text, "(") || strings.Contains(text, "${") || strings.Contains(text, "{{"):
		h.add(n.line, leftOut(Problem, text, n.key+" is an expression, which is not evaluated", "write the names"))
		return
	case text == "*":
		h.add(n.line, leftOut(Problem, text, `"*" would allow every host`, ""))
		return
	case c.inbound:
		h.add(n.line, leftOut(NoRule, text, "an inbound connection, which a forward proxy has no part in", ""))
		return
	}
	if c.lookup {
		h.add(n.line, leftOut(NoRule, text, "no protocol is named: only the name is looked up", ""))
		return
	}
	if r == network && !looksLikeAddress(text, true) {
		h.add(n.line, leftOut(NoRule, text, "it names no host", ""))
		return
	}
	f := h.d.filler.read(text, context{column: true, list: c.list, cloud: c.cloud})
	switch {
	case !f.has():
		f = leftOut(NoRule, text, "it names no host", "")
	case c.err != nil:
		f = leftOut(Problem, text, "ports: "+c.err.Error(), "")
	case plainKey(n.key) == "matchpattern" && strings.Contains(text, "*") && len(f.entries) > 0:
		f.notes = append(f.notes, "a star stands for one label in Cilium, and for any number of them here")
	}
	h.add(n.line, h.d.applyVerdict(f, c.verdict, c.why, text))
}

// quotedText matches a text within an expression.
var quotedText = lazy(`"[^"\n]*"|'[^'\n]*'`)

// mentions reports the addresses in and below a field that is not of destinations.
func (h *collector) mentions(n *node, r role) {
	if len(n.children) == 0 {
		h.mention(n, r)
	}
	for _, child := range n.children {
		if child.key == "" {
			child.key = n.key
		}
		h.mentions(child, r)
	}
}

// mention reports an address in a field that is not of destinations.
func (h *collector) mention(n *node, r role) {
	text := n.text
	if n.kind == unknown { // names of variables look like names of hosts
		text = strings.Join(quotedText().FindAllString(text, -1), " ")
	}
	for _, w := range words(plainText(text)) {
		if !looksLikeAddress(w.text, true) || len(w.text) > maxWord {
			continue
		}
		switch {
		case r == remark || r == unrelated:
			h.add(n.line, leftOut(Prose, n.text, fmt.Sprintf("names %s in %q, which is no field of destinations", w.text, n.key),
				"to make it a rule, write it on a line of its own"))
		case n.kind == unknown:
			h.add(n.line, leftOut(Problem, Shown(n.text), fmt.Sprintf("%q is an expression, which is not evaluated", n.key), "write the names"))
		default:
			h.add(n.line, leftOut(Problem, n.text, fmt.Sprintf("the field %q is not known", n.key), "if it names destinations, call it endpoints, or write them on lines of their own"))
		}
		return
	}
}

// structured adds the lines [from, to) to the report, with the findings of root, which they are parsed to.
func (d *document) structured(from, to int, root *node) {
	h := collector{d: d, found: map[int]*finding{}, defs: map[string]*node{}, uses: map[string][]use{}}
	if root.kind == list && root.key == "" {
		root.key = "endpoints" // a list of names and nothing else
	}
	top := clause{verdict: d.section.verdict, cloud: d.section.cloud}
	h.define(root, 0)
	denied := map[string]bool{}
	h.deniedNames(root, top.verdict, denied)
	h.denied = denied
	h.tree(root, top)
	h.definitions(top)
	d.addLines(from, to, "structure of the document", h.found)
}

// addLines adds the lines [from, to) to the report, with the findings of each.
func (d *document) addLines(from, to int, otherwise string, found map[int]*finding) {
	within := ""
	if to-from > 1 {
		within = strings.Join(d.lines[from:to], "\n")
	}
	for i := from; i < to; i++ {
		if strings.TrimSpace(visible(d.lines[i])) == "" && found[i+1] == nil {
			continue
		}
		f := leftOut(Prose, strings.TrimSpace(d.lines[i]), otherwise, "")
		if g := found[i+1]; g != nil {
			f = *g
		}
		d.addLine(i+1, d.lines[i], f)
		d.report.Lines[len(d.report.Lines)-1].Within = within
	}
	d.next = to
}

// refuse reports that the lines [from, to) are of a form that does not parse; the error is about line at. Nothing in them becomes an
// entry, because allow and deny could not be distinguished.
func (d *document) refuse(from, to, at int, form string, err error) {
	at = min(max(at, from+1), to)
	d.addLines(from, to, "part of what could not be read", map[int]*finding{at: {left: []Left{{Kind: Problem, Text: strings.TrimSpace(d.lines[at-1]),
		Why: fmt.Sprintf("not %s: %v", form, err), Hint: "nothing of it was read"}}}})
}
