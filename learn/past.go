package learn

import "time"

// Past is what people decided about proposals, other than to approve them: that is in the list file.
type Past struct {
	Decided []Decided `yaml:"decided"`
}

// A Decided is one proposal that was rejected, or put off.
type Decided struct {
	Group  string    `yaml:"group"`
	Entry  string    `yaml:"entry"`
	Answer Answer    `yaml:"answer"`
	By     string    `yaml:"by,omitempty"`
	Reason string    `yaml:"reason,omitempty"`
	At     time.Time `yaml:"at"`
	// Until is when a proposal that was put off comes again.
	Until time.Time `yaml:"until,omitempty"`
}

// An Answer is what a person says to a proposal. The words are those of a plan.
type Answer string

const (
	Pending Answer = "pending" // nothing yet
	Approve Answer = "approve" // the entry as it is
	Narrow  Answer = "exact"   // the names seen, one entry each
	Reject  Answer = "reject"  // never again
	Snooze  Answer = "snooze"  // later
)

// snoozeFor is how long a proposal is put off.
const snoozeFor = 14 * 24 * time.Hour

// hides reports whether p was decided, and is not to be shown again at now.
func (p Past) hides(prop *Proposal, now time.Time) bool {
	for _, d := range p.Decided {
		if d.Group == prop.Group && d.Entry == prop.Entry && (d.Answer == Reject || now.Before(d.Until)) {
			return true
		}
	}
	return false
}
