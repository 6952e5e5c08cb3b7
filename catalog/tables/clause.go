package tables

import (
	"errors"
	"fmt"
	"strings"
)

// A clause is what an object says about the destinations in it and below it.
type clause struct {
	verdict verdict
	why     string // why the verdict is unclear
	list    portList
	err     error // about ports
	inbound bool
	lookup  bool // Microsoft's validator only resolves their names
	cloud   string
}

// unclear makes the verdict unclear: the object cannot be understood, or is not in force. A deny stays a deny.
func (c *clause) unclear(why string) { c.verdict, c.why = c.verdict.and(unclear), why }

// attributes reads what n says about all destinations in it.
func (h *collector) attributes(n *node, c *clause) {
	var said portList
	own := false
	allowed := c.verdict == allow
	for _, child := range n.children {
		r := roleOf(child.key)
		switch {
		case r == ports || r == protos:
			texts, err := portTexts(child)
			for _, text := range texts {
				one, wrong := parsePorts(text)
				if wrong != nil {
					err = wrong
				}
				said.services = append(said.services, one.services...)
				said.proto |= one.proto
			}
			if own = true; err != nil {
				c.err = err
			}
		case r == action:
			v := actionOf(child)
			if c.verdict = c.verdict.and(v); v == unclear {
				c.why = fmt.Sprintf("%s is %q, neither allow nor deny", child.key, Shown(scalarOf(child, "type")))
			}
			allowed = allowed || v == allow // then the rule's name does not matter
		case r == switchRole:
			if on, ok := truth(child.text); child.kind != scalar || child.text != "" && (!ok || on == strings.Contains(plainKey(child.key), "dis")) {
				c.unclear("the rule is switched off")
			}
		case r == direction:
			c.inbound = isInbound(child.text)
		case r == cloudRole:
			if said := cloudOf(strings.TrimPrefix(child.text, "Azure")); said != "" {
				c.cloud = said
			}
		case isNegation(child.key):
			c.unclear(fmt.Sprintf("%q takes something out of it", child.key))
		case child.kind == scalar && isVerdict(child):
			if yes, _ := truth(child.text); yes != isAllowKey(child.key) { // allow: false, blocked: true
				c.verdict = c.verdict.and(deny)
			}
		case child.kind == scalar && isState(child.key) && isOff(child.text):
			c.unclear("the rule is switched off")
		case child.deniesAlone():
			c.verdict = c.verdict.and(deny)
		case child.kind != scalar && verdictOfName(child.key) == deny && !child.hasDestinations(0): // denied: [{IPProtocol: tcp}]
			c.verdict = c.verdict.and(deny)
		case child.kind == object && isAbout(child.key) && !child.hasDestinations(0):
			about := clause{}
			h.attributes(child, &about)
			if about.verdict == deny || about.verdict == unclear {
				c.verdict, c.why = c.verdict.and(about.verdict), about.why
			}
		}
	}
	if !allowed {
		for _, child := range n.children {
			if child.kind == scalar && namesObject(child.key) && len(headerWords(child.text)) <= 3 && saysDeny(spaced(child.text)) {
				c.verdict = c.verdict.and(deny) // a list that is called "Blocked"
			}
		}
	}
	for _, child := range n.children {
		if child.kind == scalar && namesObject(child.key) && h.denied[child.text] {
			c.unclear(fmt.Sprintf("a rule that denies names %q", child.text))
		}
	}
	if own {
		c.list = said
		c.lookup = isLookup(n)
	}
}

// isLookup reports whether n is a target of Microsoft's validator that names no protocol.
func isLookup(n *node) bool {
	target, protocols := false, true
	for _, child := range n.children {
		switch plainKey(child.key) {
		case "targetresourceid":
			target = true
		case "protocol":
			protocols = child.text != "" || len(child.children) > 0
		}
	}
	return target && !protocols
}

// isAbout reports whether a field has attributes of all fields beside it.
func isAbout(key string) bool {
	switch plainKey(key) {
	case "meta", "metadata", "info", "header", "settings", "options", "config", "policy":
		return true
	}
	return false
}

