package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gaissmai/bart"
)

// A Set is a compiled Spec. It is immutable and safe for concurrent use. A nil *Set denies everything.
type Set struct {
	entries []entry // by order
	blocks  []block
	index   index
	clients *clients
	phases  map[string]*phase
	self    map[netip.AddrPort]bool
	guards  *bart.Table[addrKind]
	denied  *bart.Lite     // deny_networks
	nat64   []netip.Prefix // the operator's own
	// addrDenies is set if a deny names an address.
	addrDenies bool
	inspecting []*block // those that inspect
	timed      bool     // see Timed
	warnings   []Warning
	pause      func() // of Env; nil for none

	digested *setDigest
	lockdown *lockdown // nil if there is none; see Under
}

// An Env is what a Set must know of the machine it runs on.
type Env struct {
	// Self is the proxy's own listeners, on every address of the machine. No connection may lead there.
	Self []netip.AddrPort
	// Pause, if not nil, is called often by whatever takes long with many entries: Compile, and Digest and Diff of
	// the Set. It may wait, to leave the processor to others.
	Pause func()
}

// A SpecError is one mistake in a Spec.
type SpecError struct {
	Field string // "rules[3].hosts[0]"; empty if it is in a list file
	File  string // where an entry of a list is written, as Entry.Source; else empty
	Msg   string // lower case, no full stop
	Hint  string // what to do; may be empty
	// Finding is the code of the finding with which package lint reports the same; empty if it does not. Only
	// warnings have one.
	Finding string
	// Word is the unknown name, if that is the mistake; Known are the names there are.
	Word  string
	Known []string
	// Key is set if Word is the name of the setting Field itself, not in its value.
	Key bool
}

func (e *SpecError) Error() string {
	at := e.Field
	if e.File != "" {
		at = e.File
	}
	return at + ": " + e.Msg
}

// SpecErrors are all mistakes in a Spec, in its order.
type SpecErrors []*SpecError

