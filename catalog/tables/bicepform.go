package tables

import (
	"fmt"
	"strings"
)

// bicepHint matches a line that only Bicep has, bicepPair one that Bicep may have.
var (
	bicepHint = lazy(`(?m)^[ \t]*(?:resource[ \t]+\w+[ \t]+'|param[ \t]+\w+[ \t]+\w|var[ \t]+\w+[ \t]*=|targetScope[ \t]*=|module[ \t]+\w+[ \t]+')`)
	bicepPair = lazy(`(?m)^[ \t]*(?:\w+|'[\w.-]+')[ \t]*:[ \t]*(?:'[^'\n]*'|\[[ \t]*(?:'|\r?$)|\{[ \t]*\r?$)`)
)

// parseBicep reads the objects, lists and constant strings of a Bicep file. Everything else, such as decorators, conditions and
// calls, is skipped as an expression that is not evaluated.
func parseBicep(text string, line int) (*node, error) {
	p := bicepParser{text: text, line: line}
	n, err := p.object("", 0, true)
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", p.line, err)
	}
	return n, nil
}

type bicepParser struct {
	text string
	at   int
	line int
}

// skip skips spaces and comments; with lines, also line ends and commas.
func (p *bicepParser) skip(lines bool) {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == ' ' || c == '\t' || c == '\r':
		case lines && (c == '\n' || c == ','):
			if c == '\n' {
				p.line++
			}
		case strings.HasPrefix(p.text[p.at:], "//"):
			if i := strings.IndexByte(p.text[p.at:], '\n'); i >= 0 {
				p.at += i
			} else {
				p.at = len(p.text)
			}
			continue
		case strings.HasPrefix(p.text[p.at:], "/*"):
			i := strings.Index(p.text[p.at:], "*/")
			if i < 0 {
				p.at = len(p.text)
				return
			}
			p.line += strings.Count(p.text[p.at:p.at+i], "\n")
			p.at += i + 2
			continue
		default:
			return
		}
		p.at++
	}
}

func (p *bicepParser) object(key string, depth int, top bool) (*node, error) {
	n := &node{key: key, line: p.line, kind: object}
	if depth > maxNesting {
		return nil, fmt.Errorf("nested more than %d levels deep", maxNesting)
	}
	for {
		p.skip(true)
		if p.at == len(p.text) {
			if top {
				return n, nil
			}
			return nil, fmt.Errorf("a { is not closed")
		}
		if p.text[p.at] == '}' {
			if top {
				return nil, fmt.Errorf("a } closes nothing")
			}
			p.at++
			return n, nil
		}
		from, line := p.at, p.line
		name, more := p.name()
		if !more { // a decorator, a parameter without a value
			n.children = append(n.children, &node{key: "description", line: line, text: strings.TrimSpace(p.text[from:p.at])})
			if p.at == from {
				return nil, fmt.Errorf("%q where a name should be", p.text[p.at:p.at+1])
			}
			continue
		}
		child, err := p.value(name, depth+1)
		if err != nil {
			return nil, err
		}
		if word, _, _ := strings.Cut(p.text[from:], " "); top && (word == "var" || word == "param") {
			child = &node{key: "definitions", line: line, kind: object, defs: true, children: []*node{child}}
		} else if top && word == "output" {
			child.key = "output"
		}
		n.children = append(n.children, child)
	}
}

// name reads the name before the value on this line; more reports whether a value follows.
func (p *bicepParser) name() (name string, more bool) {
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(":=\n{}[],", p.text[p.at]) < 0 {
		if p.text[p.at] == '\'' { // a type, 'Microsoft.Network/firewallPolicies@2023-04-01', or a quoted key
			if _, err := p.quoted(); err != nil {
				for p.at < len(p.text) && p.text[p.at] != '\n' {
					p.at++
				}
			}
			continue
		}
		p.at++
	}
	words := strings.Fields(p.text[start:p.at])
	if p.at < len(p.text) {
		switch p.text[p.at] {
		case ':', '=':
			p.at++
			more = true
		case '{', '[':
			more = true
		}
	}
	switch {
	case len(words) == 1:
		return strings.Trim(words[0], "'"), more
	case len(words) > 1:
		return words[1], more // resource NAME 'type', param NAME string
	}
	return "", more
}

