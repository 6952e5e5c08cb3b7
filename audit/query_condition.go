package audit

import (
	"net/netip"
	"slices"
	"time"
)

// A Condition is an expression as a tree, for callers that have another program search for records and evaluate the
// results with Match. It is a copy: the Query does not change with it.
type Condition struct {
	Op    string      // and, or, not; empty for a comparison
	Parts []Condition // of and, any number; of or, at least one; of not, one
	Comparison
}

// A Comparison is one test of one field, without its negation.
type Comparison struct {
	Field  string // as in the log
	Op     string // = ~ < <= > >=
	Value  string // as it was written, without quotes
	Quoted bool   // then a star in it is a star

	// Equal, if not nil, are the texts one of which the field's must be. An empty text is that of a field that is not
	// set.
	Equal []string
	// Tail, if not empty, is what the field's text ends with, in every record that matches.
	Tail string
	// Prefix, if it is valid, is where the field's address must be.
	Prefix netip.Prefix
	// Number is what numbers are compared with: bytes for sizes, milliseconds for lengths of time.
	Number uint64
	// Time is what times are compared with.
	Time time.Time
	// Line, if not nil, are texts of which the line of every record that matches contains at least one.
	Line []string
}

// Condition returns the expression as a tree; for a nil Query an and of nothing.
func (q *Query) Condition() Condition {
	if q == nil {
		return Condition{Op: "and"}
	}
	return q.root.condition()
}

func (n allOf) condition() Condition { return Condition{Op: "and", Parts: conditions(n)} }

func (n anyOf) condition() Condition { return Condition{Op: "or", Parts: conditions(n)} }

func (n notNode) condition() Condition {
	return Condition{Op: "not", Parts: conditions([]node{n.part})}
}

func (n test) condition() Condition {
	c := n.told
	c.Equal, c.Line = slices.Clone(c.Equal), slices.Clone(n.texts)
	return Condition{Comparison: c}
}

func conditions(nodes []node) []Condition {
	parts := make([]Condition, len(nodes))
	for i, n := range nodes {
		parts[i] = n.condition()
	}
	return parts
}
