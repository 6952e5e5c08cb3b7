package learn

import (
	"fmt"
	"strings"

	"webproxy/audit/replay"
	"webproxy/policy"
)

// whatIf counts what enforcing would refuse, by a replay of the log under the policy that would be enforced. Rejected
// proposals, and hosts that are not learnt from because they never responded or cannot be allowed, are meant to be refused.
func (r *Readiness) whatIf(w *proposer, replay *replay.Replay) {
	r.Replayed = replay != nil
	if replay == nil {
		return
	}
	meant := w.meantToBeRefused()
	hosts := map[string]bool{}
	for _, c := range replay.Finish() {
		if c.Group != r.Group || !c.Denied() || c.Was.Decision == policy.Allowed && c.Is.Reason == policy.PhaseInactive.String() {
			continue
		}
		r.WouldDeny += c.Requests
		var scheme policy.Scheme
		if err := scheme.UnmarshalText([]byte(c.Scheme)); err == nil && meant[Endpoint{Host: c.Host, Port: c.Port, Scheme: scheme}] {
			continue
		}
		r.Undecided += c.Requests
		hosts[c.Host] = true
	}
	r.UndecidedHosts = sortedKeys(hosts)
}

// meantToBeRefused are the endpoints of which everything that is not admitted is meantToBeRefused to be refused. A host of which one path was
// rejected and another was not is not among them.
func (w *proposer) meantToBeRefused() map[Endpoint]bool {
	meant := map[Endpoint]bool{}
	for _, x := range w.out.Withheld {
		meant[x.Endpoint().anyPath()] = true
	}
	rejected := map[*Proposal]bool{}
	for _, p := range w.out.Remembered {
		rejected[p] = w.decisions.rejects(p)
	}
	for _, e := range w.order {
		if e.by != nil && !e.admitted && rejected[e.by] {
			meant[e.anyPath()] = true
		}
	}
	for _, e := range w.order {
		if e.by != nil && !e.admitted && !rejected[e.by] {
			delete(meant, e.anyPath())
		}
	}
	return meant
}

// undecided says what keeps the group from being ready; empty if nothing does.
func (r *Readiness) undecided() string {
	switch {
	case !r.Replayed:
		return "no what-if was made"
	case r.Undecided == 0:
		return ""
	}
	some := strings.Join(r.UndecidedHosts[:min(len(r.UndecidedHosts), 3)], ", ")
	if len(r.UndecidedHosts) > 3 {
		some += ", ..."
	}
	return fmt.Sprintf("enforcing would refuse %d requests that nobody decided on (%s)", r.Undecided, some)
}
