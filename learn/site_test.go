package learn_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/catalog"
	"webproxy/internal/policytest"
	"webproxy/internal/simsite"
	"webproxy/learn"
	"webproxy/policy"
)

// listOf is a library of one list file, made of lines, beside the catalog.
func listOf(lines []string) policytest.Library {
	return policytest.Library{Catalog: catalog.Get, Files: map[string]string{"l": strings.Join(lines, "\n")}}
}

// siteSpec is a policy for the simulated site.
func siteSpec(mode policy.Mode, rules ...policy.RuleSpec) *policy.Spec {
	return &policy.Spec{
		Region: simsite.Region, Clients: map[string][]string{"nodes": {simsite.Clients}},
		Modes: map[string]policy.Mode{"nodes": mode}, Rules: rules,
	}
}

// observeSite has a new site run for a number of days in learn mode under set. It returns what was seen, and the site, which
// goes on with the next day, and the hosts that are wanted.
func observeSite(t testing.TB, seed uint64, days int, set *policy.Set) (*learn.Observations, *simsite.Site, map[string]bool) {
	t.Helper()
	site, err := simsite.New(seed)
	if err != nil {
		t.Fatal(err)
	}
	seen, wanted := learn.NewObservations(), map[string]bool{}
	visit(t, site, set, 0, days, func(r *simsite.Request, rec *audit.Record) {
		seen.Add(rec)
		if r.Purpose.Legitimate() {
			wanted[rec.Host] = true
		}
	})
	return seen, site, wanted
}

// replaySite replays days of a site under another policy than that in force then. The site is a new one of the same seed: that
// costs less than to keep the records.
func replaySite(t testing.TB, site *simsite.Site, err error, days int, was, is *policy.Set) *replay.Replay {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	replay := replay.New(is)
	visit(t, site, was, 0, days, func(_ *simsite.Request, rec *audit.Record) { replay.Add(rec) })
	return replay
}

// A review is what a person did with proposals.
type review struct {
	lines             []string // approved
	bulk              int      // approved together, in one decision
	approved          int      // one by one
	rejected          int
	wanted, notWanted int // hosts seen that were approved
	decided           learn.Decisions
}

// reviewer answers as an operator would who knows what the site has: what nothing speaks against is approved
// together; of the rest, what is of the site's own making is approved and the rest is rejected.
func reviewer(t testing.TB, list []*learn.Proposal, wanted map[string]bool) review {
	t.Helper()
	var r review
	for _, p := range list {
		ours := !slices.ContainsFunc(p.Hosts(), func(h string) bool { return !wanted[h] })
		switch {
		case p.Bulk():
			r.bulk++
		case ours:
			r.approved++
		default:
			r.rejected++
			item := p.Item()
			item.Answer = learn.Reject
			r.decided.Remember(item, "simulated", p.Last)
			continue
		}
		item := p.Item()
		item.Answer, item.Reason = learn.Approve, "simulated"
		lines, err := item.Lines()
		if err != nil {
			t.Errorf("%s is proposed, and not to be approved: %v", p.Entry, err)
		}
		r.lines = append(r.lines, lines...)
		for _, h := range p.Hosts() {
			if wanted[h] {
				r.wanted++
			} else {
				r.notWanted++
			}
		}
	}
	return r
}

// decisions are what the person had to decide: one for all that is approved together.
func (r *review) decisions() int { return min(r.bulk, 1) + r.approved + r.rejected }

// From an empty allowlist, sixty days of a site in learn mode lead to a list that lets through all that the site
// needs in the thirty days after, a small part of what the lists of 2021 let through, and not the beacon.
func TestSimulatedSite(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			simulate(t, seed)
		})
	}
}

