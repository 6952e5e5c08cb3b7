package learn_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"webproxy/audit"
	"webproxy/catalog"
	"webproxy/internal/policytest"
	"webproxy/internal/simsite"
	"webproxy/learn"
	"webproxy/policy"
)

// Sixty days of worlds with other habits lead to lists that let through, in the thirty days after, what was seen in some
// form, and nothing else; in bulk there is nothing unwanted, and a person decides little.
func TestWorlds(t *testing.T) {
	for i, w := range slices.Concat(simsite.Worlds(), simsite.HeldOut()) {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			world(t, w, uint64(i+1))
		})
	}
}

// worldRules are the lists in force from the beginning, the operator's own entries, and what was learnt.
func worldRules(w simsite.World) []policy.RuleSpec {
	var rules []policy.RuleSpec
	for _, list := range w.Lists {
		rules = append(rules, policy.RuleSpec{ID: strings.Split(list, "@")[0], List: list})
	}
	if len(w.Own) > 0 {
		rules = append(rules, policy.RuleSpec{ID: "own", Hosts: w.Own})
	}
	return rules
}

// A visited is what a world asked for: hosts by whether they are wanted, and the forms of the wanted ones.
type visited struct {
	wanted, unwanted, forms map[string]bool
	endpoints               map[endpoint]bool // the wanted ones
}

// want adds a record of a request that is wanted.
func (v *visited) want(r *audit.Record) {
	at := endpoint{r.Scheme, r.Host, r.Port}
	if !v.endpoints[at] {
		v.endpoints[at], v.wanted[r.Host], v.forms[form(r)] = true, true, true
	}
}

// An endpoint is what a request is for.
type endpoint struct {
	scheme, host string
	port         uint16
}

// form is what a name was seen as: the owner of its domain, with the port and the scheme.
func form(r *audit.Record) string {
	owner := catalog.Owner(r.Host)
	if owner == "" {
		owner = r.Host
	}
	return fmt.Sprint(r.Scheme, owner, r.Port)
}

// visit has a site run from day first up to last, and hands each request to each with its decision record, and again with its
// close record, if it has one.
func visit(t testing.TB, site *simsite.Site, set *policy.Set, first, last int, each func(*simsite.Request, *audit.Record)) {
	t.Helper()
	seq := 0
	var decision audit.Record // one for all: nobody keeps it
	for day := first; day < last; day++ {
		requests := site.Day(day)
		for i := range requests {
			seq++
			r := &requests[i]
			var end *audit.Record
			var err error
			decision, end, err = r.Records(set, fmt.Sprintf("S%d-%d", first, seq))
			if err != nil {
				t.Fatal(err)
			}
			each(r, &decision)
			if end != nil {
				each(r, end)
			}
		}
	}
}

