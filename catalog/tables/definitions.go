package tables

import (
	"fmt"
	"slices"
	"strings"
)

// A use is a reference to a definition: a variable, a parameter, a local value.
type use struct {
	line   int
	key    string // of the field
	exact  bool   // the field has destinations, and its value is only the reference
	clause clause
}

// maxUses bounds how often one definition is read. A definition with more different uses is reported, and not read.
const maxUses = 16

// armRef matches a reference in an expression of an ARM template.
var armRef = lazy(`(?i)\b(variables|parameters)\('([^'()]+)'\)`)

// define collects the definitions at and below n. Their uses decide what their values are for.
func (h *collector) define(n *node, depth int) {
	if depth > maxNesting {
		return
	}
	if n.kind == object && isTemplate(n) {
		for _, child := range n.children {
			if key := plainKey(child.key); child.kind == object && (key == "variables" || key == "parameters") {
				child.defs = true
			}
		}
	}
	if n.kind == object && n.defs {
		for _, child := range n.children {
			h.definition(n, child)
		}
	}
	if n.kind == scalar && strings.HasPrefix(strings.TrimSpace(n.text), "[") {
		for _, m := range armRef().FindAllStringSubmatch(n.text, -1) {
			n.refs = append(n.refs, strings.ToLower(m[1]+"."+m[2]))
			n.exact = m[0] == strings.TrimSpace(strings.Trim(strings.TrimSpace(n.text), "[]"))
		}
	}
	for _, child := range n.children {
		h.define(child, depth+1)
	}
}

// isTemplate reports whether n is a template of Azure Resource Manager, or the parameters of one.
func isTemplate(n *node) bool {
	for _, child := range n.children {
		switch key := plainKey(child.key); {
		case key == "schema" && strings.Contains(child.text, "deployment"), key == "resources" && child.kind != scalar:
			return true
		}
	}
	return false
}

// definition adds child, a field of around, to the definitions.
func (h *collector) definition(around, child *node) {
	name, value := "", child
	switch plainKey(around.key) {
	case "variables":
		name = "variables." + strings.ToLower(child.key)
	case "parameters":
		if child.kind != object {
			return
		}
		name, value = "parameters."+strings.ToLower(child.key), nil
		for _, field := range child.children {
			if key := plainKey(field.key); key == "defaultvalue" || key == "value" {
				value = field
				value.key = child.key
			}
		}
	case "locals":
		name = "local." + child.key
	case "variable": // around.text is its name
		if child.key != "default" {
			return
		}
		name, child.key = "var."+around.text, around.text
	default: // Bicep
		name = child.key
	}
	if value == nil {
		return
	}
	if h.defs[name] != nil { // a name with two definitions: it is not known which is meant
		h.uses[name] = append(h.uses[name], use{line: child.line})
		name = fmt.Sprintf("%s, line %d", name, child.line)
		h.uses[name] = append(h.uses[name], use{line: child.line})
	}
	h.defs[name] = value
}

// use adds n to the uses of the definitions that it refers to, and reports whether its value is only such a reference.
func (h *collector) use(n *node, r role, c clause) bool {
	for _, ref := range n.refs {
		if h.defs[ref] != nil {
			exact := n.exact && (r == dest || r == network)
			h.uses[ref] = append(h.uses[ref], use{n.line, n.key, exact, c})
			if exact {
				return true
			}
		}
	}
	return false
}

// definitions reads the values of the definitions: as their uses say, or by their name if they are not used.
func (h *collector) definitions(top clause) {
	names := make([]string, 0, len(h.defs))
	for name := range h.defs {
		names = append(names, name)
		h.usesWithin(h.defs[name], 0)
	}
	slices.SortFunc(names, func(a, b string) int {
		if n := h.defs[a].line - h.defs[b].line; n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		def := h.defs[name]
		uses := different(h.uses[name])
		switch {
		case len(uses) == 0:
			h.field(def, top)
		case len(uses) > maxUses || slices.ContainsFunc(uses, func(u use) bool { return !u.exact }):
			i := max(slices.IndexFunc(uses, func(u use) bool { return !u.exact }), 0)
			h.undecided(def, fmt.Sprintf("what uses it, on line %d, is not evaluated", uses[i].line))
		default:
			for _, u := range uses {
				def.key = u.key
				h.field(def, u.clause)
			}
		}
	}
}

// usesWithin adds the references in one definition to the uses of others.
func (h *collector) usesWithin(n *node, depth int) {
	if depth > maxNesting {
		return
	}
	for _, ref := range n.refs {
		if h.defs[ref] != nil && h.defs[ref] != n {
			h.uses[ref] = append(h.uses[ref], use{line: n.line})
		}
	}
	for _, child := range n.children {
		h.usesWithin(child, depth+1)
	}
}

// different returns the uses without repetitions.
func different(uses []use) []use {
	var all []use
	seen := map[string]bool{}
	for _, u := range uses {
		said := fmt.Sprint(u.exact, u.key, u.clause)
		if !seen[said] {
			seen[said] = true
			all = append(all, u)
		}
	}
	return all
}

// undecided reports the addresses of a definition as problems.
func (h *collector) undecided(n *node, why string) {
	for _, child := range n.children {
		h.undecided(child, why)
	}
	if n.kind != scalar && n.kind != unknown {
		return
	}
	for _, w := range words(plainText(n.text)) {
		if len(w.text) <= maxWord && looksLikeAddress(w.text, true) {
			h.add(n.line, leftOut(Problem, Shown(n.text), why, "write the names where they are used"))
			return
		}
	}
}

// deniedNames adds to names the names in deny rules that are not addresses: objects of a firewall, which are defined elsewhere in
// the document.
func (h *collector) deniedNames(n *node, v verdict, names map[string]bool) {
	if verdictOfName(n.key) == deny {
		v = v.and(deny)
	}
	switch n.kind {
	case object:
		c := clause{verdict: v}
		h.attributes(n, &c)
		for _, child := range n.children {
			h.deniedNames(child, c.verdict, names)
		}
	case list:
		for _, child := range n.children {
			h.deniedNames(child, v, names)
		}
	case scalar:
		if v != deny && v != unclear {
			return
		}
		switch roleOf(n.key) {
		case noRole, dest, network:
			if _, ok := truth(n.text); !ok && n.text != "" && !strings.EqualFold(n.text, "any") && !strings.EqualFold(n.text, "all") && !looksLikeAddress(n.text, true) {
				names[n.text] = true
			}
		}
	}
}
