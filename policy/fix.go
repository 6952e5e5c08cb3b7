package policy

import (
	"fmt"
	"time"
)

// remedies returns what would let the request through, if it is wanted. It never proposes to lift a guard that no
// rule can lift.
func (x *Explanation) remedies(req *Request) []Remedy {
	d := x.Decision
	add := func(more string) Remedy {
		entry := d.entryFor(req) + more
		return Remedy{Text: "add to a list file:  " + entry, Entry: entry}
	}
	say := func(format string, args ...any) []Remedy { return []Remedy{{Text: fmt.Sprintf(format, args...)}} }
	switch d.Reason {
	case PhaseInactive:
		command := fmt.Sprintf("webproxy phase start %s --for 4h --reason "+Placeholder, d.Phase())
		return []Remedy{
			{Text: command, Command: command},
			add(" expires=" + req.Time.AddDate(0, 0, 7).Format(time.DateOnly) + " reason=" + Placeholder),
		}
	case RuleExpired:
		return append(say("give %s (%s) a later expires", d.Rule(), d.Source()), add(" reason="+Placeholder))
	case HostNotListed, PortNotAllowed, SchemeNotAllowed, PathNotAllowed:
		return []Remedy{add(" reason=" + Placeholder)}
	case MethodNotAllowed:
		return say("add %s to methods of %s (%s)", req.Method, d.Rule(), d.Source())
	case ClientNotAllowed:
		return say("add %s to for of %s (%s)", d.Group, d.Rule(), d.Source())
	case DeniedByRule:
		return say("remove or narrow %s (%s): no allow can beat it", d.Rule(), d.Source())
	case ClientUnknown:
		return say("add %s to a group in policy.clients", req.Client)
	case IPLiteral:
		all := say("let the client use a name")
		for _, text := range d.literalFix() {
			all = append(all, Remedy{Text: text})
		}
		return all
	case NetworkDenied:
		return say("remove or narrow the network in policy.deny_networks: no rule can beat it")
	case LockedDown:
		command := "webproxy lockdown end --reason " + Placeholder
		return []Remedy{{Text: command, Command: command}}
	case PrivateAddress:
		if d.entry == nil && d.set.classify(req.Target.Addr()) == addrPrivate {
			return say("set private: allow on a rule that names the host")
		}
	}
	return nil
}

// Placeholder stands for the reason in suggested lines and commands. Commands do not accept it as a reason.
const Placeholder = "TICKET"

// literalFix is the rule that would allow the IP address of d's target; none if no rule can.
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

// FixPath is the path of the narrowest entry that would allow req, which d refuses; it is empty if that is an entry
// without a path. Where rules distinguish paths of a host, an entry for the whole host would undo that.
func (d Decision) FixPath(req *Request) string {
	if d.Reason != PathNotAllowed || MatchPath(req.Path, "/any") {
		return ""
	}
	e, err := ParseEntry(req.Target.String() + req.Path)
	if err != nil || !MatchPath(e.Path, req.Path) || MatchPath(e.Path, "/any") { // some paths cannot be written in an entry
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
