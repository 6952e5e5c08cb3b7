package learn

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"webproxy/policy"
)

// A State is the state of a group's learning. The words are printed.
type State string

const (
	Creating State = "creating" // observed for less than creatingDays
	Settling State = "settling" // new hosts still appear, no patch Tuesday was seen, or enforcing would refuse what nobody decided on
	Stable   State = "stable"   // no new host for quietDays, a patch Tuesday seen, and the what-if refuses nothing undecided
	Unstable State = "unstable" // observed for unstableDays, and new hosts still appear
)

const (
	creatingDays = 7
	quietDays    = 14 // days without a new host
	unstableDays = 45
	unstableNew  = 5 // days with new hosts, of the last quietDays, that make a group unstable
)

// A Readiness says whether a group can be switched to enforce mode, and on what evidence.
type Readiness struct {
	Group    string    `json:"group"`
	State    State     `json:"state"`
	Since    time.Time `json:"since,omitzero"` // the first request seen
	Until    time.Time `json:"until,omitzero"` // and the last
	Requests uint64    `json:"requests"`
	Covered  float64   `json:"covered"` // part of Requests that the policy in force allows, 0 to 1
	// NewHosts is how many endpoints are proposed, by name or by a wildcard; LastNew is when the last of them was first
	// seen.
	NewHosts int       `json:"new_hosts"`
	LastNew  time.Time `json:"last_new,omitzero"`
	Quiet    int       `json:"quiet_days"` // days since then
	// PatchTuesday reports whether a second Tuesday of a month was seen, and the day after it.
	PatchTuesday bool `json:"patch_tuesday"`
	// Idle are phases of the policy without a request.
	Idle []string `json:"idle_phases"`
	// Entries is how many hosts, wildcards apart, the policy's catalog lists require; Used is how many of them were asked for.
	Used    int `json:"used"`
	Entries int `json:"entries"`
	// Unused are some of those that were not asked for.
	Unused []string `json:"unused"`
	// WouldDeny is how many requests of the log enforcing would refuse. Nobody decided on Undecided of them, for
	// UndecidedHosts. Replayed reports whether a what-if was made.
	WouldDeny      uint64   `json:"would_deny"`
	Undecided      uint64   `json:"undecided"`
	UndecidedHosts []string `json:"undecided_hosts"`
	Replayed       bool     `json:"replayed"`
	// PerDay is how many new endpoints were first seen on each day, the last day last.
	PerDay []int `json:"new_per_day"`
	// Missing says, for people, what keeps the group from being stable, or is not known yet.
	Missing []string `json:"missing"`
}

// Ready reports whether enforcing may be switched on without force.
func (r *Readiness) Ready() bool { return r.State == Stable }

// Ready evaluates whether g can be switched to enforce mode.
func (g *Group) Ready(p Params) Readiness {
	r := Readiness{Group: g.Name, State: Creating, Since: g.First, Until: g.Last, Requests: g.Requests}
	if g.Requests == 0 {
		r.Missing = []string{"no request was seen"}
		return r
	}
	w := newWork(g, p)
	w.find()
	r.countNew(w, g)
	r.whatIf(w, p.WhatIf)
	r.PatchTuesday = g.patchTuesday()
	r.completeness(g, p)
	if g.Requests > 0 {
		r.Covered = float64(g.allowedNow(w)) / float64(g.Requests)
	}
	r.evaluate(g)
	return r
}

// countNew counts the endpoints that are proposed by the day on which they were first seen. What somebody rejected, or
// what is not worth proposing, does not count: one noisy client must not keep a group from being stable.
func (r *Readiness) countNew(w *proposer, g *Group) {
	days := int(dayOf(g.Last)-dayOf(g.First)) + 1
	r.PerDay = make([]int, days)
	for _, e := range w.order {
		if e.admitted || e.by == nil || !slices.Contains(w.out.List, e.by) {
			continue
		}
		first := e.first()
		r.NewHosts++
		r.PerDay[int(dayOf(first)-dayOf(g.First))]++
		if first.After(r.LastNew) {
			r.LastNew = first
		}
	}
	r.Quiet = days - 1
	if !r.LastNew.IsZero() {
		r.Quiet = int(dayOf(g.Last) - dayOf(r.LastNew))
	}
}

