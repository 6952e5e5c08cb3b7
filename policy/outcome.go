package policy

// An Outcome is the audit log's word for what happened to a request. The words are a file format: add to them, never
// change one.
type Outcome string

const (
	Allowed   Outcome = "allow"      // a rule permits it
	Denied    Outcome = "deny"       // it was refused
	WouldDeny Outcome = "would_deny" // no rule permits it; learn mode let it through
)

// Outcomes are all there are.
func Outcomes() []Outcome { return []Outcome{Allowed, Denied, WouldDeny} }

// Permits reports whether the request went ahead. A word that is not one of Outcomes permits nothing.
func (o Outcome) Permits() bool { return o == Allowed || o == WouldDeny }
