package config

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// find returns the node of a setting, such as "policy.rules[3].hosts[0]", or of the innermost
// setting around it that is in the file. It is nil only if root is.
func find(root *yaml.Node, path string) *yaml.Node {
	n := root
	for n != nil && path != "" {
		child, rest := step(n, strings.TrimPrefix(path, "."))
		if child == nil {
			return n
		}
		n, path = child, rest
	}
	return n
}

// step goes from n to the child that path begins with, and returns what of path is left.
func step(n *yaml.Node, path string) (child *yaml.Node, rest string) {
	if index, after, ok := strings.Cut(strings.TrimPrefix(path, "["), "]"); ok && path[0] == '[' {
		if i, err := strconv.Atoi(index); err == nil && n.Kind == yaml.SequenceNode && 0 <= i && i < len(n.Content) {
			return n.Content[i], after
		}
		return nil, ""
	}
	if n.Kind != yaml.MappingNode {
		return nil, ""
	}
	// Names may hold dots: the longest key that path begins with is meant.
	longest := -1
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if after, ok := strings.CutPrefix(path, key); ok && (after == "" || after[0] == '.' || after[0] == '[') && len(key) > longest {
			child, rest, longest = n.Content[i+1], after, len(key)
		}
	}
	return child, rest
}
