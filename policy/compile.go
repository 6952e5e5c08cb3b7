package policy

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gaissmai/bart"
)

// A Set is a compiled Spec. It is immutable and safe for concurrent use. A nil *Set denies everything.
type Set struct {
	digest  string
	entries []*entry // by order
	index   index
	clients clients
	phases  map[string]*phase
	self    map[netip.AddrPort]bool
	guards  bart.Table[addrKind]
	denied  bart.Lite      // deny_networks
	nat64   []netip.Prefix // the operator's own
	// addrDenies is set if a deny names an address.
	addrDenies bool
	opening    []*entry // those that open TLS
	timed      bool     // see Timed
	warnings   []Warning
}

// An entry is one host pattern of one rule, with all the conditions that hold for it.
// Decide reads it, so what many entries have in common is shared.
type entry struct {
	pattern Pattern
	next    *entry // in the index's chain
	admits  *admission
	path    string
	query   string
	methods []string // nil: all
	groups  []*group // nil: all
	phase   *phase   // nil: always
	expires int64    // Unix seconds; 0: never
	tag     *serviceTag
	deny    bool
	private bool
	inspect bool
	order   int    // place in the Spec; breaks ties, never decides
	name    string // rule id, with the entry's where it has one
	source  string
	field   string // of the Spec
	because string // the reason its author gave
	by      string // who approved it
}

// An Env is what a Set must know of the machine it runs on.
type Env struct {
	// Self is the proxy's own listeners, on every address of the machine. Nothing leads there.
	Self []netip.AddrPort
}

// A SpecError is one mistake in a Spec.
type SpecError struct {
	Field string // "rules[3].hosts[0]"; empty if it is in a list file
	File  string // where an entry of a list stands, as Entry.Source; else empty
	Msg   string // lower case, no full stop
	Hint  string // what to do; may be empty
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

// A Warning is something in a Spec that holds, but perhaps not as its author meant it.
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

// Compile turns spec into a Set, reading the lists it names from lib. The error is SpecErrors, with
// every mistake there is; the Set is then nil. Compile keeps no reference to spec.
func Compile(spec *Spec, lib Library, env Env) (*Set, error) {
	c := &compiler{
		set: &Set{
			index:  index{names: map[string]node{}, addrs: map[netip.Addr]*entry{}},
			phases: map[string]*phase{},
			self:   map[netip.AddrPort]bool{},
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
	ids := map[string]int{}
	for i := range spec.Rules {
		c.compileRule(&spec.Rules[i], i, ids)
	}
	if len(c.errs) > 0 {
		return nil, c.errs
	}
	c.set.digest = c.set.makeDigest()
	return c.set, nil
}

func (c *compiler) compileRule(r *RuleSpec, i int, ids map[string]int) {
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
	rule := entry{
		deny:    r.Deny,
		inspect: r.Inspect,
		because: r.Reason,
		by:      r.By,
		groups:  c.compileFor(r, field),
		methods: c.compileMethods(r, field),
	}
	rule.private, rule.tag = c.compileAddress(r, field)
	c.compileInspect(r, rule.groups, field)
	if r.Deny && r.Private != "" {
		c.failAt(field+".private", "a deny allows nothing", "drop private")
	}
	c.eachEntry(r, field, func(src *Entry, field string) { c.addEntry(r, src, rule, field) })
}

// addEntry completes the entry e, which has the conditions of its rule, by those of src.
func (c *compiler) addEntry(r *RuleSpec, src *Entry, e entry, field string) {
	if src.Cloud != "" && src.Cloud != c.place.Cloud {
		return
	}
	e.pattern, e.source, e.field, e.order = src.Host, src.Source, field, len(c.set.entries)
	if src.Reason != "" {
		e.because = src.Reason
	}
	if src.By != "" {
		e.by = src.By
	}
	e.name = r.ID
	if src.ID != "" {
		e.name += "/" + src.ID
	}
	c.compilePort(r, src, &e)
	c.compilePath(r, src, &e)
	c.compileTime(r, src, &e)
	c.checkHost(&e)
	c.compileClosed(&e)
	c.set.addrDenies = c.set.addrDenies || e.deny && e.pattern.kind == patternAddr
	c.set.timed = c.set.timed || e.phase != nil || e.expires != 0
	c.set.entries = append(c.set.entries, &e)
	if e.inspect {
		c.set.opening = append(c.set.opening, &e)
	}
	c.set.index.add(&e)
}

// String is the entry in its normal form, every condition that decides included. Two entries with
// equal strings decide alike.
func (e *entry) String() string { return string(e.appendTo(nil)) }

func (e *entry) appendTo(b []byte) []byte {
	verdict := Allow
	if e.deny {
		verdict = Deny
	}
	b = append(b, verdict.String()...)
	b = append(b, ' ')
	b = append(b, e.name...)
	b = e.appendForm(b, " http://", e.admits.http)
	b = e.appendForm(b, " https://", e.admits.https)
	b = appendSetting(b, " path=", e.path)
	b = appendSetting(b, " query=", e.query)
	b = appendSetting(b, " methods=", strings.Join(e.methods, ","))
	if e.groups != nil {
		b = appendSetting(b, " for=", strings.Join(groupNames(e.groups), ","))
	}
	if e.phase != nil {
		b = appendSetting(b, " phase=", e.phase.name)
	}
	if e.expires != 0 {
		b = appendSetting(b, " expires=", strconv.FormatInt(e.expires, 10))
	}
	if e.private {
		b = append(b, " private=allow"...)
	}
	if e.tag != nil {
		b = fmt.Appendf(b, " tag=%s,%s,%d,%s", e.tag.name, e.tag.check, e.tag.prefixes.Size(), e.tag.digest)
	}
	if e.inspect {
		b = append(b, " inspect=true"...)
	}
	return b
}

func (e *entry) appendForm(b []byte, scheme string, ports portSet) []byte {
	if !ports.any() {
		return b
	}
	b = append(b, scheme...)
	b = append(b, e.pattern.bracketed()...)
	b = append(b, ':')
	return ports.appendTo(b)
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

// fail reports a mistake in an entry, warn what may be one.
func (c *compiler) fail(e *entry, msg, hint string) {
	c.errs = append(c.errs, e.blame(msg, hint))
}

func (c *compiler) warn(e *entry, msg, hint string) {
	c.set.warnings = append(c.set.warnings, Warning(*e.blame(msg, hint)))
}

// blame says where e is written: a setting of the Spec, or a line of a file of its own.
func (e *entry) blame(msg, hint string) *SpecError {
	switch {
	case strings.HasSuffix(e.field, ".file"):
		return &SpecError{File: e.source, Msg: msg, Hint: hint}
	case strings.HasSuffix(e.field, ".list"):
		msg = e.source + ": " + msg
	}
	return &SpecError{Field: e.field, Msg: msg, Hint: hint}
}

func list(names []string) string { return strings.Join(names, ", ") }

// Timed reports whether what s decides may change with the time: a rule has a phase, or expires.
func (s *Set) Timed() bool { return s != nil && s.timed }

// Len is the number of entries in force.
func (s *Set) Len() int { return len(s.entries) }

// Warnings returns what Compile noticed; the caller must not change it.
func (s *Set) Warnings() []Warning { return s.warnings }

func (s *Set) isSelf(a netip.AddrPort) bool { return s.self[a] }
