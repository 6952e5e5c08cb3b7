package review

import "webproxy/audit"

// A Watch is called when a reading of the log begins, with its purpose in one word. The done that it returns is called once the
// reading has ended. It may be nil.
type Watch func(what string, p *audit.Progress) (done func(*audit.Stats))

// begin begins a reading.
func (w Watch) begin(what string) (*audit.Progress, func(*audit.Stats)) {
	p := new(audit.Progress)
	if w == nil {
		return p, func(*audit.Stats) {}
	}
	return p, w(what, p)
}
