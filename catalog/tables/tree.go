package tables

import (
	"fmt"
	"strings"
)

// A node is a value of a structured document: JSON, YAML, Terraform, Bicep and XML become the same tree, so that one
// reader decides what is a destination, and which port, protocol and action belong to it.
type node struct {
	key  string // its name in the object around it; empty in a list
	line int    // from 1, in the document
	kind nodeKind
	text string  // of a scalar
	kids []*node // of an object or a list

	refs  []string // the definitions that an expression names
	exact bool     // the expression is the first of refs and nothing else
	defs  bool     // its fields are definitions, by the names in refs: what uses them says what they are for
}

type nodeKind uint8

const (
	scalar nodeKind = iota
	list
	object
	unknown // an expression, which is not evaluated; text shows it
)

// maxNesting bounds how deep structured documents may nest.
const maxNesting = 64

// A harvest collects what a structured document came to, by line.
type harvest struct {
	d      *document
	found  map[int]*finding
	denied map[string]bool  // the names that rules which deny have among their destinations
	defs   map[string]*node // definitions
	uses   map[string][]use // of the definitions
}

func (h *harvest) add(line int, f finding) {
	if h.found[line] == nil {
		h.found[line] = &finding{}
	}
	h.found[line].add(f)
}

// tree reads n and what is below it. in is what the objects around it say.
func (h *harvest) tree(n *node, in clause) {
	switch {
	case n.kind == object && n.defs:
		return // read where they are used
	case n.kind == object:
		here := in
		h.attributes(n, &here)
		for _, kid := range n.kids {
			h.field(kid, here)
		}
	case n.kind == list && n.isTable():
		h.table(n, in)
	case n.kind == list:
		for _, kid := range n.kids {
			if kid.key == "" {
				kid.key = n.key
			}
			h.field(kid, in)
		}
	default:
		h.field(n, in)
	}
}

