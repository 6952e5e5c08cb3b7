package policy

import (
	"hash/maphash"
	"net/netip"
)

// An index finds the entries whose host pattern may match a host. Names are looked up by their suffixes at label
// borders, so that a lookup costs one access a label, however many entries there are. It is built once and then only
// read. Entries are given by their numbers from 1; 0 is none.
type index struct {
	entries []entry // linked by entry.next
	exact   table   // names
	below   table   // the part of patterns after the last star
	addrs   map[netip.Addr]uint32
	any     uint32 // entries for every host
}

// A table maps texts to entries, by hash. It holds numbers, not texts, which takes a few bytes an entry, where a map
// of strings takes a hundred.
type table struct {
	seed  maphash.Seed
	slots []slot
}

// A slot is empty if first is 0.
type slot struct{ hash, first uint32 }

// newTable returns a table for n texts.
func newTable(n int) table {
	return table{maphash.MakeSeed(), make([]slot, n+n/3+1)}
}

// hash is that of a text.
func (t *table) hash(text string) uint32 { return uint32(maphash.String(t.seed, text) >> 32) }

// slotFor returns the slot of hash for whose first entry, counted from 0, is holds, or the empty slot where it
// belongs. At least one slot must be empty.
func (t *table) slotFor(hash uint32, is func(i uint32) bool) *slot {
	for i := t.start(hash); ; {
		s := &t.slots[i]
		if s.first == 0 || s.hash == hash && is(s.first-1) {
			s.hash = hash
			return s
		}
		if i++; i == len(t.slots) {
			i = 0
		}
	}
}

func (t *table) start(hash uint32) int { return int(uint64(hash) * uint64(len(t.slots)) >> 32) }

// newIndex makes the index of entries, which calls rest now and then.
func newIndex(entries []entry, rest func(int)) index {
	x := index{entries: entries}
	exact, below := 0, 0
	for i := range entries {
		switch entries[i].item.kind {
		case patternExact:
			exact++
		case patternBelow, patternGlob:
			below++
		}
	}
	x.exact, x.below = newTable(exact), newTable(below)
	for i := range entries {
		rest(i)
		x.add(uint32(i))
	}
	return x
}

func (x *index) add(i uint32) {
	e := &x.entries[i]
	chain := &x.any
	switch e.item.kind {
	case patternAny:
	case patternAddr:
		addr := e.pattern().addr
		if x.addrs == nil {
			x.addrs = map[netip.Addr]uint32{}
		}
		e.next = x.addrs[addr]
		x.addrs[addr] = i + 1
		return
	case patternExact:
		chain = x.slot(&x.exact, e.tailText())
	default:
		chain = x.slot(&x.below, e.tailText())
	}
	e.next = *chain
	*chain = i + 1
}

func (x *index) slot(t *table, text string) *uint32 {
	return &t.slotFor(t.hash(text), func(i uint32) bool { return x.entries[i].tailText() == text }).first
}

// find returns the first entry of t with text as its tail.
func (x *index) find(t *table, text string) uint32 {
	if len(t.slots) <= 1 {
		return 0
	}
	hash := t.hash(text)
	for i := t.start(hash); ; {
		s := &t.slots[i]
		if s.first == 0 || s.hash == hash && x.entries[s.first-1].tailText() == text {
			return s.first
		}
		if i++; i == len(t.slots) {
			i = 0
		}
	}
}

// each hands m every entry whose pattern matches the target's host.
func (x *index) each(t Target, m *match) {
	x.chain(x.any, m)
	if t.addr.IsValid() {
		x.chain(x.addrs[t.addr], m)
		return
	}
	host := t.host
	x.chain(x.find(&x.exact, host), m)
	if len(x.below.slots) <= 1 {
		return
	}
	for i := 1; i < len(host); i++ {
		if host[i] != '.' {
			continue
		}
		for n := x.find(&x.below, host[i+1:]); n != 0; {
			e := &x.entries[n-1]
			if e.item.kind == patternBelow || e.block.list.head(e.item).Match(host[:i]) {
				m.try(e)
			}
			n = e.next
		}
	}
}

// chain hands m the entry of number n and those linked to it.
func (x *index) chain(n uint32, m *match) {
	for n != 0 {
		e := &x.entries[n-1]
		m.try(e)
		n = e.next
	}
}
