package audit

import "iter"

// NewTally returns an empty Tally, for a caller that adds records one by one. It is not safe for concurrent use.
func NewTally() *Tally { return newTally(tallyRows) }

// Add counts r, whose strings are not kept, and returns its row. It does not keep events, which a caller that follows a log sees
// anyway. like is what Add returned for another record of the same row, and saves looking for the row; nil if the caller has none. The
// result is nil for an event, and where there are too many rows.
func (t *Tally) Add(r *Record, like *Row) *Row {
	switch r.Type {
	case TypeDecision, TypeRepeat, TypeClose:
	default:
		return nil
	}
	t.include(r)
	k := keyOf(r)
	if like == nil {
		like = t.row(k)
	}
	t.addTo(like, r)
	if like.Host == Other && k.host != Other {
		return nil
	}
	return like
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

// RowsSuffice reports whether Rows are enough to evaluate the expression: it is about group, client, host, port,
// scheme, decision, reason and rule alone.
func (q *Query) RowsSuffice() bool { return q.usesOnly(rowColumns()) }

// Record has the fields that all records of the row share.
func (r *Row) Record() Record { return r.record() }

// Span is the time of all records that were counted.
func (t *Tally) Span() Span { return Span{t.earliest, t.latest} }

// Overflow returns how many requests were counted without a row of their own, because there were too many rows.
func (t *Tally) Overflow() uint64 { return t.overflow }

// Spread returns how many requests are in records that aggregate several hosts.
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

// A RequestKey identifies the two rows of a request that was refused after it had been permitted.
type RequestKey struct{ key rowKey }

// RequestKey returns what row and the other row of its requests have in common.
func (r *Row) RequestKey() RequestKey {
	k := r.key()
	k.decision, k.reason = "", ""
	return RequestKey{k}
}
