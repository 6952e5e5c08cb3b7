package policy

import (
	"fmt"
	"strings"
)

// A placedEntry is an Entry with the field of the Spec it came from.
type placedEntry struct {
	Entry
	field string
}

// ruleEntries returns the entries of whatever names the rule's hosts.
func (c *compiler) ruleEntries(r *RuleSpec, field string) []placedEntry {
	given := 0
	for _, set := range []bool{r.List != "", r.File != "", len(r.Hosts) > 0, r.URL != ""} {
		given += bit(set)
	}
	if given != 1 {
		c.failAt(field, "want exactly one of hosts, url, file and list", "")
		return nil
	}
	if len(r.Hosts) > 0 {
		return c.hostEntries(r, field)
	}
	if len(r.Ports) > 0 || len(r.Schemes) > 0 {
		c.failAt(field, "ports and schemes go with hosts only", "a list, a file or a url has them in its entries")
	}
	switch {
	case r.URL != "":
		return c.urlEntry(r, field)
	case r.File != "":
		entries, err := c.lib.File(r.File)
		if err != nil {
			c.failAt(field+".file", err.Error(), "")
		}
		return placeAll(entries, field+".file")
	}
	l, err := c.lib.List(r.List, c.place)
	if err != nil {
		c.failAt(field+".list", err.Error(), "")
	}
	for _, d := range l.Disabled {
		if d.Final && len(l.Entries) > 0 {
			continue // nothing to do about it; a list without any entry is another matter
		}
		c.set.warnings = append(c.set.warnings, Warning{
			Field: field + ".list", Msg: fmt.Sprintf("%s: %q is not in force: %s", d.Source, d.Text, d.Reason),
		})
	}
	return placeAll(l.Entries, field+".list")
}

func placeAll(entries []Entry, field string) []placedEntry {
	all := make([]placedEntry, len(entries))
	for i, e := range entries {
		all[i] = placedEntry{e, field}
	}
	return all
}

func (c *compiler) hostEntries(r *RuleSpec, field string) []placedEntry {
	ports := c.compilePorts(r, field)
	all := make([]placedEntry, 0, len(r.Hosts))
	for i, h := range r.Hosts {
		at := fmt.Sprintf("%s.hosts[%d]", field, i)
		p, err := ParsePattern(h)
		if r.Deny && h == "*" {
			p, err = anyPattern(), nil
		}
		if err != nil {
			hint := patternHint(h)
			if strings.ContainsAny(h, ":/") {
				hint = "a host only: ports have a setting of their own, and a URL goes to url or into a list file"
			}
			c.failAt(at, err.Error(), hint)
			continue
		}
		all = append(all, placedEntry{Entry{Host: p, Ports: ports, Source: r.Source}, at})
	}
	return all
}

func (c *compiler) urlEntry(r *RuleSpec, field string) []placedEntry {
	e, err := ParseEntry(r.URL)
	switch {
	case err != nil:
		msg, hint := err.Error(), ""
		if ee, ok := err.(*EntryError); ok {
			msg, hint = ee.Msg, ee.Hint
		}
		c.failAt(field+".url", msg, hint)
		return nil
	case e.location() != e.String() || e.Host.kind == patternNone:
		c.failAt(field+".url", fmt.Sprintf("%q is not a URL", r.URL), "write https://host/path; conditions have settings of their own")
		return nil
	}
	e.Source = r.Source
	return []placedEntry{{e, field + ".url"}}
}

// checkHost refuses and warns of patterns that cannot do what their author meant.
func (c *compiler) checkHost(src Entry, e *entry) {
	p := e.pattern
	switch {
	case p.kind == patternAddr && !e.deny:
		c.checkLiteral(src, e)
	case p.IsWildcard() && !e.deny && !strings.Contains(p.tail, "."):
		c.warn(src, fmt.Sprintf("%q allows every host under a whole top-level domain", p), "name a domain below it")
	}
}

func (c *compiler) checkLiteral(src Entry, e *entry) {
	switch kind := c.set.classify(e.pattern.addr); {
	case kind == addrForbidden:
		c.fail(src, fmt.Sprintf("%s is an address that no rule can allow", e.pattern), "see \"guards\" in docs/rules.md")
	case kind == addrPrivate && !e.private:
		c.fail(src, fmt.Sprintf("%s is not a public address", e.pattern), "add private: allow to the rule")
	}
}

// compilePorts checks the rule's ports, once for all of its hosts.
func (c *compiler) compilePorts(r *RuleSpec, field string) []uint16 {
	seen := map[uint16]bool{}
	for i, p := range r.Ports {
		at := fmt.Sprintf("%s.ports[%d]", field, i)
		switch {
		case p == 0:
			c.failAt(at, "port 0: want 1 to 65535", "")
		case seen[p]:
			c.failAt(at, fmt.Sprintf("port %d is listed twice", p), "")
		}
		seen[p] = true
	}
	for i, s := range r.Schemes {
		if s == SchemeNone {
			c.failAt(fmt.Sprintf("%s.schemes[%d]", field, i), "want http or https", "")
		}
	}
	return r.Ports
}
