package tables

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlKeys match a document in YAML with destinations and what belongs to them.
var (
	yamlDest = lazy(`(?mi)^[ \t]*(?:-[ \t]+)?(?:url|urls|endpoint|endpoints|fqdn|fqdns|host|hosts|hostname|domain|domains|allowed_domains)[ \t]*:`)
	yamlWith = lazy(`(?mi)^[ \t]*(?:-[ \t]+)?(?:port|ports|protocol|protocols|action|access|direction)[ \t]*:|^[ \t]*[A-Za-z_]+:[ \t]*\r?$`)
)

// parseYAML reads a document of YAML that is made of mappings.
func parseYAML(text string, line int) (*node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 {
		return nil, errors.New("it is empty")
	}
	return yamlNode(doc.Content[0], "", line-1, 0)
}

func yamlNode(y *yaml.Node, key string, before, depth int) (*node, error) {
	n := &node{key: key, line: y.Line + before}
	if depth > maxNesting {
		return nil, errors.New("nested too deep")
	}
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = object
		for i := 0; i+1 < len(y.Content); i += 2 {
			kid, err := yamlNode(y.Content[i+1], y.Content[i].Value, before, depth+1)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, kid)
		}
	case yaml.SequenceNode:
		n.kind = list
		for _, item := range y.Content {
			kid, err := yamlNode(item, "", before, depth+1)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, kid)
		}
	case yaml.ScalarNode:
		if n.text = y.Value; strings.Contains(n.text, "\n") {
			n.kind = unknown
		}
	default:
		n.kind, n.text = unknown, "an alias"
	}
	return n, nil
}
