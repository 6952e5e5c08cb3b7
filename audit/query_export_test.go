package audit

// MayMatch is the look at the bytes of a line that saves decoding it.
func (q *Query) MayMatch(line string) bool { return q.need == nil || containsAny(line, q.need) }
