package policy

import "net/netip"

// An index finds the entries whose host pattern may match a host. Names are looked up by their
// suffixes at label borders, so that a lookup costs one map access a label, however many entries
// there are. It is built once and then only read.
type index struct {
	names map[string]node
	addrs map[netip.Addr]*entry
	any   *entry // entries for every host
}

// A node is what is known of one suffix: three chains of entries, each linked by entry.next.
type node struct {
	exact *entry // the suffix itself
	below *entry // every name below it
	globs *entry // some names below it: ask the entry's pattern
}

func (x *index) add(e *entry) {
	switch p := e.pattern; p.kind {
	case patternAddr:
		e.next = x.addrs[p.addr]
		x.addrs[p.addr] = e
	case patternAny:
		e.next = x.any
		x.any = e
	default:
		n := x.names[p.tail]
		chain := &n.exact
		switch p.kind {
		case patternBelow:
			chain = &n.below
		case patternGlob:
			chain = &n.globs
		}
		e.next = *chain
		*chain = e
		x.names[p.tail] = n
	}
}

// each hands m every entry whose pattern matches the target's host.
func (x *index) each(t Target, m *match) {
	m.chain(x.any)
	if t.addr.IsValid() {
		m.chain(x.addrs[t.addr])
		return
	}
	host := t.host
	m.chain(x.names[host].exact)
	for i := 1; i < len(host); i++ {
		if host[i] != '.' {
			continue
		}
		n, ok := x.names[host[i+1:]]
		if !ok {
			continue
		}
		m.chain(n.below)
		for e := n.globs; e != nil; e = e.next {
			if e.pattern.head.Match(host[:i]) {
				m.try(e)
			}
		}
	}
}
