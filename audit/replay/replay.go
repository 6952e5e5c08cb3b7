// Package replay evaluates recorded requests by another policy than the one that was in force, with the code
// that evaluates live ones.
package replay

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"webproxy/audit"
	"webproxy/internal/setting"
	"webproxy/policy"
)

// Skipped says why a recorded request cannot be evaluated again. The words are printed, and are in JSON.
type Skipped string

const (
	SkippedMalformed  Skipped = "malformed" // it named no host and port, or was not a request: no policy permits it
	SkippedForm       Skipped = "form"      // it was in a form that no policy permits: https in absolute form, TRACE
	SkippedGuard      Skipped = "guard"     // a guard of the proxy refused it: a loop, a limit, a record that failed
	SkippedAddress    Skipped = "address"   // the address decides, and is not in the record
	SkippedPath       Skipped = "path"      // the path decides, and is not in the record
	SkippedQuery      Skipped = "query"     // the query decides; it is never recorded
	SkippedAggregated Skipped = "folded"    // counted with others, without the facts that rules need
)

// A Ruling is the decision of one policy about a request.
type Ruling struct {
	Decision policy.Outcome `json:"decision"`
	Reason   string         `json:"reason"`
	Rule     string         `json:"rule,omitempty"`
}

func (r Ruling) permits() bool { return r.Decision.Permits() }

// A Change counts requests of one kind for which two policies differ in what goes ahead.
type Change struct {
	Group  string     `json:"group"`
	Client netip.Addr `json:"client"`
	Scheme string     `json:"scheme"`
	Host   string     `json:"host"`
	Port   uint16     `json:"port"`
	Was    Ruling     `json:"was"`
	Is     Ruling     `json:"is"`
	// Requests is how many there were.
	Requests uint64 `json:"requests"`
	audit.Span
}

// Denied reports whether the requests went ahead, and would not any more.
func (c *Change) Denied() bool { return c.Was.permits() && !c.Is.permits() }

// A Replay evaluates recorded requests by another policy, with the code that evaluates live ones: each with its own
// time, client, method, target and path. Records must be added in the order of the log. It is not safe for concurrent
// use.
//
// It compares what went ahead, not why: would_deny and allow both did. A request that is newly allowed was mostly
// never dialled, so whether its address is permitted is unknown; see Undialled.
type Replay struct {
	// Same, NewlyDenied, NewlyAllowed and those of Skipped add up to Requests.
	Requests, Same, NewlyDenied, NewlyAllowed uint64
	Skipped                                   map[Skipped]uint64
	// Undialled is how many of NewlyAllowed go to a name whose address is not in the log. The guards on addresses
	// would still be evaluated.
	Undialled uint64
	// Listed is how many of Same had been let through as would_deny, and are allowed by a rule now;
	// Unlisted is how many were allowed by a rule, and would only be let through.
	Listed, Unlisted uint64
	// Overflow is how many kinds of change there were beyond changeRows; they are counted as one, Other.
	Overflow uint64

	by      evaluator
	was     *evaluator // nil: requests were decided as their records say
	changes map[changeKey]*Change
	open    *audit.Join[*openRequest]
}

const (
	// changeRows bounds the kinds of change that are distinguished.
	changeRows = 100_000
	// openRows bounds the requests that wait for their close record.
	openRows = 500_000
)

type changeKey struct {
	group, scheme, host string
	client              netip.Addr
	port                uint16
	was, is             Ruling
}

// An openRequest was let through, and has not ended: its address and its SNI may still decide.
type openRequest struct {
	request  policy.Request
	decision policy.Decision
	before   *policy.Decision // by Replay.was; nil without one
	group    string
	was      Ruling
	verdict  verdict // as it was counted
}

// A verdict is how one request was counted, so that the count can be taken back.
type verdict struct {
	why    Skipped // if not empty, it was not evaluated
	is     Ruling
	change *Change // nil if nothing changed
}

// New returns a Replay by set, which may be nil: that denies everything.
func New(set *policy.Set) *Replay {
	return &Replay{
		Skipped: map[Skipped]uint64{}, by: newEvaluator(set),
		changes: map[changeKey]*Change{}, open: audit.NewJoin[*openRequest](openRows),
	}
}

// Compare returns a Replay that compares what set says of each request with what the policy was says of it, instead of
// what was decided when it was recorded. Either policy may be nil.
func Compare(was, set *policy.Set) *Replay {
	p := New(set)
	e := newEvaluator(was)
	p.was = &e
	return p
}

// Policy is the policy that recorded requests are evaluated by.
func (p *Replay) Policy() *policy.Set { return p.by.set }

// Count is how many requests are of the kind that l limits; see setting.WhatIfNames.
func (p *Replay) Count(l setting.Limit) uint64 {
	switch l.Name {
	case setting.NewlyDenied:
		return p.NewlyDenied
	case setting.NewlyAllowed:
		return p.NewlyAllowed
	}
	return 0
}

