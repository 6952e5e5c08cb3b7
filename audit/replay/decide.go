package replay

import (
	"net/netip"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

// Decide says what the policy decides about the request of one decision record, as far as that can be
// told before it is dialled. The Ruling is of use only if Unjudged is empty. It counts nothing.
func (p *Replay) Decide(r *audit.Record) (Ruling, Unjudged) {
	var x openRequest
	why := x.rebuild(r)
	if why == "" {
		x.decision, why = p.by.decide(&x.request)
	}
	return rulingOf(x.decision), why
}

// An evaluator is a policy that recorded requests are evaluated by.
type evaluator struct {
	set     *policy.Set       // nil denies everything
	queries []policy.RuleInfo // entries with a query, which no record has
}

func newEvaluator(set *policy.Set) evaluator {
	e := evaluator{set: set}
	for _, r := range set.Rules() {
		if r.Query != "" {
			e.queries = append(e.queries, r)
		}
	}
	return e
}

// decide is the decision about req.
func (e *evaluator) decide(req *policy.Request) (policy.Decision, Unjudged) {
	d := e.set.Decide(req)
	// What a query would change, nobody can tell: records have none. It may be the verdict, or the
	// addresses that may be dialled.
	for i := range e.queries {
		r := &e.queries[i]
		if req.Target.Scheme() != policy.HTTP || !r.Host.Matches(req.Target.Host()) {
			continue
		}
		with := *req
		with.Query = r.Query
		if met := e.set.Decide(&with); met.Outcome() != d.Outcome() || met.AddrClass() != d.AddrClass() {
			return d, UnjudgedQuery
		}
	}
	return d, ""
}

// rebuild makes x.request of what r says, or says why that cannot be judged.
func (x *openRequest) rebuild(r *audit.Record) Unjudged {
	switch r.Reason {
	case policy.BadTarget.String(), policy.BadRequest.String():
		return UnjudgedMalformed
	case policy.Loop.String(), policy.Overloaded.String(), policy.AuditUnavailable.String(), policy.RateLimited.String():
		return UnjudgedGuard
	}
	req, ok := r.Request(requestTime(r))
	if !ok || !r.Client.IsValid() {
		return UnjudgedMalformed
	}
	x.request = req
	if r.ClientName != "" { // its certificate told the group
		x.request.Group = r.Group
	}
	if r.Method == "TRACE" || req.Target.Scheme() == policy.HTTPS && r.Method != "CONNECT" && !r.Inspected {
		return UnjudgedForm
	}
	if strings.HasSuffix(r.Path, "…") {
		return UnjudgedPath // it was longer than a record takes
	}
	return ""
}

// requestTime is when the request was made; of folded ones, the last.
func requestTime(r *audit.Record) time.Time {
	if r.Type == audit.TypeRepeat && !r.Last.IsZero() {
		return r.Last
	}
	return r.Time
}

// decideEnd is d, the decision about req, with what r, its close record, tells; late is what was decided in the end.
func (e *evaluator) decideEnd(d policy.Decision, req *policy.Request, r *audit.Record, late Ruling) (policy.Decision, Unjudged) {
	if r.DstIP.IsValid() && d.Permit {
		d = d.CheckAddr(netip.AddrPortFrom(r.DstIP, req.Target.Port()))
	}
	if r.SNI != "" && d.Permit {
		d = e.set.CheckSNI(d, req, r.SNI)
	}
	if late.permits() || !d.Permit {
		return d, ""
	}
	switch late.Reason {
	case policy.PrivateAddress.String(), policy.NetworkDenied.String(), policy.ServiceTagMismatch.String(), policy.Loop.String():
		if !r.DstIP.IsValid() {
			return d, UnjudgedAddress
		}
	case policy.AuditUnavailable.String(), policy.Overloaded.String(), policy.RateLimited.String(),
		policy.BadHello.String(), policy.TLSRequired.String(), policy.SNIRequired.String():
		return d, UnjudgedGuard
	}
	return d, ""
}
