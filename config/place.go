package config

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// find returns the node of a setting, such as "policy.rules[3].hosts[0]", or of the innermost
// setting around it that is in the file. It is nil only if the root is.
func (d *decoder) find(path string) *yaml.Node {
	n := d.root
	for n != nil && path != "" {
		child, rest := d.step(n, strings.TrimPrefix(path, "."))
		if child == nil {
			return n
		}
		n, path = child, rest
	}
	return n
}

// step goes from n to the child that path begins with, and returns the rest of path.
func (d *decoder) step(n *yaml.Node, path string) (child *yaml.Node, rest string) {
	if index, after, ok := strings.Cut(strings.TrimPrefix(path, "["), "]"); ok && path[0] == '[' {
		if i, err := strconv.Atoi(index); err == nil && n.Kind == yaml.SequenceNode && 0 <= i && i < len(n.Content) {
			return n.Content[i], after
		}
		return nil, ""
	}
	if n.Kind != yaml.MappingNode {
		return nil, ""
	}
	// Names may contain dots: the longest key that path begins with is meant.
	keys := d.keysOf(n)
	for i := len(path); i >= 0; i-- {
		if i < len(path) && path[i] != '.' && path[i] != '[' {
			continue
		}
		if child := keys[path[:i]]; child != nil {
			return child, path[i:]
		}
	}
	return nil, ""
}

// keysOf returns the values of the mapping n by their keys, the first of equal ones. It is cached, since a file may
// have as many problems as keys.
func (d *decoder) keysOf(n *yaml.Node) map[string]*yaml.Node {
	if keys, ok := d.keys[n]; ok {
		return keys
	}
	keys := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i].Value; keys[key] == nil {
			keys[key] = n.Content[i+1]
		}
	}
	if d.keys == nil {
		d.keys = map[*yaml.Node]map[string]*yaml.Node{}
	}
	d.keys[n] = keys
	return keys
}

// keyOf returns the node of the key whose value is n; nil if n is no value of a mapping. All keys are noted at the
// first call, since a file may have as many problems as keys.
func (d *decoder) keyOf(n *yaml.Node) *yaml.Node {
	if d.keyNodes == nil {
		d.keyNodes = map[*yaml.Node]*yaml.Node{}
		d.noteKeys(d.root)
	}
	return d.keyNodes[n]
}

func (d *decoder) noteKeys(n *yaml.Node) {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			d.keyNodes[c] = n.Content[i-1]
		}
		d.noteKeys(c)
	}
}
