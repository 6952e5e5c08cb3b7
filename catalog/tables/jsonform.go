package tables

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// parseJSON reads one JSON value at the beginning of text, whose first line has the number line. Smart quotes, which documents
// have, count as quotes; comments and trailing commas, which ARM templates have, are skipped. used is the length of the value in
// bytes.
func parseJSON(text string, line int) (root *node, used int, err error) {
	text = plainJSON(text)
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	p := jsonParser{dec: dec, text: text, line: line}
	root, err = p.value("", 0)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("it ends within a value")
	}
	return root, int(dec.InputOffset()), err
}

type jsonParser struct {
	dec  *json.Decoder
	text string
	at   int // the offset that line belongs to
	line int
}

// place returns the line of what was just read.
func (p *jsonParser) place() int {
	end := int(p.dec.InputOffset())
	p.line += strings.Count(p.text[p.at:end], "\n")
	p.at = end
	return p.line
}

func (p *jsonParser) value(key string, depth int) (*node, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("nested more than %d levels deep", maxNesting)
	}
	t, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	n := &node{key: key, line: p.place()}
	switch t := t.(type) {
	case json.Delim:
		n.kind = list
		if t == '{' {
			n.kind = object
		}
		for p.dec.More() {
			name := ""
			if n.kind == object {
				k, err := p.dec.Token()
				if err != nil {
					return nil, err
				}
				name, _ = k.(string)
			}
			child, err := p.value(name, depth+1)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, child)
		}
		_, err = p.dec.Token()
		p.place()
		return n, err
	case string:
		n.text = t
	case json.Number:
		n.text = t.String()
	case bool:
		n.text = fmt.Sprint(t)
	}
	return n, nil
}

var smartQuotes = strings.NewReplacer("“", "\"  ", "”", "  \"", "„", "\"  ", "\ufeff", "   ")

// plainJSON returns text, in the same length, with spaces for comments and trailing commas, and a plain quote and two spaces for
// each smart quote, which has three bytes.
func plainJSON(text string) string {
	b := []byte(smartQuotes.Replace(text))
	quoted, comma := false, -1
	for i := 0; i < len(b); i++ {
		c := b[i]
		if quoted {
			switch c {
			case '\\':
				i++
			case '"':
				quoted = false
			}
			continue
		}
		switch {
		case c == '"':
			quoted, comma = true, -1
		case c == '/' && i+1 < len(b) && (b[i+1] == '/' || b[i+1] == '*'):
			end := "\n"
			if b[i+1] == '*' {
				end = "*/"
			}
			stop := strings.Index(string(b[i:min(len(b), i+maxComment)]), end)
			if stop < 0 {
				return string(b)
			}
			if end == "*/" {
				stop += 2
			}
			for ; stop > 0; stop-- {
				if b[i] != '\n' {
					b[i] = ' '
				}
				i++
			}
			i--
		case c == ',':
			comma = i
		case c == ']' || c == '}':
			if comma >= 0 {
				b[comma] = ' '
			}
			comma = -1
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			comma = -1
		}
	}
	return string(b)
}

// maxComment bounds a comment, in bytes.
const maxComment = 4096

// jsonAhead reads a JSON value, or the pairs of an object without braces, that begins with the next line. It reports whether there
// was one; a value that does not parse is refused.
func (d *document) jsonAhead() bool {
	head := strings.TrimSpace(visible(d.lines[d.next]))
	if !beginsJSON(head) {
		return false
	}
	if head[0] == '"' {
		to := d.next
		for ; to < len(d.lines) && strings.TrimSpace(d.lines[to]) != ""; to++ {
		}
		text := strings.TrimRight(strings.TrimSpace(strings.Join(d.lines[d.next:to], "\n")), ",")
		wrapped := "{" + text + "}"
		root, used, err := parseJSON(wrapped, d.next+1)
		if err == nil && used != len(wrapped) {
			err = fmt.Errorf("something follows the value")
		}
		if err != nil {
			d.refuse(d.next, to, d.next+1, "JSON", err)
			return true
		}
		d.structured(d.next, to, root)
		return true
	}
	root, end, err := d.jsonValue()
	if err == nil {
		d.structured(d.next, end, root)
		return true
	}
	to := d.next
	for ; to < len(d.lines) && strings.TrimSpace(d.lines[to]) != "" && !isFence(d.lines[to]); to++ {
	}
	if d.broken++; d.broken > mostBroken || d.next == 0 {
		to = len(d.lines)
	}
	d.refuse(d.next, max(to, d.next+1), d.next+1, "JSON", err)
	return true
}

// beginsJSON distinguishes a JSON value from a placeholder such as [Your URL Prefix].gw.arc.azure.com, and a pair of an object
// from a quoted name.
func beginsJSON(line string) bool {
	if line == "" {
		return false
	}
	rest := strings.TrimSpace(line[1:])
	switch line[0] {
	case '{':
		return rest == "" || rest[0] == '"' || rest[0] == '}' || rest[0] == '/'
	case '[':
		return rest == "" || strings.IndexByte("{[\"]", rest[0]) >= 0
	case '"':
		key, value, ok := strings.Cut(line[1:], "\"")
		return ok && len(key) < 60 && strings.HasPrefix(strings.TrimSpace(value), ":")
	}
	return false
}

func isFence(line string) bool {
	line = strings.TrimSpace(line)
	return strings.HasPrefix(line, "```") || strings.HasPrefix(line, "~~~")
}

// mostBroken is how many values of a document may be invalid before the rest is refused without parsing.
const mostBroken = 8

// jsonValue reads the value that begins with the next line; end is the line after it. It reads only about as much of the document
// as the value needs.
func (d *document) jsonValue() (root *node, end int, err error) {
	var b strings.Builder
	to := d.next
	for size := 256; ; size *= 4 {
		for ; to < len(d.lines) && b.Len() < size; to++ {
			b.WriteString(d.lines[to] + "\n")
		}
		text := b.String()
		root, used, err := parseJSON(text, d.next+1)
		if err == nil {
			rest, _, _ := strings.Cut(text[min(used, len(text)):], "\n")
			if strings.Trim(visible(rest), " ,;") != "" {
				return nil, 0, fmt.Errorf("%q follows the value", Shown(rest))
			}
			return root, d.next + strings.Count(text[:min(used, len(text))], "\n") + 1, nil
		}
		if to == len(d.lines) {
			return nil, 0, err
		}
		if d.tried += len(text); d.tried > 4*d.size+1<<20 {
			return nil, 0, err
		}
	}
}