// quoted reads a quoted string. Expressions in it are kept, with their ${ and }.
func (p *bicepParser) quoted() (string, error) {
	var b strings.Builder
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '\n':
			return "", fmt.Errorf("a quote is not closed")
		case c == '\'':
			p.at = i + 1
			return b.String(), nil
		case strings.HasPrefix(p.text[i:], "${"):
			end := p.balanced(i+1, 0, true)
			b.WriteString(p.text[i:min(end+1, len(p.text))])
			i = end
		case c == '\\':
			i++
			if i < len(p.text) {
				b.WriteByte(p.text[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf("a quote is not closed")
}

// balanced returns the offset of the bracket that closes the one at at; if there is none, the end of the text, or with line, of the
// line.
func (p *bicepParser) balanced(at, depth int, line bool) int {
	var open []byte
	for i := at; i < len(p.text); i++ {
		switch c := p.text[i]; c {
		case '(', '[', '{':
			open = append(open, c)
		case ')', ']', '}':
			open = open[:len(open)-1]
			if len(open) == 0 {
				return i
			}
		case '\n':
			if line {
				return i
			}
		case '\'':
			if depth > maxNesting {
				return len(p.text)
			}
			for i++; i < len(p.text) && p.text[i] != '\'' && p.text[i] != '\n'; i++ {
				switch {
				case p.text[i] == '\\':
					i++
				case strings.HasPrefix(p.text[i:], "${"):
					i = p.balanced(i+1, depth+1, true)
				}
			}
		}
	}
	return len(p.text)
}

func (p *bicepParser) value(key string, depth int) (*node, error) {
	p.skip(false)
	n := &node{key: key, line: p.line}
	if p.at == len(p.text) {
		n.kind, n.text = unknown, "nothing"
		return n, nil
	}
	switch c := p.text[p.at]; {
	case strings.HasPrefix(p.text[p.at:], "'''"):
		i := strings.Index(p.text[p.at+3:], "'''")
		if i < 0 {
			return nil, fmt.Errorf("a ''' is not closed")
		}
		text := p.text[p.at+3 : p.at+3+i]
		p.at += i + 6
		n.kind = list
		for line := range strings.SplitSeq(text, "\n") {
			if strings.TrimSpace(line) != "" {
				n.children = append(n.children, &node{line: p.line, text: strings.TrimSpace(line)})
			}
			p.line++
		}
		p.line--
		if rest := p.rest(&node{}); rest.kind == unknown {
			n.kind, n.text, n.children = unknown, text, nil
		}
		return n, nil
	case c == '\'':
		from := p.at
		text, err := p.quoted()
		n.text = text
		if err != nil {
			return nil, err
		}
		n = p.rest(n)
		if n.kind == unknown || strings.Contains(text, "${") {
			p.names(n, p.text[from:p.at])
		}
		return n, nil
	case c == '{':
		p.at++
		return p.object(key, depth, false)
	case c == '[':
		p.at++
		n.kind = list
		if depth > maxNesting {
			return nil, fmt.Errorf("nested more than %d levels deep", maxNesting)
		}
		for {
			p.skip(true)
			if p.at == len(p.text) {
				return nil, fmt.Errorf("a [ is not closed")
			}
			if p.text[p.at] == ']' {
				p.at++
				return n, nil
			}
			child, err := p.value("", depth+1)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, child)
		}
	}
	start := p.at
	for p.at < len(p.text) && strings.IndexByte("\n,]}'{[", p.text[p.at]) < 0 {
		if p.text[p.at] == '(' { // a call, with all that is in it
			end := min(p.balanced(p.at, 0, false)+1, len(p.text))
			p.line += strings.Count(p.text[p.at:end], "\n")
			p.at = end
			continue
		}
		p.at++
	}
	if p.at == start {
		return nil, fmt.Errorf("%q where a value should be", p.text[p.at:p.at+1])
	}
	n.text = strings.TrimSpace(p.text[start:p.at])
	if strings.Trim(n.text, "0123456789") != "" && n.text != "true" && n.text != "false" {
		n.kind = unknown
	}
	n = p.rest(n)
	if n.kind == unknown {
		p.names(n, p.text[start:p.at])
	}
	return n, nil
}

// identifier matches a name in an expression.
var identifier = lazy(`[A-Za-z_][A-Za-z0-9_]*`)

// names stores the names in an expression.
func (p *bicepParser) names(n *node, text string) {
	n.refs = identifier().FindAllString(text, -1)
	n.exact = len(n.refs) == 1 && n.refs[0] == strings.TrimSpace(text)
}

// rest makes an expression of n if an operator follows it on the line.
func (p *bicepParser) rest(n *node) *node {
	p.skip(false)
	if p.at < len(p.text) && strings.IndexByte("?+-*/.!=<>&|:(", p.text[p.at]) >= 0 {
		n.kind = unknown
		start := p.at
		for p.at < len(p.text) && p.text[p.at] != '\n' {
			if strings.IndexByte("([{", p.text[p.at]) >= 0 {
				end := min(p.balanced(p.at, 0, false)+1, len(p.text))
				p.line += strings.Count(p.text[p.at:end], "\n")
				p.at = end
				continue
			}
			p.at++
		}
		n.text = strings.TrimSpace(n.text + " " + p.text[start:p.at])
	}
	return n
}
