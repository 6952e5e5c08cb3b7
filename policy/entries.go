package policy

import (
	"net/netip"
	"strconv"
	"strings"
)

// Entries are the entries of one list, in little memory: what many of them have in common is kept once, and their
// hosts are parts of the text that they were read from. Fill it by ParseLine, or make it by NewEntries. Once it was
// given to Compile it must not be changed, and then is safe for concurrent use. Sets compiled from it refer to it.
// The zero Entries is empty.
type Entries struct {
	// File is where the lines are that ParseLine reads: the Source of an entry is "File:line".
	File string

	items   []item
	forms   []form
	notes   []note
	heads   []matcher // from 1
	sources []string  // by line, from 1; nil if they are File and line

	// The following find what is there already. Done drops them.
	formOf map[formKey]uint32
	noteOf map[note]uint32
	headOf map[string]uint16
	seen   map[lineForm]seenForm
}

// An item is what an entry does not share with others.
type item struct {
	host string // as Pattern.text
	form uint32
	note uint32
	line uint32
	head uint16 // in Entries.heads, of a patternGlob
	kind patternKind
	tail uint8 // where in host the tail begins
}

// A form is the conditions of entries.
type form struct {
	formKey
	list    []uint16 // formKey.ports
	expires Expiry
}

// A formKey is equal for equal forms.
type formKey struct {
	scheme                             Scheme
	ports, path, query, phase, expires string
	cloud                              string
}

// A note is the part of entries that is for people.
type note struct{ id, tag, by, reason string }

// A lineForm is a line of a list without its host: lines that differ in the host only share their form and note.
type lineForm struct{ scheme, rest string }

type seenForm struct{ form, note uint32 }

// maxSeen bounds what is remembered of lines: lists repeat few forms, or have a reason of its own in each line.
const maxSeen = 256

// maxNotes bounds how many notes are compared with new ones.
const maxNotes = 4096

// maxHeads is how many heads of patterns an Entries can have.
const maxHeads = 1<<16 - 1

// NewEntries returns all as Entries, with their Sources.
func NewEntries(all []Entry) *Entries {
	s := &Entries{sources: make([]string, len(all))}
	s.Grow(len(all))
	for i := range all {
		s.sources[i] = all[i].Source
		s.add(&all[i], uint32(i+1))
	}
	s.Done()
	return s
}

// Len is the number of entries.
func (s *Entries) Len() int {
	if s == nil {
		return 0
	}
	return len(s.items)
}

// Grow makes room for n more entries.
func (s *Entries) Grow(n int) {
	s.items = append(make([]item, 0, len(s.items)+n), s.items...)
}

// Done says that no more entries will be added: what only helped to add them is dropped.
func (s *Entries) Done() { s.formOf, s.noteOf, s.headOf, s.seen = nil, nil, nil, nil }

// ParseLine adds the entry of a line of the file, whose number counts from 1. It reports whether there is one: a line
// that is empty, or only a comment, has none. The error is that of ParseEntry.
func (s *Entries) ParseLine(line string, number int) (bool, error) {
	scheme, host, rest := splitLine(line)
	key := lineForm{scheme, rest}
	if at, ok := s.seen[key]; ok {
		if p, err := ParsePattern(host); err == nil && p.isPlain() {
			s.items = append(s.items, item{host: p.text, form: at.form, note: at.note, line: uint32(number), kind: p.kind, tail: p.tailAt()})
			return true, nil
		}
	}
	e, err := ParseEntry(line)
	if err != nil || e.Host.kind == patternNone {
		return false, err
	}
	s.add(&e, uint32(number))
	if host == "" || !e.Host.isPlain() || len(s.seen) == maxSeen {
		return true, nil
	}
	if p, err := ParsePattern(host); err == nil && p.text == e.Host.text {
		if s.seen == nil {
			s.seen = map[lineForm]seenForm{}
		}
		last := &s.items[len(s.items)-1]
		s.seen[key] = seenForm{last.form, last.note}
	}
	return true, nil
}

// splitLine splits a line of a list into its scheme with "://", its host, and the rest. The host is empty if the line
// is not of that form; the result may still not be an entry.
func splitLine(line string) (scheme, host, rest string) {
	host = line
	if before, after, ok := strings.Cut(line, "://"); ok && (before == "http" || before == "https") {
		scheme, host = line[:len(line)-len(after)], after
	}
	end := 0
	for end < len(host) && (hostByte(host[end]) || host[end] == '.' || host[end] == '*') {
		end++
	}
	if end < len(host) && strings.IndexByte(":/? \t", host[end]) < 0 {
		return "", "", ""
	}
	return scheme, host[:end], host[end:]
}

