package tables

import (
	"fmt"
	"strings"
)

// A node is a value of a structured document: JSON, YAML, Terraform, Bicep and XML become the same tree, so that one
// reader decides what is a destination, and which port, protocol and action belong to it.
type node struct {
	key  string // its name in the object around it; empty in a list
	line int    // from 1, in the document
	kind nodeKind
	text string  // of a scalar
	kids []*node // of an object or a list
}

type nodeKind uint8

const (
	scalar nodeKind = iota
	list
	object
	unknown // an expression, which is not evaluated; text shows it
)

// maxNesting bounds how deep structured documents may nest.
const maxNesting = 64

// A role is what a field of an object is for.
type role uint8

const (
	noRole  role = iota
	dest         // destinations
	network      // destinations that may also be networks and tags
	ports
	protos
	action
	direction
	cloudRole
	switchRole // whether a rule is in force
	aside      // names, sources, remarks: never a destination
)

// roleOf reads a field's name: endpointUrl, endpoint_url and "Endpoint URL" are one.
func roleOf(key string) role {
	key = strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			return c
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		}
		return -1
	}, key)
	switch key {
	case "url", "urls", "uri", "uris", "endpoint", "endpoints", "endpointurl", "endpointurls", "fqdn", "fqdns", "targetfqdn", "targetfqdns",
		"destinationfqdn", "destinationfqdns", "destfqdn", "destfqdns", "host", "hosts", "hostname", "hostnames", "domain", "domains", "domainname", "domainnames",
		"targeturl", "targeturls", "site", "sites", "website", "websites", "alloweddomains", "allowedhosts", "allowedurls", "allowlist", "whitelist", "allow", "allowed":
		return dest
	case "destinationaddresses", "destinationaddress", "destination", "destinations", "destinationaddressprefix", "destinationaddressprefixes",
		"address", "addresses", "ip", "ips", "ipaddress", "ipaddresses":
		return network
	case "port", "ports", "destinationport", "destinationports", "destinationportrange", "destinationportranges", "tcpport", "tcpports":
		return ports
	case "protocol", "protocols", "ipprotocol", "ipprotocols", "protocoltype", "transport", "scheme", "schemes":
		return protos
	case "action", "access", "effect", "verdict", "decision", "policyaction":
		return action
	case "direction":
		return direction
	case "enabled", "isenabled", "disabled", "isdisabled":
		return switchRole
	case "cloud", "environment", "azurecloud":
		return cloudRole
	case "name", "names", "id", "description", "desc", "remediation", "title", "displayname", "schema", "contentversion", "type", "version", "apiversion",
		"sourceaddresses", "sourceaddress", "sourceaddressprefix", "sourceaddressprefixes", "source", "sources", "sourceipgroups", "sourceports", "sourceportrange",
		"sourceportranges", "note", "notes", "comment", "comments", "documentation", "docs", "link", "links", "reference", "references", "helplink",
		"resourcegroupname", "location", "tags", "tag", "generator", "metadata", "author", "service", "severity", "group", "priority":
		return aside
	}
	return noRole
}

// roleOfSwitch reports which value of a field says that a rule is in force.
func roleOfSwitch(key string) bool { return !strings.Contains(strings.ToLower(key), "dis") }

// A clause is what an object says of the destinations in it and below it.
type clause struct {
	verdict verdict
	why     string // of an unclear verdict
	list    portList
	err     error // of ports
	inbound bool
	cloud   string
}

// A harvest collects what a structured document came to, by line.
type harvest struct {
	d     *document
	found map[int]*finding
}

func (h *harvest) add(line int, f finding) {
	if h.found[line] == nil {
		h.found[line] = &finding{}
	}
	h.found[line].add(f)
}

// tree reads n and what is below it. in is what the objects around it say.
func (h *harvest) tree(n *node, in clause) {
	switch n.kind {
	case object:
		here := in
		h.attributes(n, &here)
		for _, kid := range n.kids {
			h.field(kid, here)
		}
	case list:
		for _, kid := range n.kids {
			if kid.key == "" {
				kid.key = n.key
			}
			h.field(kid, in)
		}
	default:
		h.field(n, in)
	}
}

// attributes reads what n says of all destinations in it.
func (h *harvest) attributes(n *node, c *clause) {
	var said portList
	own := false
	for _, kid := range n.kids {
		switch roleOf(kid.key) {
		case ports, protos:
			for _, text := range portTexts(kid) {
				one, err := parsePorts(text)
				if err != nil {
					c.err = err
				}
				own = true
				said.services = append(said.services, one.services...)
				said.proto |= one.proto
			}
		case action:
			v := verdictOf(scalarOf(kid, "type"))
			if c.verdict = c.verdict.and(v); v == unclear {
				c.why = fmt.Sprintf("%s is %q, neither allow nor deny", kid.key, scalarOf(kid, "type"))
			}
		case switchRole:
			if on := roleOfSwitch(kid.key); kid.text != "" && strings.EqualFold(kid.text, "true") != on {
				c.verdict, c.why = unclear, "the rule is switched off"
			}
		case direction:
			c.inbound = strings.Contains(strings.ToLower(kid.text), "inbound")
		case cloudRole:
			if said := cloudOf(strings.TrimPrefix(kid.text, "Azure")); said != "" {
				c.cloud = said
			}
		}
	}
	if own {
		c.list = said
	}
}

