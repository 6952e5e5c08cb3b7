package policy

import (
	"fmt"
	"strings"
)

// An entry is one host pattern of one rule, with all the conditions that hold for it. It has only what is its own:
// the item belongs to the list, and what entries have in common is in the block and its terms.
type entry struct {
	item  *item
	block *block
	next  uint32 // in the index's chain, from 1
	order uint32 // place in the Spec; breaks ties, never decides
}

// A block is what the entries of one rule have in common. Decide reads it.
type block struct {
	*conditions
	list  *Entries
	terms []terms  // by form
	names []string // by note; nil if all have the rule's name
	field string   // of the Spec, without the number of the host
	// hosts is set if they are hosts of the rule itself, numbered from 1 by their lines, and all written at source.
	hosts  bool
	source string
	// first and count are its entries in those of the Set.
	first, count uint32
}

// conditions are those that a rule has for all of its entries.
type conditions struct {
	id      string
	deny    bool
	private bool
	inspect bool
	methods []string // nil: all
	groups  []*group // nil: all
	tag     *serviceTag
	because string // the reason its author gave
	by      string // who approved it
}

// terms are what entries of one form mean in one rule.
type terms struct {
	admits  *admission
	path    string
	query   string
	phase   *phase // nil: always
	expires int64  // Unix seconds; 0: never

	otherCloud bool       // they are for another cloud
	wrong      *SpecError // with the phase, without a place; nil if nothing is
}

func (e *entry) terms() *terms { return &e.block.terms[e.item.form] }

func (e *entry) pattern() Pattern { return e.block.list.pattern(e.item) }

// tailText is as Pattern.tail.
func (e *entry) tailText() string { return e.item.host[e.item.tail:] }

// name is the rule's id, with the entry's where it has one.
func (e *entry) name() string {
	if e.block.names == nil {
		return e.block.id
	}
	return e.block.names[e.item.note]
}

// source is where the entry is written.
func (e *entry) source() string {
	if e.block.hosts {
		return e.block.source
	}
	return e.block.list.source(e.item)
}

func (e *entry) field() string {
	if e.block.hosts {
		return fmt.Sprintf("%s[%d]", e.block.field, e.item.line-1)
	}
	return e.block.field
}

func (e *entry) because() string {
	if own := e.block.list.notes[e.item.note].reason; own != "" {
		return own
	}
	return e.block.conditions.because
}

func (e *entry) by() string {
	if own := e.block.list.notes[e.item.note].by; own != "" {
		return own
	}
	return e.block.conditions.by
}

// blame returns where e is written: a setting of the Spec, or a line of a file of its own.
func (e *entry) blame(msg, hint string) *SpecError {
	field := e.field()
	switch {
	case strings.HasSuffix(field, ".file"):
		return &SpecError{File: e.source(), Msg: msg, Hint: hint}
	case strings.HasSuffix(field, ".list"):
		msg = e.source() + ": " + msg
	}
	return &SpecError{Field: field, Msg: msg, Hint: hint}
}