func simulate(t *testing.T, seed uint64) {
	open, err := policy.Compile(siteSpec(policy.Learn), nil, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	seen, site, wanted := observeSite(t, seed, 60, open)
	proposals := seen.Group("nodes").Propose(learn.Params{Policy: open, Known: openKnown(t), Now: seen.Last})
	for _, p := range proposals.List {
		if why := tooWide(p.Host); why != "" {
			t.Errorf("%s is proposed: %s", p.Entry, why)
		}
		if p.Bulk() && slices.ContainsFunc(p.Hosts(), func(h string) bool { return !wanted[h] }) {
			t.Errorf("%s is proposed for approval in bulk, with %q", p.Entry, p.Hosts())
		}
	}
	answers := reviewer(t, proposals.List, wanted)
	learned, err := policy.Compile(siteSpec(policy.Enforce, policy.RuleSpec{ID: "learned", File: "l"}), listOf(answers.lines), policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	seedLists, err := policy.Compile(siteSpec(policy.Enforce, policy.RuleSpec{ID: "seed", List: "azure-stack-hci@2021-12"}), policytest.Library{Catalog: catalog.Get}, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	after := measure(t, site, learned)
	t.Logf("seed %d: %d requests of %d hosts in 60 days", seed, seen.Group("nodes").Requests, hostsOf(seen))
	t.Logf("proposals %d, withheld %d: approved %d together and %d one by one, rejected %d: %d decisions",
		len(proposals.List), len(proposals.Withheld), answers.bulk, answers.approved, answers.rejected, answers.decisions())
	t.Logf("recall %.4f of %d legitimate requests in the 30 days after, precision %.4f of %d allowed; of the hosts seen and approved %d of %d are wanted",
		after.recall(), after.legitimate, after.precision(), after.allowed, answers.wanted, answers.wanted+answers.notWanted)
	ours, theirs := nameSpace(learned), nameSpace(seedLists)
	t.Logf("wildcards %d, of the lists of 2021 %d; name space %.3g, of the lists of 2021 %.3g: ratio %.2g", wildcards(learned), wildcards(seedLists), ours, theirs, ours/theirs)

	for _, m := range after.missed {
		if !strings.Contains(m, " e5.firmware.contoso-hardware.example:443 ") { // never seen, of a domain that no list has
			t.Errorf("refused: %s", m)
		}
	}
	if after.recall() < 0.999 || after.legitimate < 10_000 {
		t.Errorf("recall %f of %d", after.recall(), after.legitimate)
	}
	if after.unwanted != 0 {
		t.Errorf("%d requests allowed that nobody wants", after.unwanted)
	}
	if ours > theirs/10 {
		t.Errorf("name space %g is more than a tenth of %g", ours, theirs)
	}
	if n := answers.decisions(); n > 40 {
		t.Errorf("%d decisions", n)
	}
	known := openKnown(t)
	again, err := simsite.New(seed)
	if r := seen.Group("nodes").Ready(learn.Params{Policy: open, Known: known, Now: seen.Last}); r.State != learn.Unstable || r.NewHosts < 100 {
		t.Errorf("before the review: %s, %d new hosts; want unstable", r.State, r.NewHosts)
	}
	if r := seen.Group("nodes").Ready(learn.Params{Policy: learned, Known: known, Now: seen.Last, Decisions: answers.decided, WhatIf: replaySite(t, again, err, 60, open, learned)}); !r.Ready() || r.NewHosts != 0 {
		t.Errorf("after the review: %s, %d new hosts, %q; want stable", r.State, r.NewHosts, r.Missing)
	}
}

// An outcome is what a policy did to the days after.
type outcome struct {
	legitimate, allowed, unwanted int
	missed                        []string
}

func (o *outcome) recall() float64 {
	return float64(o.allowed-o.unwanted) / float64(max(o.legitimate, 1))
}

func (o *outcome) precision() float64 {
	return float64(o.allowed-o.unwanted) / float64(max(o.allowed, 1))
}

// measure has the site go on for thirty days under set.
func measure(t *testing.T, site *simsite.Site, set *policy.Set) outcome {
	t.Helper()
	var o outcome
	for day := 60; day < 90; day++ {
		for _, r := range site.Day(day) {
			q, err := r.Policy()
			if err != nil {
				t.Fatal(err)
			}
			d := set.Decide(&q)
			if d.Permit {
				o.allowed++
			}
			switch {
			case r.Purpose.Legitimate():
				o.legitimate++
				if d.Permit {
					continue
				}
				if m := fmt.Sprintf("%s %s (%s)", r.Purpose, r.Target, d.Reason); !slices.Contains(o.missed, m) {
					o.missed = append(o.missed, m)
				}
			case d.Permit:
				o.unwanted++
			}
		}
	}
	return o
}

func tooWide(p policy.Pattern) string {
	if !p.IsWildcard() {
		return ""
	}
	if shared, ok := catalog.SharedUnder(p.Tail()); ok && (strings.HasPrefix(p.String(), "*.") || !catalog.HasHost(p.String())) {
		return "at or above " + shared.Suffix
	}
	if catalog.Registrable(p.Tail()) == p.Tail() {
		return "a whole registrable domain"
	}
	return ""
}

func hostsOf(seen *learn.Observations) int {
	hosts := map[string]bool{}
	for _, s := range seen.Group("nodes").Sightings() {
		hosts[s.Host] = true
	}
	return len(hosts)
}

// nameSpace counts the names of at most six labels that set admits, as if a label were one of a thousand words.
func nameSpace(set *policy.Set) float64 {
	var counted []policy.Pattern
	sum := 0.0
	for _, r := range set.Rules() {
		if r.Deny || slices.ContainsFunc(counted, func(p policy.Pattern) bool { return p.Contains(r.Host) }) {
			continue
		}
		counted = append(counted, r.Host)
		if !r.Host.IsWildcard() {
			sum++
			continue
		}
		fixed := strings.Count(r.Host.Tail(), ".") + 1
		for labels := 1; labels <= max(6-fixed, 1); labels++ {
			sum += math.Pow(1000, float64(labels))
		}
	}
	return sum
}

func wildcards(set *policy.Set) int {
	found := map[string]bool{}
	for _, r := range set.Rules() {
		if r.Host.IsWildcard() {
			found[r.Host.String()] = true
		}
	}
	return len(found)
}