func (e *endpoint) first() time.Time {
	var first time.Time
	for _, s := range e.seen {
		if first.IsZero() || s.First.Before(first) {
			first = s.First
		}
	}
	return first
}

// allowedNow is how many of the requests the policy of today allows, whatever was decided at the time.
func (g *Group) allowedNow(w *proposer) uint64 {
	var n uint64
	for _, s := range g.sightings {
		switch d := w.decide(s); {
		case d.Verdict == policy.Allow:
			n += s.Hits
		case d.Reason == policy.PhaseInactive:
			n += s.Allowed // while the phase was active
		}
	}
	return n
}

// patchTuesday reports whether g was observed on the second Tuesday of a month and the day after it, when most updates of a
// month arrive.
func (g *Group) patchTuesday() bool {
	for d := range g.days {
		t := time.Unix(d*int64(day/time.Second), 0).UTC()
		_, next := g.days[d+1]
		if t.Weekday() == time.Tuesday && t.Day() > 7 && t.Day() <= 14 && next {
			return true
		}
	}
	return false
}

// completeness finds the phases and required hosts of the policy that the group did not use.
func (r *Readiness) completeness(g *Group, p Params) {
	asked := map[string][]Endpoint{}
	for k := range g.sightings {
		asked[k.Host] = append(asked[k.Host], k.Endpoint())
	}
	for _, rule := range p.Policy.Rules() {
		if rule.Deny || len(rule.Groups) > 0 && !slices.Contains(rule.Groups, g.Name) {
			continue
		}
		if rule.Phase != "" && g.Phases[rule.Phase] == 0 && !slices.Contains(r.Idle, rule.Phase) {
			r.Idle = append(r.Idle, rule.Phase)
		}
		if !strings.HasPrefix(rule.Source, "catalog ") || rule.Host.IsWildcard() || !p.Known.Required(rule.Host) {
			continue
		}
		r.Entries++
		if slices.ContainsFunc(asked[rule.Host.String()], func(e Endpoint) bool { return rule.Admits(e.Scheme, e.Port) }) {
			r.Used++
		} else if host := rule.Host.String(); len(r.Unused) < 10 && !slices.Contains(r.Unused, host) { // in both forms, or by two lists
			r.Unused = append(r.Unused, host)
		}
	}
	slices.Sort(r.Idle)
}

// evaluate sets the state, and Missing.
func (r *Readiness) evaluate(g *Group) {
	watched := len(r.PerDay)
	recent := 0
	for _, n := range r.PerDay[max(watched-quietDays, 0):] {
		if n > 0 {
			recent++
		}
	}
	if r.Quiet < quietDays {
		r.Missing = append(r.Missing, fmt.Sprintf("%d of %d quiet days", r.Quiet, quietDays))
	}
	if why := r.undecided(); why != "" {
		r.Missing = append(r.Missing, why)
	}
	if !r.PatchTuesday {
		r.Missing = append(r.Missing, "no patch Tuesday seen")
	}
	for _, phase := range r.Idle {
		r.Missing = append(r.Missing, fmt.Sprintf("phase %s never exercised", phase))
	}
	if g.Beyond > 0 {
		r.Missing = append(r.Missing, fmt.Sprintf("%d requests were for more names than are remembered", g.Beyond))
	}
	switch {
	case watched < creatingDays:
		r.State = Creating
	case watched >= unstableDays && recent >= unstableNew:
		r.State = Unstable
	case r.Quiet >= quietDays && r.PatchTuesday && r.Replayed && r.Undecided == 0:
		r.State = Stable
	default:
		r.State = Settling
	}
}