func world(t *testing.T, w simsite.World, seed uint64) {
	site, err := simsite.NewWorld(w, seed)
	if err != nil {
		t.Fatal(err)
	}
	open, err := policy.Compile(siteSpec(policy.Learn, worldRules(w)...), policytest.Library{Catalog: catalog.Get}, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	known := openKnown(t)
	seen := learn.NewObservations()
	seen.Paths = learn.NewPathRules(open, known)
	v := visited{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[endpoint]bool{}}
	visit(t, site, open, 0, 60, func(r *simsite.Request, rec *audit.Record) {
		seen.Add(rec)
		if r.Purpose.Legitimate() {
			v.want(rec)
		} else {
			v.unwanted[rec.Host] = true
		}
	})
	params := learn.Params{Policy: open, Known: known, Now: seen.Last}
	proposals := seen.Group("nodes").Propose(params)
	for _, p := range proposals.List {
		if p.Bulk() && slices.ContainsFunc(p.Hosts(), func(h string) bool { return !v.wanted[h] }) {
			t.Errorf("in bulk: %s with %q", p.Entry, p.Hosts())
		}
		if why := tooWide(p.Host); why != "" {
			t.Errorf("%s is proposed: %s", p.Entry, why)
		}
		if p.Kind == learn.Wildcard && slices.ContainsFunc(p.Hosts(), func(h string) bool { return v.unwanted[h] }) {
			t.Errorf("a wildcard over what is unwanted: %s", p.Entry)
		}
	}
	d := decider{t: t, wanted: v.wanted}
	bulk := 0
	for _, p := range proposals.List {
		if p.Bulk() {
			bulk++
			d.answer(p, learn.Approve)
		}
	}
	d.decisions += min(bulk, 1)
	for _, c := range learn.Cases(proposals.List) {
		d.decide(&c)
	}
	rules := append(worldRules(w), policy.RuleSpec{ID: "learned", File: "l"})
	files := listOf(d.lines)
	enforced, err := policy.Compile(siteSpec(policy.Enforce, rules...), files, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	var o outcome
	visit(t, site, enforced, 60, 90, func(r *simsite.Request, rec *audit.Record) {
		if rec.Type != audit.TypeDecision {
			return
		}
		permitted := rec.Decision == "allow"
		if permitted {
			o.allowed++
		}
		switch {
		case !r.Purpose.Legitimate():
			if permitted {
				o.unwanted++
				o.missed = append(o.missed, "let through: "+r.Target)
			}
		case v.forms[form(rec)]:
			o.legitimate++
			if m := fmt.Sprintf("%s %s", r.Purpose, r.Target); !permitted && !slices.Contains(o.missed, m) {
				o.missed = append(o.missed, m)
			}
		case permitted:
			o.allowed-- // of no form that was seen
		}
	})
	t.Logf("%d nodes, %d hosts: %d in bulk, %d decisions, %d approved and %d rejected one by one or by case; recall %.4f of %d, precision %.4f; refused %q",
		w.Nodes, hostsOf(seen), bulk, d.decisions, d.approved-bulk, d.rejected, o.recall(), o.legitimate, o.precision(), o.missed)
	if o.recall() < 0.99 || o.legitimate < 1_000 {
		t.Errorf("recall %.4f of %d: %q", o.recall(), o.legitimate, o.missed)
	}
	if o.unwanted > 0 {
		t.Errorf("%d unwanted requests let through: %q", o.unwanted, o.missed)
	}
	if d.decisions > 40 {
		t.Errorf("%d decisions", d.decisions)
	}
	// the what-if agrees: after the answers nothing is undecided
	learnt, err := policy.Compile(siteSpec(policy.Learn, rules...), files, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := simsite.NewWorld(w, seed)
	if r := seen.Group("nodes").Ready(learn.Params{Policy: learnt, Known: known, Now: seen.Last, Decisions: d.decided, WhatIf: replaySite(t, again, err, 60, open, enforced)}); !r.Ready() || r.WouldDeny == 0 {
		t.Errorf("after the answers: %s, %q", r.State, r.Missing)
	}
}

// A decider answers as a person who knows what the site has: a case that is wholly the site's is approved, one of which
// nothing is is rejected, and of any other the parts are looked at, which is a decision too.
type decider struct {
	t                             *testing.T
	wanted                        map[string]bool
	decisions, approved, rejected int
	lines                         []string
	decided                       learn.Decisions
}

func (d *decider) decide(c *learn.Case) {
	ours := 0
	for _, p := range c.Proposals {
		if d.ours(p) {
			ours++
		}
	}
	d.decisions++
	switch {
	case ours == 0:
		for _, p := range c.Proposals {
			d.answer(p, learn.Reject)
		}
	case ours == len(c.Proposals) && c.Approvable():
		for _, p := range c.Proposals {
			d.answer(p, learn.Approve)
		}
	default:
		for _, part := range c.Split() {
			d.decide(&part)
		}
	}
}

func (d *decider) ours(p *learn.Proposal) bool {
	return !slices.ContainsFunc(p.Hosts(), func(h string) bool { return !d.wanted[h] })
}

func (d *decider) answer(p *learn.Proposal, answer learn.Answer) {
	item := p.Item()
	item.Answer, item.Reason = answer, "simulated"
	d.decided.Remember(item, "simulated", p.Last)
	lines, err := item.Lines()
	if err != nil {
		d.t.Errorf("%s is proposed, and not to be approved: %v", p.Entry, err)
	}
	d.lines = append(d.lines, lines...)
	if answer == learn.Approve {
		d.approved++
	} else {
		d.rejected++
	}
}
