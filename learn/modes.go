package learn

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"webproxy/policy"
)

// SetMode returns the text of a configuration in which policy.modes gives group mode. Every other byte, comments and
// order included, is kept. The text must be valid; whether the group exists is not checked.
func SetMode(text []byte, group string, mode policy.Mode) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("set mode of %s: %w", group, err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("set mode of %s: the configuration has no settings", group)
	}
	section := valueOf(doc.Content[0], "policy")
	if section == nil || section.Kind != yaml.MappingNode || len(section.Content) == 0 {
		return nil, fmt.Errorf("set mode of %s: the configuration has no policy section", group)
	}
	e := editor{text: text}
	modes := valueOf(section, "modes")
	switch {
	case modes == nil:
		return e.insert(section, fmt.Sprintf("modes: { %s: %s }", group, mode)), nil
	case modes.Kind != yaml.MappingNode:
		return nil, fmt.Errorf("set mode of %s: line %d: policy.modes is not a mapping", group, modes.Line)
	}
	if have := valueOf(modes, group); have != nil {
		return e.replace(have, mode.String()), nil
	}
	setting := fmt.Sprintf("%s: %s", group, mode)
	if len(modes.Content) == 0 { // "{}"
		return e.into(modes, " "+setting+" "), nil
	}
	return e.insert(modes, setting), nil
}

// valueOf returns the value of a mapping's key; nil if it has none.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// An editor changes a text at the positions of YAML nodes.
type editor struct{ text []byte }

// offset is the offset in the text, in bytes, of the line and column of n. Columns count characters.
func (e editor) offset(n *yaml.Node) int {
	at := 0
	for range n.Line - 1 {
		at += bytes.IndexByte(e.text[at:], '\n') + 1
	}
	column := 1
	for i := range string(e.text[at:]) {
		if column == n.Column {
			return at + i
		}
		column++
	}
	return len(e.text)
}

func (e editor) splice(at, end int, text string) []byte {
	return append(append(bytes.Clone(e.text[:at]), text...), e.text[end:]...)
}

// replace puts text in place of the scalar n.
func (e editor) replace(n *yaml.Node, text string) []byte {
	at := e.offset(n)
	length := len(n.Value)
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		length += 2
	}
	return e.splice(at, at+length, text)
}

// insert puts a setting before the first one of the mapping n.
func (e editor) insert(n *yaml.Node, setting string) []byte {
	if n.Style&yaml.FlowStyle != 0 {
		at := e.offset(n.Content[0])
		return e.splice(at, at, setting+", ")
	}
	at := e.offset(n.Content[0])
	line := bytes.LastIndexByte(e.text[:at], '\n') + 1
	end := "\n"
	if i := bytes.IndexByte(e.text, '\n'); i > 0 && e.text[i-1] == '\r' {
		end = "\r\n"
	}
	return e.splice(line, line, strings.Repeat(" ", n.Content[0].Column-1)+setting+end)
}

// into puts text between the braces of the empty mapping n.
func (e editor) into(n *yaml.Node, text string) []byte {
	at := e.offset(n) + 1
	return e.splice(at, at, text)
}
