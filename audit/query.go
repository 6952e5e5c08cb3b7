package audit

import (
	"fmt"
	"slices"
	"strings"
)

// A Query is a compiled expression over the fields of records:
//
//	decision = deny and host = *.azure.com and not client in 10.0.1.0/24
//
// docs/reading.md describes the language. A Query is immutable and safe for concurrent use. A nil
// *Query matches every record.
type Query struct {
	text string
	root node
	uses columnSet // the fields in the expression
	// need are pieces of text, at least one of which is in the line of every record that matches; nil if nothing is
	// known.
	need []string
}

const (
	queryLimit = 64 << 10 // bytes of an expression
	depthLimit = 200      // of nested parentheses and nots
)

// ParseQuery reads an expression. An empty one matches every record. The error is a *QueryError.
func ParseQuery(text string) (*Query, error) {
	if len(text) > queryLimit {
		return nil, &QueryError{Text: text[:40] + "...", Column: 1, Msg: fmt.Sprintf("an expression of %d bytes is longer than %d", len(text), queryLimit)}
	}
	p := queryParser{lexer: lexer{text: text}, query: &Query{text: text}}
	if err := p.parse(); err != nil {
		err.Text = text
		return nil, err
	}
	q := p.query
	q.need = q.root.need()
	return q, nil
}

// String is the expression as it was written.
func (q *Query) String() string {
	if q == nil {
		return ""
	}
	return q.text
}

// Match reports whether the expression holds for r.
func (q *Query) Match(r *Record) bool {
	return q == nil || q.root.eval(r, allColumns) == yes
}

// Fields returns the names of the fields in the expression, in the order of the log.
func (q *Query) Fields() []string {
	var names []string
	for i := range columns {
		if q != nil && q.uses&(1<<i) != 0 {
			names = append(names, columns[i].name)
		}
	}
	return names
}

// usesOnly reports whether the expression names no other fields than these.
func (q *Query) usesOnly(known columnSet) bool { return q == nil || q.uses&^known == 0 }

// match returns what is known about r, of which only the known fields are known.
func (q *Query) match(r *Record, known columnSet) truth {
	if q == nil {
		return yes
	}
	return q.root.eval(r, known)
}

// A QueryError says what is wrong with an expression, and where.
type QueryError struct {
	Text   string // the expression
	Column int    // of the first byte at fault, from 1
	Msg    string // lower case, no full stop
	Hint   string // what to do; may be empty
}

func (e *QueryError) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Msg) }

// Caret is the expression, and under it a mark at the place of the mistake. It is for people, and empty for an
// expression that does not fit on a screen.
func (e *QueryError) Caret() string {
	if len(e.Text) > 500 || strings.ContainsAny(e.Text, "\n\r\t") {
		return ""
	}
	before := min(e.Column-1, len(e.Text))
	return e.Text + "\n" + strings.Repeat(" ", len([]rune(e.Text[:before]))) + "^"
}

// A truth is whether an expression matches a record of which not all fields may be known (three-valued logic).
type truth uint8

const (
	no truth = iota
	maybe
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// A node is a part of an expression.
type node interface {
	eval(r *Record, known columnSet) truth
	// need is as Query.need.
	need() []string
	// condition is the part as a Condition.
	condition() Condition
}

// allOf holds if all its parts do. Without parts it always holds.
type allOf []node

func (n allOf) eval(r *Record, known columnSet) truth {
	all := yes
	for _, part := range n {
		if all = min(all, part.eval(r, known)); all == no {
			return no
		}
	}
	return all
}

// need is that of the part which most likely rules a line out: the one with the fewest alternatives, and of these the
// one with the longest text.
func (n allOf) need() []string {
	var best []string
	for _, part := range n {
		other := part.need()
		if other != nil && (best == nil || len(other) < len(best) ||
			len(other) == len(best) && shortest(other) > shortest(best)) {
			best = other
		}
	}
	return best
}

func shortest(texts []string) int {
	least := len(texts[0])
	for _, s := range texts {
		least = min(least, len(s))
	}
	return least
}

// anyOf holds if one of its parts does.
type anyOf []node

func (n anyOf) eval(r *Record, known columnSet) truth {
	best := no
	for _, part := range n {
		if best = max(best, part.eval(r, known)); best == yes {
			return yes
		}
	}
	return best
}

func (n anyOf) need() []string {
	var all []string
	for _, part := range n {
		other := part.need()
		if other == nil {
			return nil
		}
		all = append(all, other...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// notNode holds if its part does not.
type notNode struct{ part node }

func (n notNode) eval(r *Record, known columnSet) truth { return yes - n.part.eval(r, known) }

func (n notNode) need() []string { return nil }

// A test is about one field.
type test struct {
	column int
	holds  func(field any) bool // field as column.at returns it
	texts  []string             // as need
	told   Comparison
}

func (n test) eval(r *Record, known columnSet) truth {
	if known&(1<<n.column) == 0 {
		return maybe
	}
	return truthOf(n.holds(columns[n.column].at(r)))
}

func (n test) need() []string { return n.texts }

// allColumns is the set of all fields.
const allColumns = ^columnSet(0)

// columnsOf is the set of the fields of these names, which must exist.
func columnsOf(names ...string) columnSet {
	var set columnSet
	for _, name := range names {
		i := columnIndex(name, 0)
		if i < 0 {
			panic("audit: no field " + name)
		}
		set |= 1 << i
	}
	return set
}
