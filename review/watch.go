package review

import "webproxy/audit"

// A Watch is called when a reading of the log begins, with what it is for in one word; what it returns is called when it
// has ended, with what was read. A nil Watch watches nothing.
type Watch func(what string, p *audit.Progress) (done func(*audit.Stats))

// begin begins a reading.
func (w Watch) begin(what string) (*audit.Progress, func(*audit.Stats)) {
	p := new(audit.Progress)
	if w == nil {
		return p, func(*audit.Stats) {}
	}
	return p, w(what, p)
}