// Log evaluates by set the requests of the log in dir that o asks for. o.Where, if any, must match the close records
// of the requests whose decisions it matches.
func Log(dir string, o audit.ScanOptions, set *policy.Set) (*Replay, audit.Stats, error) {
	p := New(set)
	stats, err := audit.ScanLines(dir, o, func(r *audit.Record, _ string) error {
		p.Add(r)
		return nil
	})
	return p, stats, err
}

// Add evaluates the request that r is about. It keeps neither r nor its strings.
func (p *Replay) Add(r *audit.Record) {
	switch r.Type {
	case audit.TypeDecision:
		p.decision(r)
	case audit.TypeRepeat:
		p.repeat(r)
	case audit.TypeClose:
		p.end(r)
	}
}

func (p *Replay) decision(r *audit.Record) {
	x := openRequest{group: r.Group, was: Ruling{r.Decision, r.Reason, r.Rule}}
	recorded := x.was
	why := p.evaluate(&x, r)
	x.verdict = verdict{why: why, is: rulingOf(x.decision)}
	p.count(&x, 1)
	if recorded.permits() {
		kept := x
		kept.own()
		p.open.Opened(r, &kept)
	}
}

// evaluate has the policies decide about x, the request of r.
func (p *Replay) evaluate(x *openRequest, r *audit.Record) (why Skipped) {
	if why = x.rebuild(r); why != "" {
		return why
	}
	if x.decision, why = p.by.decide(&x.request); why != "" || p.was == nil {
		return why
	}
	before, why := p.was.decide(&x.request)
	if why == "" {
		x.before, x.was = &before, rulingOf(before)
	}
	return why
}

// Unfinished is how many requests went ahead and were evaluated without the address they went to: their close record is
// not in the log yet, or more were open at a time than are followed.
func (p *Replay) Unfinished() uint64 { return p.open.Unfinished() }

// own gives x strings of its own: those it has keep a whole block of the log in memory.
func (x *openRequest) own() {
	x.group = strings.Clone(x.group)
	x.was = Ruling{policy.Outcome(strings.Clone(string(x.was.Decision))), strings.Clone(x.was.Reason), strings.Clone(x.was.Rule)}
	x.request.Method, x.request.Path = strings.Clone(x.request.Method), strings.Clone(x.request.Path)
}

// repeat counts denials that were aggregated into one record. If they are of several hosts, or the record does not
// have their form, they cannot be evaluated.
func (p *Replay) repeat(r *audit.Record) {
	n := uint64(max(r.Count, 0))
	x := openRequest{group: r.Group, was: Ruling{r.Decision, r.Reason, r.Rule}}
	why := SkippedAggregated
	if r.Host != "" && r.Port != 0 && r.Scheme != "" && r.Method != "" {
		why = p.evaluate(&x, r)
	}
	// A rule with a path was not what refused these, and may be what permits one of them.
	if why == "" && x.request.Target.Scheme() == policy.HTTP && r.Path == "" && !(x.decision.PathEnforced && (x.before == nil || x.before.PathEnforced)) {
		why = SkippedPath
	}
	x.verdict = verdict{why: why, is: rulingOf(x.decision)}
	p.count(&x, n)
}

// end evaluates what is known only at the end of a request: the address it was dialled to, and the name in its
// ClientHello. A request may have been refused for these after its decision record had let it through.
func (p *Replay) end(r *audit.Record) {
	x, ok := p.open.Closed(r)
	if !ok {
		return
	}
	late := Ruling{r.Decision, r.Reason, r.Rule}
	if r.Decision == "" {
		late = x.was
	}
	d, why := x.decision, x.verdict.why
	if why == "" {
		d, why = p.by.decideEnd(d, &x.request, r, late)
	}
	if x.before != nil {
		late, why = p.endBefore(x, r, late, why)
	}
	if why == x.verdict.why && rulingOf(d) == x.verdict.is && late.permits() == x.was.permits() {
		return
	}
	p.uncount(x)
	x.decision, x.was = d, late
	x.verdict = verdict{why: why, is: rulingOf(d)}
	p.count(x, 1)
}

// endBefore is decideEnd by the policy of before.
func (p *Replay) endBefore(x *openRequest, r *audit.Record, late Ruling, why Skipped) (Ruling, Skipped) {
	if why != "" {
		return x.was, why
	}
	d, why := p.was.decideEnd(*x.before, &x.request, r, late)
	return rulingOf(d), why
}

// Finish returns the changes, the most frequent first, those of a newly denied request before the others.
func (p *Replay) Finish() []*Change {
	all := make([]*Change, 0, len(p.changes))
	for _, c := range p.changes {
		if c.Requests > 0 {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *Change) int {
		if a.Denied() != b.Denied() {
			if a.Denied() {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port),
			a.Client.Compare(b.Client), cmp.Compare(a.Scheme, b.Scheme), cmp.Compare(a.Was.Reason, b.Was.Reason),
			cmp.Compare(a.Is.Reason, b.Is.Reason), cmp.Compare(a.Was.Rule, b.Was.Rule), cmp.Compare(a.Is.Rule, b.Is.Rule))
	})
	return all
}
