package policy

import (
	"fmt"
	"time"
)

// fixes returns what would let the request through, were it wanted. It never proposes to lift a
// guard that no rule can lift.
func (x *Explanation) fixes(req *Request) []string {
	d := x.Decision
	add := "add to a list file:  " + d.entryFor(req)
	switch d.Reason {
	case PhaseInactive:
		return []string{
			fmt.Sprintf("webproxy phase start %s --for 4h --reason TICKET", d.Phase()),
			add + " expires=" + req.Time.AddDate(0, 0, 7).Format(time.DateOnly) + " reason=TICKET",
		}
	case RuleExpired:
		return []string{fmt.Sprintf("give %s (%s) a later expires", d.Rule(), d.Source()), add}
	case HostNotListed, PortNotAllowed, SchemeNotAllowed, PathNotAllowed:
		return []string{add + " reason=TICKET"}
	case MethodNotAllowed:
		return []string{fmt.Sprintf("add %s to methods of %s (%s)", req.Method, d.Rule(), d.Source())}
	case ClientNotAllowed:
		return []string{fmt.Sprintf("add %s to for of %s (%s)", d.Group, d.Rule(), d.Source())}
	case DeniedByRule:
		return []string{fmt.Sprintf("remove or narrow %s (%s): no allow can beat it", d.Rule(), d.Source())}
	case ClientUnknown:
		return []string{fmt.Sprintf("add %s to a group in policy.clients", req.Client)}
	case IPLiteral:
		return append([]string{"let the client use a name"}, d.literalFix()...)
	case NetworkDenied:
		return []string{"remove or narrow the network in policy.deny_networks: no rule can beat it"}
	case PrivateAddress:
		if d.entry == nil && d.set.classify(req.Target.Addr()) == addrPrivate {
			return []string{"set private: allow on a rule that names the host"}
		}
	}
	return nil
}

// literalFix is the rule that would allow the address that d's target is; none if no rule can.
func (d Decision) literalFix() []string {
	host := fmt.Sprintf("name the address in a rule:  hosts: [%q]", d.Target.Host())
	switch d.set.classify(d.Target.Addr()) {
	case addrPublic:
		return []string{host}
	case addrPrivate:
		return []string{host + ", private: allow"}
	}
	return nil
}

// FixPath is the path of the narrowest entry that would allow req, which d refuses; it is empty if that is an
// entry without a path. Where paths of a host are told apart, an entry for the whole host would end that.
func (d Decision) FixPath(req *Request) string {
	if d.Reason != PathNotAllowed || MatchPath(req.Path, "/any") {
		return ""
	}
	e, err := ParseEntry(req.Target.String() + req.Path)
	if err != nil || !MatchPath(e.Path, req.Path) || MatchPath(e.Path, "/any") { // some paths are none that can be written
		return ""
	}
	return req.Path
}

// entryFor is the narrowest line of a list that would allow req, which d refuses.
func (d Decision) entryFor(req *Request) string {
	t := req.Target
	if path := d.FixPath(req); path != "" {
		return t.String() + path
	}
	if t.scheme == HTTPS {
		return t.HostPort()
	}
	return t.String()
}

func until(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

func expiryTime(unix int64) string { return until(time.Unix(unix, 0)) }