// field reads a field of an object, or an element of a list with the list's name.
func (h *harvest) field(n *node, c clause) {
	switch v := verdictOfName(n.key); {
	case v == deny:
		c.verdict = c.verdict.and(deny)
	case strings.Contains(plainKey(n.key), "inbound"), strings.Contains(plainKey(n.key), "ingress"):
		c.inbound = true
	}
	r := roleOf(n.key)
	if looks(n.key, true) && !strings.ContainsAny(n.key, "/ ") {
		h.add(n.line, leave(Problem, n.key, "a name stands where the name of a field belongs", "write it as the value of a field such as endpoint"))
	}
	switch {
	case r == outside:
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
		for _, kid := range n.kids {
			if kid.key == "" || kid.kind == scalar {
				kid.key = n.key
			}
			h.field(kid, c)
		}
	case n.kind == unknown:
		if r == dest || r == network {
			h.add(n.line, leave(Problem, n.text, n.key+" is an expression, which is not evaluated", "write the names"))
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

// isVerdict reports whether a field says yes or no and nothing else: allow: false.
func isVerdict(n *node) bool {
	_, ok := truth(n.text)
	return ok && (isAllowKey(n.key) || verdictOfName(n.key) == deny)
}

// isTable reports whether a list has rows: lists of cells, of which some are no addresses.
func (n *node) isTable() bool {
	other := false
	for _, row := range n.kids {
		if row.kind != list {
			return false
		}
		for _, cell := range row.kids {
			if cell.kind != scalar {
				return false
			}
			other = other || !looks(cell.text, true)
		}
	}
	return other
}

// table reads a list of rows.
func (h *harvest) table(n *node, c clause) {
	var l layout
	for i, row := range n.kids {
		cells := make([]string, len(row.kids))
		for j, cell := range row.kids {
			cells[j] = cell.text
		}
		if i == 0 && isHeader(cells) {
			l = layoutOf(cells)
			continue
		}
		f := h.d.rowUnder(c.verdict, cells, l)
		if c.inbound && f.has() {
			f = leave(NoRule, rowText(cells), "an inbound connection, which a forward proxy has no part in", "")
		}
		h.add(row.line, f)
	}
}

// destination makes entries of a destination, as c says.
func (h *harvest) destination(n *node, r role, c clause) {
	text := strings.TrimSpace(n.text)
	switch {
	case text == "":
		return
	case strings.HasPrefix(text, "[") && strings.Contains(text, "(") || strings.Contains(text, "${") || strings.Contains(text, "{{"):
		h.add(n.line, leave(Problem, text, n.key+" is an expression, which is not evaluated", "write the names"))
		return
	case text == "*":
		h.add(n.line, leave(Problem, text, `"*" would allow every host`, ""))
		return
	case c.inbound:
		h.add(n.line, leave(NoRule, text, "an inbound connection, which a forward proxy has no part in", ""))
		return
	}
	if c.lookup {
		h.add(n.line, leave(NoRule, text, "no protocol is named: only the name is looked up", ""))
		return
	}
	if r == network && !looks(text, true) {
		h.add(n.line, leave(NoRule, text, "it names no host", ""))
		return
	}
	f := h.d.filling.read(text, context{column: true, list: c.list, cloud: c.cloud})
	switch {
	case !f.has():
		f = leave(NoRule, text, "it names no host", "")
	case c.err != nil:
		f = leave(Problem, text, "ports: "+c.err.Error(), "")
	case plainKey(n.key) == "matchpattern" && strings.Contains(text, "*") && len(f.entries) > 0:
		f.notes = append(f.notes, "a star stands for one label in Cilium, and for any number of them here")
	}
	h.add(n.line, h.d.evaluate(f, c.verdict, c.why, text))
}

// quotedText matches a text within an expression.
var quotedText = lazy(`"[^"\n]*"|'[^'\n]*'`)

// mentions tells of the addresses in and below a field that has none to allow.
func (h *harvest) mentions(n *node, r role) {
	if len(n.kids) == 0 {
		h.mention(n, r)
	}
	for _, kid := range n.kids {
		if kid.key == "" {
			kid.key = n.key
		}
		h.mentions(kid, r)
	}
}

// mention tells of an address in a field that has none to allow.
func (h *harvest) mention(n *node, r role) {
	text := n.text
	if n.kind == unknown { // names of variables look like names of hosts
		text = strings.Join(quotedText().FindAllString(text, -1), " ")
	}
	for _, w := range words(plainText(text)) {
		if !looks(w.text, true) || len(w.text) > maxWord {
			continue
		}
		switch {
		case r == aside || r == outside:
			h.add(n.line, leave(Prose, n.text, fmt.Sprintf("names %s in %q, which is no field of destinations", w.text, n.key),
				"to make it a rule, write it on a line of its own"))
		case n.kind == unknown:
			h.add(n.line, leave(Problem, Shown(n.text), fmt.Sprintf("%q is an expression, which is not evaluated", n.key), "write the names"))
		default:
			h.add(n.line, leave(Problem, n.text, fmt.Sprintf("the field %q is not known", n.key), "if it names destinations, call it endpoints, or write them on lines of their own"))
		}
		return
	}
}

// structured puts lines from of the document into the report, with what root comes to.
func (d *document) structured(from, to int, root *node) {
	h := harvest{d: d, found: map[int]*finding{}, defs: map[string]*node{}, uses: map[string][]use{}}
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
	d.lay(from, to, "structure of the document", h.found)
}

// lay puts the lines [from, to) into the report, with what was found on each.
func (d *document) lay(from, to int, otherwise string, found map[int]*finding) {
	within := ""
	if to-from > 1 {
		within = strings.Join(d.lines[from:to], "\n")
	}
	for i := from; i < to; i++ {
		if strings.TrimSpace(visible(d.lines[i])) == "" && found[i+1] == nil {
			continue
		}
		f := leave(Prose, strings.TrimSpace(d.lines[i]), otherwise, "")
		if g := found[i+1]; g != nil {
			f = *g
		}
		d.account(i+1, d.lines[i], f)
		d.report.Lines[len(d.report.Lines)-1].Within = within
	}
	d.next = to
}

// refuse tells that the lines [from, to) have a form that could not be read: line at is where, if it is known. Nothing
// in them becomes an entry, because what allows and what denies could not be told apart.
func (d *document) refuse(from, to, at int, form string, err error) {
	at = min(max(at, from+1), to)
	d.lay(from, to, "part of what could not be read", map[int]*finding{at: {left: []Left{{Kind: Problem, Text: strings.TrimSpace(d.lines[at-1]),
		Why: fmt.Sprintf("not %s: %v", form, err), Hint: "nothing of it was read"}}}})
}
