package audit

import "iter"

// NewTally returns a Tally of nothing yet, for a caller that adds records one by one. It is not safe for concurrent use.
func NewTally() *Tally { return newTally(tallyRows) }

// Add counts r, whose strings are not kept. Events, which a caller that follows a log sees anyway, are not.
func (t *Tally) Add(r *Record) {
	switch r.Type {
	case TypeDecision, TypeRepeat, TypeClose:
		t.add(r, "")
	}
}

// All are all rows, in no order.
func (t *Tally) All() iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		for _, r := range t.rows {
			if !yield(r) {
				return
			}
		}
	}
}

// Len is the number of rows.
func (t *Tally) Len() int { return len(t.rows) }

// JudgesRows reports whether a Row tells all that the expression asks for: it is about group, client, host, port, scheme,
// decision, reason and rule alone.
func (q *Query) JudgesRows() bool { return q.usesOnly(rowColumns()) }

// Record is what all records of the row have in common.
func (r *Row) Record() Record { return r.record() }

// Span is the time of all records that were counted.
func (t *Tally) Span() Span { return Span{t.earliest, t.latest} }

// Folded returns how many requests were counted without a row of their own, because there were too many rows.
func (t *Tally) Folded() uint64 { return t.folded }

// Spread returns how many requests stand in records that aggregate several hosts.
func (t *Tally) Spread() uint64 { return t.spread }

// Events returns the records that are not about requests, in the order of the log, and how many more there were.
func (t *Tally) Events() (events []Record, more uint64) {
	for _, line := range t.events {
		var e Record
		if e.decodeText(line, false) == nil { // they were decoded before, so they decode
			events = append(events, e)
		}
	}
	return events, t.cut
}

// A RequestKey is what the two rows of a request have in common that was refused after it had been permitted.
type RequestKey struct{ key rowKey }

// RequestKey returns what row and the other row of its requests have in common.
func (r *Row) RequestKey() RequestKey {
	k := r.key()
	k.decision, k.reason = "", ""
	return RequestKey{k}
}