func (s *Entries) add(e *Entry, line uint32) {
	p := &e.Host
	it := item{host: p.text, line: line, kind: p.kind, tail: p.tailAt(), form: s.formFor(e), note: s.noteFor(e)}
	if p.kind == patternGlob {
		it.head = s.headFor(p)
	}
	s.items = append(s.items, it)
}

func (s *Entries) formFor(e *Entry) uint32 {
	key := formKey{scheme: e.Scheme, path: e.Path, query: e.Query, phase: e.Phase, expires: e.Expires.String(), cloud: e.Cloud}
	if len(e.Ports) > 0 {
		key.ports = string(appendPorts(nil, e.Ports))
	}
	n, ok := s.formOf[key]
	if !ok {
		if s.formOf == nil {
			s.formOf = map[formKey]uint32{}
		}
		n = uint32(len(s.forms))
		s.formOf[key] = n
		s.forms = append(s.forms, form{formKey: key, list: e.Ports, expires: e.Expires})
	}
	return n
}

func (s *Entries) noteFor(e *Entry) uint32 {
	key := note{e.ID, e.Tag, e.By, e.Reason}
	n, ok := s.noteOf[key]
	if !ok {
		if s.noteOf == nil {
			s.noteOf = map[note]uint32{}
		}
		n = uint32(len(s.notes))
		if n < maxNotes {
			s.noteOf[key] = n
		}
		s.notes = append(s.notes, key)
	}
	return n
}

// headFor returns the number of what stands before the tail of p, a patternGlob; 0 if there is no room for it.
func (s *Entries) headFor(p *Pattern) uint16 {
	text := p.text[:len(p.text)-len(p.tail)]
	n, ok := s.headOf[text]
	if !ok && len(s.heads) < maxHeads {
		if s.headOf == nil {
			s.headOf = map[string]uint16{}
		}
		s.heads = append(s.heads, p.head)
		n = uint16(len(s.heads))
		s.headOf[text] = n
	}
	return n
}

// isPlain reports whether p is a name, or all names below one.
func (p *Pattern) isPlain() bool { return p.kind == patternExact || p.kind == patternBelow }

// tailAt is where in its text the tail of p begins.
func (p *Pattern) tailAt() uint8 { return uint8(len(p.text) - len(p.tail)) }

// pattern is the host of it.
func (s *Entries) pattern(it *item) Pattern {
	p := Pattern{text: it.host, kind: it.kind, tail: it.host[it.tail:]}
	switch it.kind {
	case patternAddr:
		p.addr, _ = netip.ParseAddr(it.host) // it is valid
	case patternGlob:
		p.head = s.head(it)
	}
	return p
}

// head is what matches before the tail of a patternGlob. Beyond maxHeads it is made when it is needed.
func (s *Entries) head(it *item) matcher {
	if it.head > 0 {
		return s.heads[it.head-1]
	}
	p, _ := ParsePattern(it.host) // it is valid
	return p.head
}

// source is where it is written.
func (s *Entries) source(it *item) string {
	if s.sources != nil {
		return s.sources[it.line-1]
	}
	return s.File + ":" + strconv.Itoa(int(it.line))
}

// Entry returns the entry of number n, from 0. What it refers to must not be changed.
func (s *Entries) Entry(n int) Entry {
	it := &s.items[n]
	f, say := &s.forms[it.form], &s.notes[it.note]
	return Entry{
		Scheme: f.scheme, Host: s.pattern(it), Ports: f.list, Path: f.path, Query: f.query, ID: say.id, Phase: f.phase, Cloud: f.cloud,
		Tag: say.tag, Expires: f.expires, By: say.by, Reason: say.reason, Source: s.source(it),
	}
}

// Line is the line of the entry of number n, from 1, that ParseLine was given.
func (s *Entries) Line(n int) int { return int(s.items[n].line) }

// Repeated calls f for each entry that decides as an earlier one does, with both numbers, in order.
func (s *Entries) Repeated(f func(n, first int)) {
	slots := newTable(len(s.items))
	for n := range s.items {
		it := &s.items[n]
		at := slots.slotFor(slots.hash(it.host)*31+it.form, func(i uint32) bool { return s.items[i].host == it.host && s.items[i].form == it.form })
		if at.first == 0 {
			at.first = uint32(n) + 1
			continue
		}
		f(n, int(at.first)-1)
	}
}

func appendPorts(b []byte, ports []uint16) []byte {
	for i, p := range ports {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(p), 10)
	}
	return b
}
