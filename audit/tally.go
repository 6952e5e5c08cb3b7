package audit

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
