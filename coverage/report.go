package coverage

import (
	"fmt"
	"strings"

	"webproxy/policy"
)

// A Report is what a policy does with every endpoint of a profile, in its order.
type Report struct {
	Profile string
	Cloud   string
	Region  string
	Policy  string // the digest of the policy
	Rows    []Row
}

// Check evaluates every endpoint of p under set.
func (p *Profile) Check(set *policy.Set, o Options) Report {
	r := Report{Profile: p.Name, Cloud: p.Place.Cloud, Region: p.Place.Region, Policy: set.Digest()}
	rules := indexRules(set.Rules(), o)
	for i := range p.Endpoints {
		r.Rows = append(r.Rows, p.Endpoints[i].evaluate(rules, o))
	}
	return r
}

// Complete reports whether every required endpoint is admitted. Those that no rule can express, which are a matter of the
// firewall, do not count.
func (r *Report) Complete() bool {
	for _, row := range r.Rows {
		if row.Need.Required() && !row.Status.Admitted() && row.Status != Inexpressible {
			return false
		}
	}
	return true
}

// Count is how many rows have the status.
func (r *Report) Count(s Status) int {
	n := 0
	for _, row := range r.Rows {
		if row.Status == s {
			n++
		}
	}
	return n
}

// Verdict is the report in one line, such as
//
//	azure-local@2026-07 eastus: 59 of 83 covered (40 broadly); 24 not: 22 missing, 1 path-only, 1 inexpressible
func (r *Report) Verdict() string {
	admitted := 0
	var how, not []string
	for _, s := range Statuses() {
		n := r.Count(s)
		switch {
		case n == 0:
		case s == Covered:
			admitted += n
		case s.Admitted():
			admitted += n
			how = append(how, fmt.Sprintf("%d %s", n, s))
		default:
			not = append(not, fmt.Sprintf("%d %s", n, s))
		}
	}
	var b strings.Builder
	b.WriteString(r.Profile)
	if r.Region != "" {
		b.WriteString(" " + r.Region)
	}
	fmt.Fprintf(&b, ": %d of %d covered", admitted, len(r.Rows))
	if len(how) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(how, ", "))
	}
	if len(not) > 0 {
		fmt.Fprintf(&b, "; %d not: %s", len(r.Rows)-admitted, strings.Join(not, ", "))
	}
	return b.String()
}
