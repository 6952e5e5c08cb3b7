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
		items := n.kids
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
		for _, kid := range n.kids {
			if kid.key == "action" {
				what = kid.text
			}
		}
		v, why := allow, ""
		if what != "enforce" && what != "report" {
			v, why = unclear, fmt.Sprintf("its action is %q: the list is not what is let through", what)
		}
		for _, kid := range n.kids {
			switch kid.key {
			case "allowed_domains", "allowed_domains_mitm":
				for _, item := range kid.kids { // in allowed_domains_mitm each may be an object
					if item.kind == object {
						for _, field := range item.kids {
							if field.key == "domain" {
								hosts(field, v, why)
							}
						}
					}
				}
				flat := *kid
				flat.kids = nil
				for _, item := range kid.kids {
					if item.kind != object {
						flat.kids = append(flat.kids, item)
					}
				}
				if len(flat.kids) > 0 {
					hosts(&flat, v, why)
				}
			}
		}
	}
	for _, kid := range root.kids {
		switch kid.key {
		case "global_deny_list":
			hosts(kid, deny, "")
		case "global_allow_list":
			hosts(kid, allow, "")
		case "default":
			rule(kid)
		case "services":
			for _, service := range kid.kids {
				rule(service)
			}
		}
	}
	d.addLines(0, len(d.lines), "configuration of Smokescreen", found)
}
