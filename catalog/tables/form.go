package tables

import "strings"

// form reads the lines [from, to) if all of them are of one structured form, and reports whether they are. Lines that are clearly
// of a form and do not parse are refused as a whole.
func (d *document) form(from, to int) bool {
	text := strings.Join(d.lines[from:to], "\n")
	head := strings.TrimSpace(visible(text[:min(len(text), 4096)]))
	if head == "" {
		return false
	}
	blank := 0 // lines before the first that is not
	for blank < to-from && strings.TrimSpace(visible(d.lines[from+blank])) == "" {
		blank++
	}
	switch {
	case strings.HasPrefix(head, "<?xml") || head[0] == '<' && strings.HasSuffix(strings.TrimSpace(text), ">") && (!strings.HasPrefix(head, "<!--") || beginsHTML(head)):
		if beginsHTML(head) {
			d.html(from, to)
			return true
		}
		if inlineHTML().MatchString(head) {
			return false
		}
		text = strings.TrimPrefix(text, "\ufeff")
		root, err := parseXML(text)
		switch {
		case err == nil:
			shift(root, from)
			d.structured(from, to, root)
			return true
		case strings.HasPrefix(head, "<?xml") || closesElement(head, text):
			d.refuse(from, to, from+blank+1, "XML", err)
			return true
		}
		return false
	case beginsHTML(head):
		d.html(from, to)
		return true
	case from == 0 && to == len(d.lines) && squidHint().MatchString(text):
		d.squid()
		return true
	case from == 0 && to == len(d.lines) && tinyproxyHint().MatchString(text):
		d.tinyproxy()
		return true
	case from == 0 && to == len(d.lines) && smokescreenHint().MatchString(text) && smokescreenLists().MatchString(text):
		if root, err := parseYAML(text, 1); err == nil && root.kind == object {
			d.smokescreen(root)
			return true
		}
		return false
	case (hclHint().MatchString(text) || hclPair().MatchString(text)) && !bicepHint().MatchString(text):
		root, err := parseHCL(text, from+1)
		switch {
		case err == nil && len(root.children) > 0:
			d.structured(from, to, root)
			return true
		case hclHint().MatchString(text):
			d.refuse(from, to, from+blank+1, "Terraform", err)
			return true
		}
	}
	if !bicepHint().MatchString(text) && bicepPair().MatchString(text) {
		// YAML has such quotes too.
		if root, err := parseYAML(text, from+1); err == nil && (root.kind == object || root.kind == list) && root.structure(0) {
			d.structured(from, to, root)
			return true
		}
	}
	if bicepHint().MatchString(text) || bicepPair().MatchString(text) {
		root, err := parseBicep(text, from+1)
		if err == nil && len(root.children) > 0 {
			d.structured(from, to, root)
			return true
		}
		d.refuse(from, to, from+blank+1, "Bicep", err)
		return true
	}
	return d.yaml(from, to, text)
}

// inlineHTML matches the start of a text with inline HTML elements.
var inlineHTML = lazy(`(?i)^<(?:a|b|i|u|s|em|strong|code|span|br|p|li|ul|ol|sup|sub|kbd|font|img|details|summary|pre|td|th|hr)[\s/>]`)

// element matches the start of an element.
var element = lazy(`^<([A-Za-z][\w:.-]*)(?:\s[^<>]*)?/?>`)

// closesElement reports whether the element that a text begins with is closed in it: a placeholder, such as <region>, is not.
func closesElement(head, text string) bool {
	m := element().FindStringSubmatch(head)
	return m != nil && strings.Contains(text, "</"+m[1])
}

// xmlAhead reads an element of XML that begins with the next line, within other text, and reports whether there is one.
func (d *document) xmlAhead() bool {
	head := strings.TrimSpace(visible(d.shown[d.next]))
	m := element().FindStringSubmatch(head)
	if m == nil || inlineHTML().MatchString(head) || beginsHTML(head) || d.next < d.noXML {
		return false
	}
	to := d.next
	depth := 0
	for to < len(d.lines) {
		depth += strings.Count(d.lines[to], "<"+m[1]) - strings.Count(d.lines[to], "</"+m[1])
		depth -= strings.Count(d.lines[to], "<"+m[1]+"/>")
		to++
		if depth <= 0 {
			break
		}
	}
	if depth > 0 {
		d.noXML = len(d.lines) // it is not closed: not an element, or a truncated one
		return false
	}
	if to == d.next+1 && len(head) > 0 && !strings.Contains(head, "</") {
		return false
	}
	root, err := parseXML(strings.Join(d.lines[d.next:to], "\n"))
	if err != nil {
		d.refuse(d.next, to, d.next+1, "XML", err)
		return true
	}
	shift(root, d.next)
	d.structured(d.next, to, root)
	return true
}

// shift adds lines to the line numbers of n and the nodes below it.
func shift(n *node, lines int) {
	n.line += lines
	for _, child := range n.children {
		shift(child, lines)
	}
}

// fencedForm reads a code block that begins with the next line, if it is of a structured form. It reports whether there was a code
// block.
func (d *document) fencedForm() bool {
	if !isFence(d.lines[d.next]) {
		return false
	}
	mark := strings.TrimSpace(d.lines[d.next])[:3]
	end := d.next + 1
	for end < len(d.lines) && !strings.HasPrefix(strings.TrimSpace(d.lines[end]), mark) {
		end++
	}
	from := d.next + 1
	if end == len(d.lines) || beginsJSON(strings.TrimSpace(visible(d.lines[min(from, end-1)]))) {
		return false // JSON is read wherever it stands
	}
	d.markup("the fence of a code block")
	if from < end && d.form(from, end) {
		d.next = end
	}
	if d.next < end {
		d.plainUntil = end
		return true
	}
	d.markup("the fence of a code block")
	return true
}