// portTexts are the ports and protocols below n, each as parsePorts reads it: 443, "Https:443", {type: Https, port: 443}.
func portTexts(n *node) []string {
	switch n.kind {
	case scalar, unknown:
		if t := strings.TrimSpace(n.text); !strings.EqualFold(t, "any") || roleOf(n.key) == ports {
			return []string{t}
		}
		return nil
	case list:
		var all []string
		for _, kid := range n.kids {
			all = append(all, portTexts(&node{key: n.key, kind: kid.kind, text: kid.text, kids: kid.kids})...)
		}
		return all
	}
	var kind, port string
	for _, kid := range n.kids {
		switch strings.ToLower(kid.key) {
		case "type", "protocoltype", "protocol", "name":
			kind = kid.text
		case "port":
			port = kid.text
		}
	}
	return []string{strings.TrimSpace(kind + " " + port)}
}

// scalarOf is n's text, or that of its field of that name.
func scalarOf(n *node, field string) string {
	if n.kind == object {
		for _, kid := range n.kids {
			if strings.EqualFold(kid.key, field) {
				return kid.text
			}
		}
	}
	return n.text
}

// field reads a field of an object, or an element of a list with the list's name.
func (h *harvest) field(n *node, c clause) {
	switch v := verdictOfName(n.key); {
	case v == deny:
		c.verdict = c.verdict.and(deny)
	case strings.Contains(strings.ToLower(n.key), "inbound"):
		c.inbound = true
	}
	r := roleOf(n.key)
	switch {
	case n.kind == object || n.kind == list && r != dest && r != network:
		if r == ports || r == protos || r == action {
			return // read as attributes
		}
		h.tree(n, c)
	case n.kind == list:
		for _, kid := range n.kids {
			if kid.key == "" || kid.kind == scalar {
				kid.key = n.key
			}
			h.field(kid, c)
		}
	case n.kind == unknown:
		if r == dest || r == network {
			h.add(n.line, leave(Problem, n.text, n.key+" is an expression, which is not evaluated", "write the names"))
		}
	case r == dest || r == network || r == noRole && c.verdict == deny && verdictOfName(n.key) == deny:
		h.destination(n, r, c)
	case r == ports || r == protos || r == action || r == switchRole:
	default:
		h.mention(n, r)
	}
}

// destination makes entries of a destination, as c says.
func (h *harvest) destination(n *node, r role, c clause) {
	text := strings.TrimSpace(n.text)
	switch {
	case text == "":
		return
	case strings.HasPrefix(text, "[") && strings.Contains(text, "(") || strings.Contains(text, "${"):
		h.add(n.line, leave(Problem, text, n.key+" is an expression, which is not evaluated", "write the names"))
		return
	case text == "*":
		h.add(n.line, leave(Problem, text, `"*" would allow every host`, ""))
		return
	case c.inbound:
		h.add(n.line, leave(NoRule, text, "an inbound connection, which a forward proxy has no part in", ""))
		return
	}
	if r == network && !looks(text, true) {
		h.add(n.line, leave(NoRule, text, "it names no host", ""))
		return
	}
	f := h.d.filling.read(text, context{column: true, list: c.list, cloud: c.cloud})
	switch {
	case !f.has():
		f = leave(NoRule, text, "it names no host", "")
	case c.err != nil:
		f = leave(Problem, text, "ports: "+c.err.Error(), "")
	}
	h.add(n.line, h.d.evaluate(f, c.verdict, c.why, text))
}

// mention tells of an address in a field that has none to allow.
func (h *harvest) mention(n *node, r role) {
	for _, w := range words(plainText(n.text)) {
		if !looks(w.text, true) || len(w.text) > maxWord {
			continue
		}
		if r == aside {
			h.add(n.line, leave(Prose, n.text, fmt.Sprintf("names %s in %q, which is no field of destinations", w.text, n.key),
				"to make it a rule, write it on a line of its own"))
		} else {
			h.add(n.line, leave(Problem, n.text, fmt.Sprintf("the field %q is not known", n.key), "if it names destinations, call it endpoints, or write them on lines of their own"))
		}
		return
	}
}

// structured puts lines from of the document into the report, with what root comes to.
func (d *document) structured(from, to int, root *node) {
	h := harvest{d: d, found: map[int]*finding{}}
	if root.kind == list && root.key == "" {
		root.key = "endpoints" // a list of names and nothing else
	}
	h.tree(root, clause{verdict: d.section.verdict, cloud: d.section.cloud})
	d.lay(from, to, "structure of the document", h.found)
}

// lay puts the lines [from, to) into the report, with what was found on each.
func (d *document) lay(from, to int, otherwise string, found map[int]*finding) {
	within := ""
	if to-from > 1 {
		within = strings.Join(d.lines[from:to], "\n")
	}
	for i := from; i < to; i++ {
		if strings.TrimSpace(visible(d.lines[i])) == "" && found[i+1] == nil {
			continue
		}
		f := leave(Prose, strings.TrimSpace(d.lines[i]), otherwise, "")
		if g := found[i+1]; g != nil {
			f = *g
		}
		d.account(i+1, d.lines[i], f)
		d.report.Lines[len(d.report.Lines)-1].Within = within
	}
	d.next = to
}

// refuse tells that the lines [from, to) have a form that could not be read: line at is where, if it is known. Nothing
// in them becomes an entry, because what allows and what denies could not be told apart.
func (d *document) refuse(from, to, at int, form string, err error) {
	at = min(max(at, from+1), to)
	d.lay(from, to, "part of what could not be read", map[int]*finding{at: {left: []Left{{Kind: Problem, Text: strings.TrimSpace(d.lines[at-1]),
		Why: fmt.Sprintf("not %s: %v", form, err), Hint: "nothing of it was read"}}}})
}
