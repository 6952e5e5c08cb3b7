package tables

import (
	"fmt"
	"slices"
	"strings"
)

// A use is a place where a definition is named: a variable, a parameter, a local value.
type use struct {
	line   int
	key    string // of the field
	exact  bool   // the field is the definition and nothing else, and has destinations
	clause clause
}

// maxUses bounds how often one definition is read. One with more uses that differ is told and not read.
const maxUses = 16

// armRef matches what an expression of an ARM template names.
var armRef = lazy(`(?i)\b(variables|parameters)\('([^'()]+)'\)`)

// define collects the definitions at and below n. Their destinations are what those who use them say.
func (h *harvest) define(n *node, depth int) {
	if depth > maxNesting {
		return
	}
	if n.kind == object && isTemplate(n) {
		for _, kid := range n.kids {
			if key := plainKey(kid.key); kid.kind == object && (key == "variables" || key == "parameters") {
				kid.defs = true
			}
		}
	}
	if n.kind == object && n.defs {
		for _, kid := range n.kids {
			h.definition(n, kid)
		}
	}
	if n.kind == scalar && strings.HasPrefix(strings.TrimSpace(n.text), "[") {
		for _, m := range armRef().FindAllStringSubmatch(n.text, -1) {
			n.refs = append(n.refs, strings.ToLower(m[1]+"."+m[2]))
			n.exact = m[0] == strings.TrimSpace(strings.Trim(strings.TrimSpace(n.text), "[]"))
		}
	}
	for _, kid := range n.kids {
		h.define(kid, depth+1)
	}
}

// isTemplate reports whether n is a template of Azure Resource Manager, or the parameters of one.
func isTemplate(n *node) bool {
	for _, kid := range n.kids {
		switch key := plainKey(kid.key); {
		case key == "schema" && strings.Contains(kid.text, "deployment"), key == "resources" && kid.kind != scalar:
			return true
		}
	}
	return false
}

// definition notes that kid, a field of around, is one.
func (h *harvest) definition(around, kid *node) {
	name, value := "", kid
	switch plainKey(around.key) {
	case "variables":
		name = "variables." + strings.ToLower(kid.key)
	case "parameters":
		if kid.kind != object {
			return
		}
		name, value = "parameters."+strings.ToLower(kid.key), nil
		for _, field := range kid.kids {
			if key := plainKey(field.key); key == "defaultvalue" || key == "value" {
				value = field
				value.key = kid.key
			}
		}
	case "locals":
		name = "local." + kid.key
	case "variable": // around.text is its name
		if kid.key != "default" {
			return
		}
		name, kid.key = "var."+around.text, around.text
	default: // Bicep
		name = kid.key
	}
	if value == nil {
		return
	}
	if h.defs[name] != nil { // which of them is meant?
		h.uses[name] = append(h.uses[name], use{line: kid.line})
		name = fmt.Sprintf("%s, line %d", name, kid.line)
		h.uses[name] = append(h.uses[name], use{line: kid.line})
	}
	h.defs[name] = value
}

// use notes that n names definitions, and reports whether it is one and nothing else.
func (h *harvest) use(n *node, r role, c clause) bool {
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

// definitions reads what is defined: as those say that use it, or by its name if nobody does.
func (h *harvest) definitions(top clause) {
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

// usesWithin notes the definitions that another one names.
func (h *harvest) usesWithin(n *node, depth int) {
	if depth > maxNesting {
		return
	}
	for _, ref := range n.refs {
		if h.defs[ref] != nil && h.defs[ref] != n {
			h.uses[ref] = append(h.uses[ref], use{line: n.line})
		}
	}
	for _, kid := range n.kids {
		h.usesWithin(kid, depth+1)
	}
}

// different returns the uses that say different things.
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

// undecided tells of the addresses of a definition.
func (h *harvest) undecided(n *node, why string) {
	for _, kid := range n.kids {
		h.undecided(kid, why)
	}
	if n.kind != scalar && n.kind != unknown {
		return
	}
	for _, w := range words(plainText(n.text)) {
		if len(w.text) <= maxWord && looks(w.text, true) {
			h.add(n.line, leave(Problem, Shown(n.text), why, "write the names where they are used"))
			return
		}
	}
}

// deniedNames adds to names what rules that deny have in place of addresses: the objects of a firewall, which are defined elsewhere
// in the document.
func (h *harvest) deniedNames(n *node, v verdict, names map[string]bool) {
	if verdictOfName(n.key) == deny {
		v = v.and(deny)
	}
	switch n.kind {
	case object:
		c := clause{verdict: v}
		h.attributes(n, &c)
		for _, kid := range n.kids {
			h.deniedNames(kid, c.verdict, names)
		}
	case list:
		for _, kid := range n.kids {
			h.deniedNames(kid, v, names)
		}
	case scalar:
		if v != deny && v != unclear {
			return
		}
		switch roleOf(n.key) {
		case noRole, dest, network:
			if _, ok := truth(n.text); !ok && n.text != "" && !strings.EqualFold(n.text, "any") && !strings.EqualFold(n.text, "all") && !looks(n.text, true) {
				names[n.text] = true
			}
		}
	}
}
