package lint

import (
	"cmp"
	"slices"
	"strings"
)

// A Code names a kind of finding. Baselines contain codes: add to them, never change one.
type Code string

const (
	SharedSuffix        Code = "shared-suffix"        // a wildcard where anybody can get a name
	SharedHost          Code = "shared-host"          // a host on which anybody can get a path
	DataReceiver        Code = "data-receiver"        // a service that exists to receive what anybody sends
	Redundant           Code = "redundant"            // another entry covers it
	Shadowed            Code = "shadowed"             // a deny refuses all that an allow admits
	NeverMatches        Code = "never-matches"        // no request can match
	ApexMissing         Code = "apex-missing"         // a wildcard without the name it stands below
	PathOverTLS         Code = "path-over-tls"        // a path that a tunnel hides
	Expired             Code = "expired"              // an entry that has expired
	UnfilledPlaceholder Code = "unfilled-placeholder" // a setting that fills hosts of a list is missing
	ListAge             Code = "list-age"             // a list in force is made of old documents
	OldGeneration       Code = "old-generation"       // a list of which there is a newer generation
	NotInForce          Code = "not-in-force"         // a list has nothing for this cloud or region
	UnknownServiceTag   Code = "unknown-service-tag"  // Microsoft has no service tag of that name
	RegionalServiceTag  Code = "regional-service-tag" // a region of a tag that is needed whole
	LookAlike           Code = "look-alike"           // a name that reads like another
	UpperCase           Code = "upper-case"           // written in capitals
	TrailingDot         Code = "trailing-dot"         // written with a dot at the end
	Config              Code = "config"               // what loading the configuration warns of
)

// Codes lists every Code.
func Codes() []Code {
	return []Code{SharedSuffix, SharedHost, DataReceiver, Redundant, Shadowed, NeverMatches, ApexMissing, PathOverTLS, Expired,
		UnfilledPlaceholder, ListAge, OldGeneration, NotInForce, UnknownServiceTag, RegionalServiceTag, LookAlike, UpperCase, TrailingDot, Config}
}

// A Level is how much a finding matters.
type Level string

const (
	Warning Level = "warning" // the operator can correct it, or should accept it knowingly
	Note    Level = "note"    // it is so in the built-in lists; nothing to do
)

// A Finding is something in a policy that is legal and yet probably wrong.
type Finding struct {
	Code   Code   `json:"code"`
	Level  Level  `json:"level"`
	File   string `json:"file"`             // as policy.RuleInfo.Source has it: "lists/approved.txt"
	Line   int    `json:"line,omitempty"`   // from 1; 0 if unknown
	Column int    `json:"column,omitempty"` // from 1, in characters; 0 if unknown
	Field  string `json:"field,omitempty"`  // of the policy section: "rules[3].hosts[0]"
	Rule   string `json:"rule"`             // as policy.RuleInfo.Rule; empty if it is not about a rule
	Entry  string `json:"entry"`            // the entry or setting, in its normal form
	Reason string `json:"reason"`           // one sentence
	Fix    string `json:"fix,omitempty"`    // what to do
	// Hosts are names from the audit log that would suffice instead of a wildcard, the most frequent first.
	Hosts []string `json:"hosts,omitempty"`

	width int    // of the text at fault, in characters
	text  string // the line
}

// Text is the line at Line; empty if unknown.
func (f *Finding) Text() string { return f.text }

// Width is how many characters at Line and Column the finding is about; 0 if unknown.
func (f *Finding) Width() int { return f.width }

// Fingerprint identifies the finding even if lines of its file move: code, rule and entry.
func (f *Finding) Fingerprint() string {
	return strings.Join(strings.Fields(string(f.Code)+" "+cmp.Or(f.Rule, "-")+" "+f.Entry), " ")
}

// sorted returns the findings in the order of files and lines. An entry with both schemes is two rules in the policy and one
// to a reader: findings about its host are kept once.
func sorted(all []Finding) []Finding {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(string(a.Code), string(b.Code)))
	})
	type told struct {
		code               Code
		file, field, entry string
		line               int
	}
	seen := map[told]bool{}
	return slices.DeleteFunc(all, func(f Finding) bool {
		if f.Code != SharedSuffix && f.Code != SharedHost && f.Code != DataReceiver && f.Code != ApexMissing {
			return false
		}
		key := told{f.Code, f.File, f.Field, f.Entry, f.Line}
		repeated := seen[key]
		seen[key] = true
		return repeated
	})
}
