package coverage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"webproxy/catalog"
	"webproxy/policy"
)

// A Status is what a policy does with an endpoint. The words are the command's output format: add to
// them, never change one.
type Status string

const (
	Covered       Status = "covered"       // a rule admits it, always
	Broad         Status = "broad"         // likewise, but only a wildcard that admits strangers too
	Limited       Status = "limited"       // admitted on a condition: a phase, some clients, some methods
	PathOnly      Status = "path-only"     // only a rule for another path admits it, as a tunnel hides paths
	Denied        Status = "denied"        // a deny rule refuses it
	Missing       Status = "missing"       // no rule admits it
	Unknown       Status = "unknown"       // settings to know its host are missing
	Inexpressible Status = "inexpressible" // no rule of a proxy can admit it, such as UDP
)

// Admitted reports whether requests to the endpoint are let through, perhaps on a condition.
func (s Status) Admitted() bool { return s == Covered || s == Broad || s == Limited }

// Statuses lists every Status, the good ones first.
func Statuses() []Status {
	return []Status{Covered, Broad, Limited, PathOnly, Denied, Missing, Unknown, Inexpressible}
}

// Options say for which clients and for what time a policy is evaluated.
type Options struct {
	// Group is the client group whose requests are evaluated. If empty, a rule for some groups admits on that condition.
	Group string
	// Now is the time of the requests; rules that have expired by then admit nothing.
	Now time.Time
}

// A Row is what a policy does with one endpoint.
type Row struct {
	Endpoint
	Status Status
	Rule   string // the rule that decides, as policy.Decision.Rule; may be empty
	RuleAt string // where the rule is written
	Host   string // the rule's host pattern
	Why    string // half a sentence; may be empty
	Fix    string // a line for a list file, or what else to do; may be empty
}

// evaluate finds what the entries of a policy do with e.
func (e *Endpoint) evaluate(of *rules, o Options) Row {
	row := Row{Endpoint: *e}
	switch {
	case e.beyond:
		row.Status, row.Why = Inexpressible, e.reason
		return row
	case e.reason != "":
		row.Status, row.Why, row.Fix = Unknown, e.reason, e.fill
		return row
	}
	var found findings
	for _, i := range of.about(e) {
		found.add(&of.all[i], e, o)
	}
	best := found.allow
	switch {
	case found.deny.rule != nil && found.deny.status == Denied:
		best = found.deny
		row.Fix = fmt.Sprintf("narrow or remove %s (%s): no allow beats it", best.rule.Rule, best.rule.Source)
	case best.rule == nil:
		row.Status, row.Fix = Missing, e.fix()
		if near := found.near; near != nil {
			row.Why = fmt.Sprintf("%s (%s) names the host, but not this port, form or path", near.Rule, near.Host)
		}
		return row
	case best.status == PathOnly || best.status == Broad:
		row.Fix = e.fix()
	}
	if found.deny.status == Limited && best.status.Admitted() {
		best.status = Limited
		best.why = strings.TrimPrefix(best.why+"; "+found.deny.why, "; ")
	}
	row.Status, row.Why = best.status, best.why
	row.Rule, row.RuleAt, row.Host = best.rule.Rule, best.rule.Source, best.rule.Host.String()
	return row
}

// findings collect what the rules say about one endpoint.
type findings struct {
	allow verdict          // the best
	deny  verdict          // the worst
	near  *policy.RuleInfo // the first that names the host without admitting the endpoint
}

func (f *findings) add(r *policy.RuleInfo, e *Endpoint, o Options) {
	switch {
	case !inForce(r, o):
	case r.Deny:
		if a := e.askDeny(r, o); a.rule != nil && (f.deny.rule == nil || a.status == Denied) {
			f.deny = a
		}
	case r.Host.Contains(e.want.Host):
		a := e.askAllow(r, o)
		switch {
		case a.rule == nil && f.near == nil:
			f.near = r
		case a.rule != nil && (f.allow.rule == nil || a.beats(f.allow)):
			f.allow = a
		}
	}
}

