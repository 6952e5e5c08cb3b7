package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"
)

// A Set is a compiled Spec. It is immutable and safe for concurrent use. A nil *Set denies everything.
type Set struct {
	digest   string
	entries  []*entry // by order
	index    index
	clients  clients
	phases   map[string]*phase
	self     map[netip.AddrPort]bool
	guards   bart.Table[addrKind]
	warnings []Warning
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
	c.compileClients(spec)
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
		groups:  c.compileFor(r, field),
		methods: c.compileMethods(r, field),
	}
	rule.private, rule.tag = c.compileAddress(r, field)
	if r.Deny && r.Private != "" {
		c.failAt(field+".private", "a deny allows nothing", "drop private")
	}
	for _, e := range c.ruleEntries(r, field) {
		c.addEntry(r, e.Entry, rule, e.field)
	}
}

// addEntry completes the entry e, which has the conditions of its rule, by those of src.
func (c *compiler) addEntry(r *RuleSpec, src Entry, e entry, field string) {
	if src.Cloud != "" && src.Cloud != c.place.Cloud {
		return
	}
	e.pattern, e.source, e.field, e.order = src.Host, src.Source, field, len(c.set.entries)
	if src.Reason != "" {
		e.because = src.Reason
	}
	e.name = r.ID
	if src.ID != "" {
		e.name += "/" + src.ID
	}
	if src.Source == "" {
		src.Source = field
	}
	c.compilePort(r, src, &e)
	c.compilePath(r, src, &e)
	c.compileTime(r, src, &e)
	c.checkHost(src, &e)
	c.set.entries = append(c.set.entries, &e)
	c.set.index.add(&e)
}

// makeDigest names what s decides by: the same rules in another order have the same digest.
func (s *Set) makeDigest() string {
	h := sha256.New()
	for _, l := range s.lines() {
		io.WriteString(h, l)
		io.WriteString(h, "\n")
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))[:12]
}

// String is the entry in its normal form, every condition that decides included. Two entries with
// equal strings decide alike.
func (e *entry) String() string {
	var b strings.Builder
	b.WriteString([]string{"allow ", "deny "}[bit(e.deny)])
	b.WriteString(e.name)
	for _, form := range []struct {
		scheme Scheme
		ports  portSet
	}{{HTTP, e.admits.http}, {HTTPS, e.admits.https}} {
		if form.ports.any() {
			b.WriteString(" " + form.scheme.String() + "://" + e.pattern.bracketed() + ":" + form.ports.String())
		}
	}
	for _, kv := range [][2]string{{"path", e.path}, {"query", e.query}, {"methods", strings.Join(e.methods, ",")}} {
		if kv[1] != "" {
			b.WriteString(" " + kv[0] + "=" + kv[1])
		}
	}
	if e.groups != nil {
		names := make([]string, len(e.groups))
		for i, g := range e.groups {
			names[i] = g.name
		}
		b.WriteString(" for=" + strings.Join(names, ","))
	}
	if e.phase != nil {
		b.WriteString(" phase=" + e.phase.name)
	}
	if e.expires != 0 {
		fmt.Fprintf(&b, " expires=%d", e.expires)
	}
	if e.private {
		b.WriteString(" private=allow")
	}
	if e.tag != nil {
		fmt.Fprintf(&b, " tag=%s,%s,%d", e.tag.name, e.tag.check, e.tag.prefixes.Size())
	}
	if e.inspect {
		b.WriteString(" inspect=true")
	}
	return b.String()
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

// fail reports a mistake in an entry, which may stand in a file of its own.
func (c *compiler) fail(src Entry, msg, hint string) {
	c.errs = append(c.errs, (*SpecError)(placed(src, msg, hint)))
}

func (c *compiler) warn(src Entry, msg, hint string) {
	c.set.warnings = append(c.set.warnings, *placed(src, msg, hint))
}

func placed(src Entry, msg, hint string) *Warning {
	w := &Warning{Msg: msg, Hint: hint}
	if strings.HasPrefix(src.Source, "rules[") {
		w.Field = src.Source
	} else {
		w.File = src.Source
	}
	return w
}

func list(names []string) string { return strings.Join(names, ", ") }

// Digest names what the Set decides: "sha256:" and 12 hex digits.
func (s *Set) Digest() string {
	if s == nil {
		return ""
	}
	return s.digest
}

// Len is the number of entries in force.
func (s *Set) Len() int { return len(s.entries) }

// Warnings returns what Compile noticed; the caller must not change it.
func (s *Set) Warnings() []Warning { return s.warnings }

func (s *Set) isSelf(a netip.AddrPort) bool { return s.self[a] }
