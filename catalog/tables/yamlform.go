package tables

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	// yamlDest matches YAML lines with destinations, yamlWith those with attributes of destinations.
	yamlDest = lazy(`(?mi)^[ \t]*(?:-[ \t]+)?"?(?:url|urls|endpoint|endpoints|fqdn|fqdns|host|hosts|hostname|domain|domains|allowed_domains|matchName|matchPattern|dnsName)"?[ \t]*:`)
	yamlWith = lazy(`(?mi)^[ \t]*(?:-[ \t]+)?"?(?:port|ports|protocol|protocols|action|access|direction|enabled|policy|effect|verdict|allow|allowed|deny|denied|block|blocked)"?[ \t]*:`)
	// yamlOther matches a line that YAML mappings do not have.
	yamlOther = lazy(`(?m)^[ \t]*[^\s#"'\w{-][^\n]*$|^[ \t]*\{[^{\n][^\n]*$|^[ \t]*\w[^\n:]*$|^[ \t]*-[^ \n-][^\n]*$`)
	// yamlMark matches what only YAML begins with.
	yamlMark = lazy(`(?m)\A(?:[ \t]*(?:#[^\n]*)?\r?\n)*(?:%YAML|---[ \t]*(?:#[^\n]*)?\r?\n[ \t]*(?:#[^\n]*\r?\n[ \t]*)*(?:-[ \t]+)?["\w./-]+[ \t]*:|apiVersion[ \t]*:)`)
	// bareStar matches an unquoted name with a star before it, which YAML takes for an alias.
	bareStar = lazy(`(?m)^([ \t]*(?:-[ \t]+|[\w.-]+:[ \t]+)(?:-[ \t]+)?)(\*\.[^\s#'",\[\]{}]+)([ \t]*(?:#[^\n]*)?\r?)$`)
)

// yaml reads the lines [from, to) as YAML, and reports whether they are YAML: mappings that belong together, not lines that happen
// to have colons.
func (d *document) yaml(from, to int, text string) bool {
	if from == 0 && to == len(d.lines) && d.hasFrontMatter() {
		return false
	}
	marked := yamlMark().MatchString(text)
	sure := marked || yamlDest().MatchString(text) && yamlWith().MatchString(text) && !yamlOther().MatchString(text)
	if !sure && !strings.Contains(text, ":") || beginsJSON(strings.TrimSpace(visible(text[:min(len(text), 4096)]))) {
		return false
	}
	root, err := parseYAML(text, from+1)
	switch {
	case err == nil && (root.kind == object || root.kind == list) && root.structure(0):
		d.structured(from, to, root)
		return true
	case err != nil && sure:
		d.refuse(from, to, from+1, "YAML", err)
		return true
	}
	return false
}

// structure reports whether n is more than labels with names after them: it has objects in objects, or a field that says something
// about the destinations beside it.
func (n *node) structure(depth int) bool {
	switch n.kind {
	case list:
		for _, child := range n.children {
			if child.kind == object || child.structure(depth) {
				return true
			}
		}
	case object:
		if depth > 0 {
			return true
		}
		dests, others := false, false
		for _, child := range n.children {
			switch r := roleOf(child.key); {
			case r == dest:
				dests = true
			case r == ports, r == protos, r == action, r == direction, r == switchRole, verdictOfName(child.key) != unsaid, child.deniesAlone():
				others = true
			}
			if child.kind != scalar && child.structure(depth+1) {
				return true
			}
		}
		return dests && others
	}
	return false
}

// parseYAML reads YAML documents. Aliases are expanded.
func parseYAML(text string, line int) (*node, error) {
	text = bareStar().ReplaceAllString(text, `${1}"${2}"${3}`)
	dec := yaml.NewDecoder(strings.NewReader(text))
	p := yamlParser{before: line - 1, budget: len(text) + 100, open: map[*yaml.Node]bool{}}
	var all []*node
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		for _, content := range doc.Content {
			n, err := p.node(content, "", 0)
			if err != nil {
				return nil, err
			}
			all = append(all, n)
		}
	}
	switch len(all) {
	case 0:
		return nil, errors.New("it is empty")
	case 1:
		return all[0], nil
	}
	return &node{line: line, kind: list, children: all}, nil
}

type yamlParser struct {
	before int // lines before the text
	budget int // nodes that may still be made: a text has at most one for each byte, unless aliases multiply them
	open   map[*yaml.Node]bool
}

func (p *yamlParser) node(y *yaml.Node, key string, depth int) (*node, error) {
	n := &node{key: key, line: y.Line + p.before}
	if p.budget--; p.budget < 0 {
		return nil, errors.New("its aliases expand to too much")
	}
	if depth > maxNesting {
		return nil, fmt.Errorf("nested more than %d levels deep", maxNesting)
	}
	switch y.Kind {
	case yaml.MappingNode:
		return p.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.kind = list
		for _, item := range y.Content {
			child, err := p.node(item, "", depth+1)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, child)
		}
		oneOfPairs(n)
	case yaml.ScalarNode:
		p.scalar(n, y)
	case yaml.AliasNode:
		if y.Alias == nil || p.open[y.Alias] {
			return nil, fmt.Errorf("line %d: an alias refers to itself", n.line)
		}
		p.open[y.Alias] = true
		defer delete(p.open, y.Alias)
		return p.node(y.Alias, key, depth+1)
	default:
		return nil, fmt.Errorf("line %d: it is neither a mapping nor a list nor a text", n.line)
	}
	return n, nil
}