// hasDestinations reports whether a field at or below n is one of destinations.
func (n *node) hasDestinations(depth int) bool {
	if r := roleOf(n.key); r == dest || r == network || depth > maxNesting {
		return true
	}
	for _, child := range n.children {
		if child.kind == scalar && child.key == "" && looksLikeAddress(child.text, true) || child.hasDestinations(depth+1) {
			return true
		}
	}
	return false
}

// deniesAlone reports whether the value of a field, whatever its name, is only a word that denies.
func (n *node) deniesAlone() bool {
	if strings.Contains(plainKey(n.key), "default") { // it is about everything that is not listed
		return false
	}
	switch roleOf(n.key) {
	case noRole:
	case remark:
		if plainKey(n.key) != "type" {
			return false
		}
	default:
		return false
	}
	return n.kind == scalar && len(headerWords(n.text)) <= 2 && !looksLikeAddress(n.text, false) && verdictOf(spaced(n.text)) == deny && saysDeny(spaced(n.text))
}

// namesObject reports whether a field is the name of the object around it.
func namesObject(key string) bool {
	switch plainKey(key) {
	case "name", "title", "displayname", "label", "group", "category", "list", "id", "key":
		return true
	}
	return false
}

func isState(key string) bool {
	switch plainKey(key) {
	case "state", "status":
		return true
	}
	return false
}

func isOff(text string) bool {
	yes, ok := truth(text)
	return ok && !yes
}

// isInbound reads a direction.
func isInbound(text string) bool {
	inbound := false
	for _, w := range headerWords(text) {
		switch w {
		case "outbound", "egress", "out", "outgoing":
			return false
		case "inbound", "ingress", "in", "incoming":
			inbound = true
		}
	}
	return inbound
}

// actionOf reads the value of a field of an action.
func actionOf(n *node) verdict {
	switch n.kind {
	case scalar:
		return verdictOf(n.text)
	case list:
		v := unsaid
		for _, child := range n.children {
			v = v.and(actionOf(child))
		}
		return v
	case object:
		v := unsaid
		for _, child := range n.children {
			switch plainKey(child.key) {
			case "type", "value", "name", "action", "text", "kind":
				v = v.and(actionOf(child))
			default:
				if said := actionOf(child); said == deny {
					v = v.and(deny)
				}
			}
		}
		if v == unsaid {
			return unclear
		}
		return v
	}
	return unclear
}

var errPorts = errors.New("its value is not understood")

// portTexts are the ports and protocols below n, each as parsePorts reads it: 443, "Https:443", {type: Https, port: 443},
// and {ports: [{port: 443}]} as Kubernetes has it.
func portTexts(n *node) ([]string, error) {
	switch n.kind {
	case scalar, unknown:
		if t := strings.TrimSpace(n.text); !strings.EqualFold(t, "any") || roleOf(n.key) == ports {
			return []string{t}, nil
		}
		return nil, nil
	case list:
		var all []string
		for _, child := range n.children {
			one, err := portTexts(&node{key: n.key, kind: child.kind, text: child.text, children: child.children})
			if err != nil {
				return nil, err
			}
			all = append(all, one...)
		}
		return all, nil
	}
	var kind, port, name string
	for _, child := range n.children {
		switch key := plainKey(child.key); {
		case child.kind != scalar && key == "ports":
			if len(n.children) > 1 {
				return nil, errPorts // rules about requests, names of servers
			}
			return portTexts(child)
		case child.kind != scalar:
			return nil, errPorts
		case key == "type", key == "protocoltype", key == "protocol":
			kind = child.text
		case key == "name":
			name = child.text
		case key == "port", key == "number", key == "value", key == "portnumber":
			port = child.text
		case key == "endport", key == "to", key == "from", key == "end", key == "start":
			return nil, errors.New("a range of ports")
		}
	}
	if _, known := portWord(strings.ToLower(name)); kind == "" && (known || port == "") {
		kind = name
	}
	return []string{strings.TrimSpace(kind + " " + port)}, nil
}

// scalarOf is n's text, or that of its field of that name.
func scalarOf(n *node, field string) string {
	if n.kind == object {
		for _, child := range n.children {
			if strings.EqualFold(child.key, field) {
				return child.text
			}
		}
	}
	return n.text
}
