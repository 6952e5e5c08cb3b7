package tables

import "fmt"

// smokescreenHint matches an egress ACL of Smokescreen.
var smokescreenHint = lazy(`(?m)^(?:services|default|global_allow_list|global_deny_list)[ \t]*:`)

// smokescreenLists matches its lists of hosts.
var smokescreenLists = lazy(`(?m)^[ \t]*(?:allowed_domains|allowed_domains_mitm|global_allow_list|global_deny_list)[ \t]*:`)

// smokescreen reads an ACL of Smokescreen: global_deny_list is denied, whatever a service allows. The domains of a service whose
// action is open are not entries, since it may reach everything.
func (d *document) smokescreen(root *node) {
	found := map[int]*finding{}
	put := func(n *node, f finding) {
		if found[n.line] == nil {
			found[n.line] = &finding{}
		}
		found[n.line].add(f)
	}
	hosts := func(n *node, v verdict, why string) {
		items := n.children
		if n.kind == scalar && n.text != "" {
			items = []*node{n}
		}
		for _, item := range items {
			if item.kind != scalar {
				put(item, leftOut(Problem, item.text, "a list of hosts has something else in it", ""))
				continue
			}
			put(item, d.applyVerdict(d.filler.endpoint(item.text, portList{}, ""), v, why, item.text))
		}
	}
	rule := func(n *node) {
		what := ""
		for _, child := range n.children {
			if child.key == "action" {
				what = child.text
			}
		}
		v, why := allow, ""
		if what != "enforce" && what != "report" {
			v, why = unclear, fmt.Sprintf("its action is %q: the list is not what is let through", what)
		}
		for _, child := range n.children {
			switch child.key {
			case "allowed_domains", "allowed_domains_mitm":
				for _, item := range child.children { // in allowed_domains_mitm each may be an object
					if item.kind == object {
						for _, field := range item.children {
							if field.key == "domain" {
								hosts(field, v, why)
							}
						}
					}
				}
				flat := *child
				flat.children = nil
				for _, item := range child.children {
					if item.kind != object {
						flat.children = append(flat.children, item)
					}
				}
				if len(flat.children) > 0 {
					hosts(&flat, v, why)
				}
			}
		}
	}
	for _, child := range root.children {
		switch child.key {
		case "global_deny_list":
			hosts(child, deny, "")
		case "global_allow_list":
			hosts(child, allow, "")
		case "default":
			rule(child)
		case "services":
			for _, service := range child.children {
				rule(service)
			}
		}
	}
	d.addLines(0, len(d.lines), "configuration of Smokescreen", found)
}
