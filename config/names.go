package config

import (
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Names are what a configuration calls things, for programs that offer them to somebody who types.
type Names struct {
	Groups, Phases, Rules, Lists []string // Lists as rules name them: built-in lists and list files
}

// ReadNames returns the names in the configuration at path, as far as it can be read: it need not be valid, and no list is read. An
// empty path is the built-in configuration's. Names that a bundle has are not among them.
func ReadNames(path string) Names {
	var names Names
	if path == "" {
		if cfg, err := LoadDefault(); err == nil {
			for _, g := range cfg.Set.Groups() {
				names.Groups = append(names.Groups, g.Name)
			}
		}
		return names
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return names
	}
	data, err := readFile(abs, maxYAML)
	if err != nil {
		return names
	}
	src, _ := newSource(path, string(data))
	root, _ := parseYAML(src)
	d := decoder{src: src, root: root}
	names.Groups, names.Phases = keysIn(d.setting("policy", "clients")), keysIn(d.setting("policy", "phases"))
	rules := d.setting("policy", "rules")
	if rules == nil || rules.Kind != yaml.SequenceNode {
		return names
	}
	for _, r := range rules.Content {
		if r.Kind != yaml.MappingNode {
			continue
		}
		keys := d.keysOf(r)
		names.Rules = appendValue(names.Rules, keys["id"])
		names.Lists = appendValue(appendValue(names.Lists, keys["list"]), keys["file"])
	}
	return names
}

// keysIn are the keys of a mapping, in their order.
func keysIn(n *yaml.Node) []string {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var names []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		names = appendValue(names, n.Content[i])
	}
	return names
}

// appendValue appends the text of n, unless there is none, or it is there.
func appendValue(names []string, n *yaml.Node) []string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Value == "" || slices.Contains(names, n.Value) {
		return names
	}
	return append(names, n.Value)
}
