package policy

import (
	"fmt"
	"slices"
	"strings"
)

// An Explanation is a Decision explained to a person.
type Explanation struct {
	Decision
	// Why is one sentence.
	Why string
	// Near are the entries that are nearest to the request without deciding it, the nearest first.
	Near []NearMiss
	// Fixes are lines to run or to write, the best first, for the case that the request is wanted.
	Fixes []string
	// Remedies are the same as data.
	Remedies []Remedy
}

// A Remedy is one change that would let a request through.
type Remedy struct {
	Text    string // what to do, for people
	Entry   string // a line for a list file, if it is one
	Command string // a command to run, if it is one
}

// A NearMiss is an entry that does not hold for a request, and why not.
type NearMiss struct {
	Rule   string // as Decision.Rule
	Source string // as Decision.Source
	Entry  string // the host pattern
	Why    string // half a sentence
}

// maxNear bounds an Explanation: entries farther away than the fifth are of no use.
const maxNear = 5

// Explain evaluates req as Decide does, and says why. It looks at every entry, so it is not for the hot path.
func (s *Set) Explain(req *Request) Explanation {
	x := Explanation{Decision: s.Decide(req)}
	x.Why = x.why()
	if s == nil || x.Verdict == Allow {
		return x
	}
	if x.Reason != LockedDown { // in a lockdown every rule is equally near
		x.Near = s.nearMisses(req, x.entry)
	}
	x.Remedies = x.remedies(req)
	for _, r := range x.Remedies {
		x.Fixes = append(x.Fixes, r.Text)
	}
	return x
}

func (x *Explanation) why() string {
	d := x.Decision
	named := fmt.Sprintf("%s (%s)", d.Rule(), d.Source())
	switch d.Reason {
	case AllowedByRule:
		if !d.PathEnforced {
			return fmt.Sprintf("%s allows it; its path %s cannot be seen in a tunnel and is not enforced", named, d.entry.terms().path)
		}
		if p := d.entry.pattern(); p.IsWildcard() {
			named = fmt.Sprintf("%s of %s", p, named)
		}
		return fmt.Sprintf("%s allows it", named)
	case HostNotListed:
		return fmt.Sprintf("no rule names %s", d.Target.Host())
	case DeniedByRule:
		return fmt.Sprintf("%s denies it, and a deny beats every allow", named)
	case ClientUnknown:
		return "the client's address is in no client group"
	case IPLiteral:
		return fmt.Sprintf("%s is an IP address that no rule names", d.Target.Host())
	case PrivateAddress:
		return "the address is not a public one"
	case NetworkDenied:
		return "the address is in a network of deny_networks"
	case LockedDown:
		return d.set.lockdown.why()
	case Loop:
		return "the request leads back to this proxy"
	case BadTarget:
		return "the target is not a host and a port"
	}
	if d.entry == nil {
		return d.Reason.String()
	}
	return fmt.Sprintf("%s lists this host, but %s", named, d.entry.condition(d.Reason))
}

// condition says, as half a sentence, which condition of e a request failed for reason.
func (e *entry) condition(reason Reason) string {
	t := e.terms()
	switch reason {
	case reasonUnset:
		return "allows it, and would decide if nothing denied it"
	case ClientNotAllowed:
		return "only for clients in " + list(groupNames(e.block.groups))
	case PortNotAllowed, SchemeNotAllowed:
		return "only for " + t.admits.describe()
	case MethodNotAllowed:
		return "only for the methods " + list(e.block.methods)
	case PathNotAllowed:
		return "only the path " + t.path
	case PhaseInactive:
		if !t.phase.until.IsZero() {
			return fmt.Sprintf("only in phase %s, which ended %s", t.phase.name, until(t.phase.until))
		}
		return fmt.Sprintf("only in phase %s, which is not on", t.phase.name)
	case RuleExpired:
		return "only until " + expiryTime(t.expires)
	case ServiceTagMismatch:
		return "only at addresses of service tag " + e.block.tag.name
	}
	return reason.String()
}

func (a *admission) describe() string {
	var parts []string
	if a.http.any() {
		parts = append(parts, "plain HTTP on port "+a.http.String())
	}
	if a.https.any() {
		parts = append(parts, "CONNECT on port "+a.https.String())
	}
	return strings.Join(parts, " and ")
}

// nearMisses looks for entries that name the host but do not hold, then for those whose host is related. The entry
// that the Decision names is left out.
func (s *Set) nearMisses(req *Request, named *entry) []NearMiss {
	type ranked struct {
		NearMiss
		rank int
	}
	g := s.clients.lookup(req.Client)
	host := req.Target.Host()
	var found []ranked
	for i := range s.entries {
		e := &s.entries[i]
		if e == named || e.block.deny {
			continue
		}
		pattern := e.pattern()
		why, rank := "", 0
		if pattern.Matches(host) {
			reason := e.fails(req, g)
			why, rank = e.condition(reason), 10+nearness(reason)
		} else {
			why, rank = pattern.relation(host)
		}
		if rank > 0 {
			found = append(found, ranked{NearMiss{e.name(), e.source(), pattern.Unicode(), why}, rank})
		}
	}
	slices.SortStableFunc(found, func(a, b ranked) int { return b.rank - a.rank })
	near := make([]NearMiss, 0, maxNear)
	for _, f := range found[:min(len(found), maxNear)] {
		near = append(near, f.NearMiss)
	}
	return near
}

// relation says how a pattern that does not match host is related to it; rank 0 if it is not.
func (p Pattern) relation(host string) (why string, rank int) {
	switch {
	case p.kind == patternBelow && host == p.tail:
		return "a wildcard does not match the bare name", 9
	case p.kind == patternExact && below(host, p.tail):
		return "an exact name does not match the names below it", 8
	case p.kind == patternGlob && below(host, p.tail):
		return "a star inside a label does not match this one", 7
	case p.kind == patternExact && parent(host) != "" && parent(host) == parent(p.tail):
		return "another host of the same domain", 3
	case p.kind == patternBelow && strings.HasSuffix(host, p.tail):
		return "the names only share an ending; a wildcard matches whole labels", 6
	}
	return "", 0
}

// parent is host without its first label; empty if that leaves a top-level domain.
func parent(host string) string {
	_, rest, _ := strings.Cut(host, ".")
	if !strings.Contains(rest, ".") {
		return ""
	}
	return rest
}