// scalar reads a string. A string of several lines becomes a list.
func (p *yamlParser) scalar(n *node, y *yaml.Node) {
	switch tag := y.ShortTag(); {
	case !strings.HasPrefix(tag, "!!") || tag == "!!binary":
		n.kind, n.text = unknown, y.Tag+" "+y.Value
	case strings.Contains(strings.TrimRight(y.Value, "\n"), "\n"):
		n.kind = list
		line := n.line
		if y.Style&yaml.LiteralStyle != 0 {
			line++ // the text begins on the line after the "|"
		}
		for i, text := range strings.Split(y.Value, "\n") {
			if y.Style&yaml.LiteralStyle == 0 {
				i = 0 // its line is not known
			}
			if strings.TrimSpace(text) != "" {
				n.children = append(n.children, &node{line: line + i, text: text})
			}
		}
	default:
		n.text = strings.TrimRight(y.Value, "\n")
		if y.Style&yaml.LiteralStyle != 0 {
			n.line++
		}
	}
}

// mapping reads a mapping with what "<<" merges into it. If its first field occurs again, it becomes several objects, as in blocks of
// pairs with blank lines between them.
func (p *yamlParser) mapping(n *node, y *yaml.Node, depth int) (*node, error) {
	if isSet(y) {
		n.kind = list
		for i := 0; i < len(y.Content); i += 2 {
			n.children = append(n.children, &node{line: y.Content[i].Line + p.before, text: y.Content[i].Value})
		}
		return n, nil
	}
	n.kind = object
	var objects []*node
	have := map[string]bool{}
	var merged []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		if k == nil || k.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: what stands before a colon is not a name", y.Content[i].Line+p.before)
		}
		child, err := p.node(v, k.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if k.Tag == "!!merge" {
			merged = append(merged, child)
			continue
		}
		if child.key = k.Value; looksLikeAddress(k.Value, true) {
			child.line = k.Line + p.before
		}
		if len(n.children) > 0 && k.Value == n.children[0].key {
			objects = append(objects, n)
			n = &node{key: n.key, line: k.Line + p.before, kind: object}
			have = map[string]bool{}
		}
		have[k.Value] = true
		n.children = append(n.children, child)
	}
	for _, m := range merged {
		from := []*node{m}
		if m.kind == list {
			from = m.children
		}
		for _, o := range from {
			for _, child := range o.children {
				if !have[child.key] {
					have[child.key] = true
					n.children = append(n.children, child)
				}
			}
		}
	}
	return split(append(objects, n), len(merged) == 0), nil
}

// oneOfPairs makes an object of a list whose elements have one field each, and not all the same one: bullets before the fields of
// one object.
func oneOfPairs(n *node) {
	differ := false
	for _, child := range n.children {
		if child.kind != object || len(child.children) != 1 || child.children[0].kind != scalar {
			return
		}
		differ = differ || child.children[0].key != n.children[0].children[0].key
	}
	if !differ {
		return
	}
	n.kind = object
	for i, child := range n.children {
		n.children[i] = child.children[0]
	}
}

// isSet reports whether a mapping has only names in braces: {a.example.com, b.example.com}, as PowerShell shows lists.
func isSet(y *yaml.Node) bool {
	for i, item := range y.Content {
		if item.Kind != yaml.ScalarNode || i%2 == 1 && (item.Tag != "!!null" || item.Value != "") {
			return false
		}
	}
	return y.Style&yaml.FlowStyle != 0 && len(y.Content) > 0
}

// split returns objects as the elements of a list if they have the same fields; else one object with all fields, since a field might
// be meant for another object.
func split(objects []*node, alike bool) *node {
	first := objects[0]
	if len(objects) == 1 {
		return first
	}
	fields := map[string]bool{}
	for _, child := range first.children {
		fields[child.key] = true
	}
	for _, o := range objects[1:] {
		alike = alike && len(o.children) == len(first.children)
		for _, child := range o.children {
			alike = alike && fields[child.key]
		}
	}
	if !alike {
		for _, o := range objects[1:] {
			first.children = append(first.children, o.children...)
		}
		return first
	}
	all := &node{key: first.key, line: first.line, kind: list, children: objects}
	for _, o := range objects {
		o.key = ""
	}
	return all
}

// hasFrontMatter reports whether the document begins with YAML and continues with something else, like a Markdown page.
func (d *document) hasFrontMatter() bool {
	const most = 100 // lines
	ends := 0
	for i, line := range d.lines[:min(len(d.lines), most)] {
		if strings.TrimSpace(visible(line)) != "---" {
			if ends == 0 && strings.TrimSpace(visible(line)) != "" {
				return false
			}
			continue
		}
		if ends++; ends == 2 {
			rest, err := parseYAML(strings.Join(d.lines[i+1:], "\n"), 1)
			return err != nil || rest.kind == scalar || rest.kind == list && !rest.structure(0)
		}
	}
	return false
}
