package policy

import (
	"fmt"
	"strings"
)

// A named is the hosts that a rule names, and the mistakes in them.
type named struct {
	list     *Entries // never nil
	field    string   // of the Spec
	own      bool     // they are the rule's own hosts; the line of each is its number, from 1
	errs     SpecErrors
	warnings []Warning
}

// hostsOf returns the entries that the rule's host setting names.
func (c *compiler) hostsOf(r *RuleSpec, field string) named {
	h := named{list: &Entries{}}
	given := 0
	for _, set := range []bool{r.List != "", r.File != "", len(r.Hosts) > 0, r.URL != ""} {
		given += bit(set)
	}
	if given != 1 {
		h.failAt(field, "want exactly one of hosts, url, file and list", "")
		return h
	}
	if len(r.Hosts) > 0 {
		h.ownHosts(r, field)
		return h
	}
	if len(r.Ports) > 0 || len(r.Schemes) > 0 {
		h.failAt(field, "ports and schemes go with hosts only", "a list, a file or a url has them in its entries")
	}
	switch {
	case r.URL != "":
		h.url(r, field+".url")
	case r.File != "":
		h.field = field + ".file"
		entries, err := c.lib.File(r.File)
		if err != nil {
			h.failAt(h.field, err.Error(), "")
		}
		if entries != nil {
			h.list = entries
		}
	default:
		h.catalog(c, r, field+".list")
	}
	return h
}

func (h *named) failAt(field, msg, hint string) {
	h.errs = append(h.errs, &SpecError{Field: field, Msg: msg, Hint: hint})
}

// catalog takes the entries of a catalog list, and warns of those that it has but cannot enable.
func (h *named) catalog(c *compiler, r *RuleSpec, field string) {
	h.field = field
	l, err := c.lib.List(r.List, c.place)
	if err != nil {
		h.failAt(field, err.Error(), "")
	}
	for _, d := range l.Disabled {
		if d.Final && len(l.Entries) > 0 {
			continue // the operator can do nothing about it; a list without entries is reported below
		}
		h.warnings = append(h.warnings, Warning{
			Field: field, Msg: fmt.Sprintf("%s: %q is not in force: %s", d.Source, d.Text, d.Reason),
			Finding: "not-in-force",
		})
	}
	h.list = NewEntries(l.Entries)
}

func (h *named) ownHosts(r *RuleSpec, field string) {
	h.field, h.own = field+".hosts", true
	h.checkPorts(r, field)
	for i, host := range r.Hosts {
		p, err := ParsePattern(host)
		if r.Deny && host == "*" {
			p, err = anyPattern(), nil
		}
		if err != nil {
			hint := patternHint(host)
			if strings.ContainsAny(host, ":/") {
				hint = "a host only: ports have a setting of their own, and a URL goes to url or into a list file"
			}
			h.failAt(fmt.Sprintf("%s[%d]", h.field, i), err.Error(), hint)
			continue
		}
		h.list.add(&Entry{Host: p, Ports: r.Ports}, uint32(i+1))
	}
	h.list.Done()
}

func (h *named) url(r *RuleSpec, field string) {
	h.field = field
	e, err := ParseEntry(r.URL)
	switch {
	case err != nil:
		msg, hint := err.Error(), ""
		if ee, ok := err.(*EntryError); ok {
			msg, hint = ee.Msg, ee.Hint
		}
		h.failAt(field, msg, hint)
	case e.location() != e.String() || e.Host.kind == patternNone:
		h.failAt(field, fmt.Sprintf("%q is not a URL", r.URL), "write https://host/path; conditions have settings of their own")
	default:
		e.Source = r.Source
		h.list = NewEntries([]Entry{e})
	}
}

// checkHost refuses and warns of patterns that cannot do what their author meant.
func (c *compiler) checkHost(e *entry) {
	switch kind := e.item.kind; {
	case e.block.deny || kind == patternExact:
	case kind == patternAddr:
		c.checkLiteral(e)
	case !strings.Contains(e.tailText(), "."):
		c.warn(e, "shared-suffix", fmt.Sprintf("%q allows every host under a whole top-level domain", e.item.host), "name a domain below it")
	}
}

func (c *compiler) checkLiteral(e *entry) {
	switch kind := c.set.classify(e.pattern().addr); {
	case kind == addrForbidden:
		c.fail(e, fmt.Sprintf("%s is an address that no rule can allow", e.item.host), "see \"guards\" in docs/rules.md")
	case kind == addrPrivate && !e.block.private:
		c.fail(e, fmt.Sprintf("%s is not a public address", e.item.host), "add private: allow to the rule")
	}
}

// checkPorts checks the rule's ports, once for all of its hosts.
func (h *named) checkPorts(r *RuleSpec, field string) {
	seen := map[uint16]bool{}
	for i, p := range r.Ports {
		at := fmt.Sprintf("%s.ports[%d]", field, i)
		switch {
		case p == 0:
			h.failAt(at, "port 0: want 1 to 65535", "")
		case seen[p]:
			h.failAt(at, fmt.Sprintf("port %d is listed twice", p), "")
		}
		seen[p] = true
	}
	for i, s := range r.Schemes {
		if s == SchemeNone {
			h.failAt(fmt.Sprintf("%s.schemes[%d]", field, i), "want http or https", "")
		}
	}
}
