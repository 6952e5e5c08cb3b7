package replay

import (
	"net/netip"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

// Decide says what the policy decides about the request of one decision record, as far as that can be
// told before it is dialled. The Ruling is valid only if Skipped is empty. It counts nothing.
func (p *Replay) Decide(r *audit.Record) (Ruling, Skipped) {
	var x openRequest
	why := x.rebuild(r)
	if why == "" {
		x.decision, why = p.by.decide(&x.request)
	}
	return rulingOf(x.decision), why
}

// An evaluator is a policy by which recorded requests are evaluated.
type evaluator struct {
	set     *policy.Set       // nil denies everything
	queries []policy.RuleInfo // entries with a query; records have none
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
func (e *evaluator) decide(req *policy.Request) (policy.Decision, Skipped) {
	d := e.set.Decide(req)
	// Records have no query, so what it would change is unknown: the verdict, or the addresses that may be dialled.
	for i := range e.queries {
		r := &e.queries[i]
		if req.Target.Scheme() != policy.HTTP || !r.Host.Matches(req.Target.Host()) {
			continue
		}
		with := *req
		with.Query = r.Query
		if met := e.set.Decide(&with); met.Outcome() != d.Outcome() || met.AddrClass() != d.AddrClass() {
			return d, SkippedQuery
		}
	}
	return d, ""
}

// rebuild makes x.request from r, or says why the request cannot be evaluated.
func (x *openRequest) rebuild(r *audit.Record) Skipped {
	switch r.Reason {
	case policy.BadTarget.String(), policy.BadRequest.String():
		return SkippedMalformed
	case policy.Loop.String(), policy.Overloaded.String(), policy.AuditUnavailable.String(), policy.RateLimited.String():
		return SkippedGuard
	}
	req, ok := r.Request(requestTime(r))
	if !ok || !r.Client.IsValid() {
		return SkippedMalformed
	}
	x.request = req
	if r.ClientName != "" { // its certificate gave the group
		x.request.Group = r.Group
	}
	if r.Method == "TRACE" || req.Target.Scheme() == policy.HTTPS && r.Method != "CONNECT" && !r.Inspected {
		return SkippedForm
	}
	if strings.HasSuffix(r.Path, "…") {
		return SkippedPath // it was longer than a record takes
	}
	return ""
}

// requestTime is when the request was made; for aggregated ones, the last.
func requestTime(r *audit.Record) time.Time {
	if r.Type == audit.TypeRepeat && !r.Last.IsZero() {
		return r.Last
	}
	return r.Time
}

// decideEnd is d, the decision about req, with the facts of r, its close record; late is the decision at the end.
func (e *evaluator) decideEnd(d policy.Decision, req *policy.Request, r *audit.Record, late Ruling) (policy.Decision, Skipped) {
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
			return d, SkippedAddress
		}
	case policy.AuditUnavailable.String(), policy.Overloaded.String(), policy.RateLimited.String(),
		policy.BadHello.String(), policy.TLSRequired.String(), policy.SNIRequired.String():
		return d, SkippedGuard
	}
	return d, ""
}