// fix is the line that admits e and nothing else.
func (e *Endpoint) fix() string {
	if e.blank != "" {
		return "set " + e.blank + ", which fills " + e.Text
	}
	return e.want.String()
}

// A verdict is what one rule says about one endpoint. The zero verdict: nothing.
type verdict struct {
	rule   *policy.RuleInfo
	status Status
	why    string
}

// method is that of requests to e.
func (e *Endpoint) method() string {
	if e.want.Scheme == policy.HTTPS {
		return "CONNECT"
	}
	return "GET"
}

// askAllow returns what r, an allow that matches e's host, says about e.
func (e *Endpoint) askAllow(r *policy.RuleInfo, o Options) verdict {
	if !r.Admits(e.want.Scheme, e.port) || r.Methods != nil && !slices.Contains(r.Methods, e.method()) {
		return verdict{}
	}
	if !r.AdmitsPath(e.want.Path, e.want.Query) {
		if e.want.Scheme != policy.HTTPS || r.Inspect {
			return verdict{}
		}
		return verdict{r, PathOnly, fmt.Sprintf("the rule is for %s; other paths pass only because a tunnel hides them", r.Path)}
	}
	if why := conditions(r, o); why != "" {
		return verdict{r, Limited, why}
	}
	if broader(r.Host, e.want.Host) {
		return verdict{r, Broad, r.Host.String() + " also admits " + others(r.Host)}
	}
	return verdict{r, Covered, ""}
}

// askDeny returns what r, a deny, says about e: it refuses all of it, or a part.
func (e *Endpoint) askDeny(r *policy.RuleInfo, o Options) verdict {
	whole := r.Host.Contains(e.want.Host)
	if !whole && !e.want.Host.Contains(r.Host) || !r.Admits(e.want.Scheme, e.port) {
		return verdict{}
	}
	switch why := conditions(r, o); {
	case !whole:
		return verdict{r, Limited, fmt.Sprintf("%s denies %s", r.Rule, r.Host)}
	case !r.AdmitsPath(e.want.Path, e.want.Query):
		return verdict{r, Limited, fmt.Sprintf("%s denies the path %s", r.Rule, r.Path)}
	case why != "":
		return verdict{r, Limited, fmt.Sprintf("%s denies it %s", r.Rule, why)}
	}
	return verdict{r, Denied, "a deny beats every allow"}
}

// conditions says, as half a sentence, on what r depends besides host, port and path, and what o does not settle.
func conditions(r *policy.RuleInfo, o Options) string {
	var all []string
	if r.Groups != nil && o.Group == "" {
		all = append(all, "only for clients in "+strings.Join(r.Groups, ", "))
	}
	if r.Phase != "" {
		all = append(all, "only in phase "+r.Phase)
	}
	if !r.Expires.IsZero() {
		all = append(all, "only until "+r.Expires.Format("2006-01-02 15:04 UTC"))
	}
	if r.Methods != nil {
		all = append(all, "only "+strings.Join(r.Methods, ", "))
	}
	return strings.Join(all, ", ")
}

// beats reports whether a is named rather than b: the better status first, then the narrower host.
func (a verdict) beats(b verdict) bool {
	if x, y := a.rank(), b.rank(); x != y {
		return x > y
	}
	return b.rule.Host.Contains(a.rule.Host) && !a.rule.Host.Contains(b.rule.Host)
}

func (a verdict) rank() int { return -slices.Index(Statuses(), a.status) }

// broader reports whether rule admits names of other owners besides want: it is another pattern, a wildcard on a shared domain
// or on a whole registered domain.
func broader(rule, want policy.Pattern) bool {
	if !rule.IsWildcard() || rule.String() == want.String() {
		return false
	}
	if _, shared := catalog.SharedUnder(rule.Tail()); shared {
		return true
	}
	return catalog.Registrable(rule.Tail()) == rule.Tail()
}

// others says which other hosts a wildcard admits.
func others(p policy.Pattern) string {
	if s, shared := catalog.SharedUnder(p.Tail()); shared {
		return fmt.Sprintf("every %s below %s", s.What, s.Suffix)
	}
	return "every other host of " + p.Tail()
}