func (e SpecErrors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// A Warning is something in a Spec that is valid, but perhaps not what its author meant.
type Warning SpecError

type compiler struct {
	set        *Set
	lib        Library
	place      Place
	errs       SpecErrors
	admissions map[string]*admission
	tags       map[string]serviceTag // by name in lower case
	key        []byte                // scratch of intern
}

// Compile turns spec into a Set, reading the lists it names from lib. The error is SpecErrors, with every mistake;
// the Set is then nil. Compile keeps no reference to spec, but keeps what lib returned.
func Compile(spec *Spec, lib Library, env Env) (*Set, error) {
	c := &compiler{
		set: &Set{
			phases:   map[string]*phase{},
			pause:    env.Pause,
			digested: new(setDigest),
			clients:  new(clients),
			guards:   new(bart.Table[addrKind]),
			denied:   new(bart.Lite),
			self:     map[netip.AddrPort]bool{},
		},
		lib:        lib,
		place:      Place{Cloud: spec.Cloud, Region: spec.Region, Names: spec.Names},
		admissions: map[string]*admission{},
	}
	if c.place.Cloud == "" {
		c.place.Cloud = "public"
	}
	if !validCloud(c.place.Cloud) {
		c.failAt("cloud", fmt.Sprintf("%q: want public, china or usgov", spec.Cloud), "")
	}
	for _, g := range guardTable {
		c.set.guards.Insert(netip.MustParsePrefix(g.prefix), g.kind)
	}
	for _, a := range env.Self {
		c.set.self[netip.AddrPortFrom(a.Addr().Unmap(), a.Port())] = true
	}
	c.compileNetworks(spec)
	c.compileClients(spec)
	c.compileNodes(spec)
	c.compilePhases(spec)
	c.compileRules(spec.Rules)
	if len(c.errs) > 0 {
		return nil, c.errs
	}
	c.set.index = newIndex(c.set.entries, c.set.rest)
	return c.set, nil
}

// compileRules compiles rules: first their hosts, so that there is room for exactly these entries.
func (c *compiler) compileRules(rules []RuleSpec) {
	c.set.blocks = make([]block, len(rules))
	hosts := make([]named, len(rules))
	n := 0
	for i := range rules {
		hosts[i] = c.hostsOf(&rules[i], fmt.Sprintf("rules[%d]", i))
		n += hosts[i].list.Len()
	}
	c.set.entries = make([]entry, 0, n)
	ids := map[string]int{}
	for i := range rules {
		c.compileRule(&rules[i], i, ids, &hosts[i])
	}
}

func (c *compiler) compileRule(r *RuleSpec, i int, ids map[string]int, hosts *named) {
	field := fmt.Sprintf("rules[%d]", i)
	first, dup := ids[r.ID]
	switch {
	case r.ID == "":
		c.failAt(field, "a rule without id", "give it one: the audit log names rules by their ids")
	case !validID(r.ID):
		c.failAt(field+".id", fmt.Sprintf("id %q: want letters, digits, \"-\", \"_\" and \".\"", r.ID), "")
	case dup:
		c.failAt(field+".id", fmt.Sprintf("id %q: rules[%d] has it already", r.ID, first), "")
	default:
		ids[r.ID] = i
	}
	rule := conditions{
		id:      r.ID,
		deny:    r.Deny,
		inspect: r.Inspect,
		because: r.Reason,
		by:      r.By,
		groups:  c.compileFor(r, field),
		methods: c.compileMethods(r, field),
	}
	if r.Phase != "" && c.set.phases[r.Phase] == nil {
		c.failName(field+".phase", "phase", r.Phase, c.phaseNames(), "name it in policy.phases: "+r.Phase+": { active: false }")
	}
	rule.private, rule.tag = c.compileAddress(r, field)
	c.compileInspect(r, rule.groups, field)
	if r.Deny && r.Private != "" {
		c.failAt(field+".private", "a deny allows nothing", "drop private")
	}
	c.errs = append(c.errs, hosts.errs...)
	c.set.warnings = append(c.set.warnings, hosts.warnings...)
	b := &c.set.blocks[i]
	*b = block{conditions: &rule, list: hosts.list, field: hosts.field, hosts: hosts.own, source: r.Source}
	b.terms = make([]terms, len(hosts.list.forms))
	for f := range b.terms {
		b.terms[f] = c.compileTerms(r, &hosts.list.forms[f])
	}
	b.nameNotes()
	if r.Inspect {
		c.set.inspecting = append(c.set.inspecting, b)
	}
	b.first = uint32(len(c.set.entries))
	for n := range hosts.list.items {
		c.set.rest(n)
		c.addEntry(r, b, &hosts.list.items[n])
	}
	b.count = uint32(len(c.set.entries)) - b.first
}

// compileTerms is what entries of form f mean in the rule r.
func (c *compiler) compileTerms(r *RuleSpec, f *form) terms {
	t := terms{path: f.path, query: f.query, otherCloud: f.cloud != "" && f.cloud != c.place.Cloud}
	if !t.otherCloud {
		t.admits = c.compilePort(r, f)
		c.compileTime(r, f, &t)
	}
	return t
}

// nameNotes makes the names of entries with ids of their own.
func (b *block) nameNotes() {
	for i := range b.list.notes {
		if id := b.list.notes[i].id; id != "" {
			if b.names == nil {
				b.names = slices.Repeat([]string{b.id}, len(b.list.notes))
			}
			b.names[i] = b.id + "/" + id
		}
	}
}

// addEntry adds the entry of b that it is.
func (c *compiler) addEntry(r *RuleSpec, b *block, it *item) {
	t := &b.terms[it.form]
	if t.otherCloud {
		return
	}
	c.set.entries = append(c.set.entries, entry{item: it, block: b, order: uint32(len(c.set.entries))})
	e := &c.set.entries[len(c.set.entries)-1]
	if t.wrong != nil {
		wrong := e.blame(t.wrong.Msg, t.wrong.Hint)
		wrong.Word, wrong.Known = t.wrong.Word, t.wrong.Known
		c.errs = append(c.errs, wrong)
	}
	c.checkPathOf(r, e)
	c.checkHost(e)
	c.compileClosed(e)
	c.set.addrDenies = c.set.addrDenies || b.deny && it.kind == patternAddr
	c.set.timed = c.set.timed || t.phase != nil || t.expires != 0
}

// String is the entry in its normal form, with every condition that decides. Two entries with equal strings decide
// alike.
func (e *entry) String() string { return string(e.appendTo(nil)) }

func (e *entry) appendTo(b []byte) []byte {
	t := e.terms()
	b = append(b, verdictOf(e.block.deny).String()...)
	b = append(b, ' ')
	b = append(b, e.name()...)
	b = e.appendForm(b, " http://", t.admits.http)
	b = e.appendForm(b, " https://", t.admits.https)
	b = appendSetting(b, " path=", t.path)
	b = appendSetting(b, " query=", t.query)
	b = appendSetting(b, " methods=", strings.Join(e.block.methods, ","))
	if e.block.groups != nil {
		b = appendSetting(b, " for=", strings.Join(groupNames(e.block.groups), ","))
	}
	if t.phase != nil {
		b = appendSetting(b, " phase=", t.phase.name)
	}
	if t.expires != 0 {
		b = appendSetting(b, " expires=", strconv.FormatInt(t.expires, 10))
	}
	if e.block.private {
		b = append(b, " private=allow"...)
	}
	if tag := e.block.tag; tag != nil {
		b = fmt.Appendf(b, " tag=%s,%s,%d,%s", tag.name, tag.check, tag.prefixes.Size(), tag.digest)
	}
	if e.block.inspect {
		b = append(b, " inspect=true"...)
	}
	return b
}

func (e *entry) appendForm(b []byte, scheme string, ports portSet) []byte {
	if !ports.any() {
		return b
	}
	b = append(b, scheme...)
	b = e.appendHost(b)
	b = append(b, ':')
	return ports.appendTo(b)
}

// appendHost appends the pattern, an IPv6 address in brackets.
func (e *entry) appendHost(b []byte) []byte {
	if host := e.item.host; e.item.kind != patternAddr || !strings.Contains(host, ":") {
		return append(b, host...)
	}
	b = append(b, '[')
	b = append(b, e.item.host...)
	return append(b, ']')
}

func appendSetting(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return append(append(b, key...), value...)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *compiler) failAt(field, msg, hint string) {
	c.errs = append(c.errs, &SpecError{Field: field, Msg: msg, Hint: hint})
}

// failName reports that word, in the setting at field, is the name of no thing of that kind; known are the names of
// all.
func (c *compiler) failName(field, kind, word string, known []string, hint string) {
	c.errs = append(c.errs, noSuch(kind, word, known, hint).in(field))
}

// noSuch says that word is the name of no thing of that kind.
func noSuch(kind, word string, known []string, hint string) *SpecError {
	if len(known) > 0 {
		hint = "there is " + someOf(known)
	}
	return &SpecError{Msg: fmt.Sprintf("no %s %q", kind, word), Hint: hint, Word: word, Known: known}
}

func (e *SpecError) in(field string) *SpecError {
	e.Field = field
	return e
}

// fail reports a mistake in an entry; warn reports what may be one.
func (c *compiler) fail(e *entry, msg, hint string) {
	c.errs = append(c.errs, e.blame(msg, hint))
}

func (c *compiler) warn(e *entry, finding, msg, hint string) {
	w := Warning(*e.blame(msg, hint))
	w.Finding = finding
	c.set.warnings = append(c.set.warnings, w)
}

// someOf is the first of many names.
func someOf(names []string) string {
	const most = 8
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", list(names[:most]), more)
	}
	return list(names)
}

func list(names []string) string { return strings.Join(names, ", ") }

// Timed reports whether decisions of s may change with time: a rule has a phase, or expires, or a lockdown ends.
func (s *Set) Timed() bool { return s != nil && (s.timed || s.lockdown != nil) }

// Len is the number of entries in force.
func (s *Set) Len() int { return len(s.entries) }

// Warnings returns the warnings of Compile; the caller must not change them.
func (s *Set) Warnings() []Warning { return s.warnings }

// rest pauses now and then in a loop of which i is the counter.
func (s *Set) rest(i int) {
	if s != nil && s.pause != nil && i%64 == 0 {
		s.pause()
	}
}

func (s *Set) isSelf(a netip.AddrPort) bool { return s.self[a] }
