package policy

import (
	"fmt"
	"strings"
)

// eachEntry calls add for each entry of whatever names the rule's hosts, with its field in the Spec.
// The Entry is add's for the time of the call.
func (c *compiler) eachEntry(r *RuleSpec, field string, add func(src *Entry, field string)) {
	given := 0
	for _, set := range []bool{r.List != "", r.File != "", len(r.Hosts) > 0, r.URL != ""} {
		given += bit(set)
	}
	if given != 1 {
		c.failAt(field, "want exactly one of hosts, url, file and list", "")
		return
	}
	if len(r.Hosts) > 0 {
		c.eachHost(r, field, add)
		return
	}
	if len(r.Ports) > 0 || len(r.Schemes) > 0 {
		c.failAt(field, "ports and schemes go with hosts only", "a list, a file or a url has them in its entries")
	}
	switch {
	case r.URL != "":
		c.urlEntry(r, field+".url", add)
	case r.File != "":
		entries, err := c.lib.File(r.File)
		if err != nil {
			c.failAt(field+".file", err.Error(), "")
		}
		addAll(entries, field+".file", add)
	default:
		c.listEntries(r, field+".list", add)
	}
}

// listEntries adds those of a catalog list, and warns of what it has but cannot give.
func (c *compiler) listEntries(r *RuleSpec, field string, add func(*Entry, string)) {
	l, err := c.lib.List(r.List, c.place)
	if err != nil {
		c.failAt(field, err.Error(), "")
	}
	for _, d := range l.Disabled {
		if d.Final && len(l.Entries) > 0 {
			continue // nothing to do about it; a list without any entry is another matter
		}
		c.set.warnings = append(c.set.warnings, Warning{
			Field: field, Msg: fmt.Sprintf("%s: %q is not in force: %s", d.Source, d.Text, d.Reason),
		})
	}
	addAll(l.Entries, field, add)
}

func addAll(entries []Entry, field string, add func(*Entry, string)) {
	for i := range entries {
		add(&entries[i], field)
	}
}

func (c *compiler) eachHost(r *RuleSpec, field string, add func(*Entry, string)) {
	ports := c.compilePorts(r, field)
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
		add(&Entry{Host: p, Ports: ports, Source: r.Source}, at)
	}
}

func (c *compiler) urlEntry(r *RuleSpec, field string, add func(*Entry, string)) {
	e, err := ParseEntry(r.URL)
	switch {
	case err != nil:
		msg, hint := err.Error(), ""
		if ee, ok := err.(*EntryError); ok {
			msg, hint = ee.Msg, ee.Hint
		}
		c.failAt(field, msg, hint)
	case e.location() != e.String() || e.Host.kind == patternNone:
		c.failAt(field, fmt.Sprintf("%q is not a URL", r.URL), "write https://host/path; conditions have settings of their own")
	default:
		e.Source = r.Source
		add(&e, field)
	}
}

// checkHost refuses and warns of patterns that cannot do what their author meant.
func (c *compiler) checkHost(e *entry) {
	p := e.pattern
	switch {
	case p.kind == patternAddr && !e.deny:
		c.checkLiteral(e)
	case p.IsWildcard() && !e.deny && !strings.Contains(p.tail, "."):
		c.warn(e, fmt.Sprintf("%q allows every host under a whole top-level domain", p), "name a domain below it")
	}
}

func (c *compiler) checkLiteral(e *entry) {
	switch kind := c.set.classify(e.pattern.addr); {
	case kind == addrForbidden:
		c.fail(e, fmt.Sprintf("%s is an address that no rule can allow", e.pattern), "see \"guards\" in docs/rules.md")
	case kind == addrPrivate && !e.private:
		c.fail(e, fmt.Sprintf("%s is not a public address", e.pattern), "add private: allow to the rule")
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
