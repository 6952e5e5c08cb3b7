package simsite

import (
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

// Policy decides about r.
func (r *Request) Policy() (policy.Request, error) {
	t, path, query, err := policy.ParseURL(r.Target)
	if err != nil {
		return policy.Request{}, err
	}
	q := policy.Request{Time: r.Time, Client: r.Client, Method: "CONNECT", Target: t, Path: path, Query: query}
	if t.Scheme() == policy.HTTP {
		q.Method = "GET"
	}
	return q, nil
}

// Records are what the proxy would write of r under set: the decision and, if r was let through, the
// close record with the same id; else the second is nil.
func (r *Request) Records(set *policy.Set, id string) (decision audit.Record, end *audit.Record, err error) {
	q, err := r.Policy()
	if err != nil {
		return decision, nil, err
	}
	d := set.Decide(&q)
	decision = audit.Record{
		Type: audit.TypeDecision, Time: r.Time, ID: id, Client: r.Client, ClientPort: 50000, Group: d.Group,
		Method: q.Method, Scheme: q.Target.Scheme().String(), Host: q.Target.Host(), Port: q.Target.Port(), Path: q.Path,
		Decision: d.Outcome(), Reason: d.Reason.String(), Rule: d.Rule(), RuleSource: d.Source(), Policy: d.Policy(),
		Mode: d.Mode.String(), Phase: d.Phase(), PathEnforced: d.PathEnforced,
	}
	if !d.Permit {
		decision.Status = 403
		return decision, nil, nil
	}
	last := decision
	last.Type, last.Time = audit.TypeClose, r.Time.Add(300*time.Millisecond)
	last.Status, last.BytesOut, last.BytesIn, last.Duration = 200, 1200, 5400, 300*time.Millisecond
	if r.Fails != "" {
		last.Status, last.Error, last.BytesIn = 502, r.Fails, 0
	}
	return decision, &last, nil
}
