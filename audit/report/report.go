// Package report summarises the audit log of a period for a reviewer: what was allowed, what was refused, what
// changed, and what is unknown. It only reads the log.
package report

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

// Options say what a Report is about. The zero value reports on the whole log.
type Options struct {
	// Since and Until bound the period, as in ScanOptions.
	Since, Until time.Time
	// Rules are the entries in force now, to find those that are unused or expire. Nil: there is nothing about rules.
	Rules []policy.RuleInfo
	// UnusedFor is how long before Until a rule must not have decided anything to be called unused.
	// Default: 90 days.
	UnusedFor time.Duration
	// ExpiringIn is how long before its end a rule is called expiring. Default: 30 days.
	ExpiringIn time.Duration
	// Findings are the results of other checks of the policy, such as rules that are too broad.
	Findings []Finding
	// Integrity is the result of Verify in one line; empty if the log was not verified.
	Integrity string
	// Broken says that Integrity reports a problem.
	Broken bool
	// Progress, if not nil, is updated during the reading.
	Progress *audit.Progress
	// Now is the time of the report. If zero, it is the present.
	Now time.Time
	// Site is the name of the proxy that the log is of; it may be empty.
	Site string
}

// A Finding is a remark on a rule of the policy.
type Finding struct{ Rule, Source, Text string }

// A Report is what a reviewer asks about a period of the log.
type Report struct {
	Site         string
	Since, Until time.Time // the period asked for; zero: without bound
	Made         time.Time
	Integrity    string
	Broken       bool
	Stats        audit.Stats
	Span         audit.Span // of the records in the period
	History      time.Time  // the earliest record before the period; zero if there is none

	Allowed   Figure
	Denied    Figure
	WouldDeny Figure
	// Late is how many of the denied had been let through until their address was known.
	Late              uint64
	BytesOut, BytesIn uint64
	Days              []audit.Hour // by day

	NewHosts      []Use // permitted hosts, not permitted before the period; nil if there is no History
	NewClients    []Use // who asked for them
	DeniedHosts   []Use // by host, port and reason; the most first
	DeniedClients []Use
	LearnedHosts  []Use // what learn mode let through
	AllowedHosts  []Use
	Clients       []Use

	Changes []audit.Record // admin.*
	System  []audit.Record // system.*
	Lost    uint64         // events beyond the number that is kept

	HasRules bool
	Unused   []RuleUse
	Expiring []RuleUse
	Findings []Finding

	Overflow uint64 // rows that were counted together, as Other
	Spread   uint64 // denied requests known only by client, not by host
}

// A Figure is how many requests there were, by how many different clients, to how many hosts.
type Figure struct {
	Requests uint64
	Hosts    int
	Clients  int
}

// A Use is the requests for one host, or of one client.
type Use struct {
	Host     string
	Port     uint16
	Client   netip.Addr // of a client's Use
	Group    string
	Reason   string
	Rules    []string
	Requests uint64
	Clients  []netip.Addr // the first five
	NClients int
	NHosts   int // of a client's Use
	BytesOut uint64
	BytesIn  uint64
	audit.Span
}

// A RuleUse is an entry of the policy with the last time that it decided anything.
type RuleUse struct {
	Rule, Source, Entry string
	Last                time.Time // zero: not in this log
	Expires             time.Time
}

const (
	day   = 24 * time.Hour
	day90 = 90 * day
)

// Make reads the log in dir, through summaries where it can, and reports on it.
func Make(dir string, o Options) (*Report, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	counted, err := audit.CountSplit(dir, audit.ScanOptions{Until: o.Until, Progress: o.Progress}, o.Since)
	if err != nil {
		return nil, err
	}
	t := counted.Within
	r := &Report{
		Site: o.Site, Since: o.Since, Until: o.Until, Made: o.Now.UTC(), Integrity: o.Integrity, Broken: o.Broken,
		Stats: counted.Stats, Span: t.Span(), History: counted.Before.Span().First,
		Overflow: t.Overflow(), Spread: t.Spread(), Findings: o.Findings,
	}
	rows := t.Rows()
	r.total(rows)
	r.Days = days(t.Hours())
	r.lists(rows)
	if !r.History.IsZero() {
		r.NewHosts = newHosts(r.AllowedHosts, r.LearnedHosts, counted.Before.Rows())
		r.NewClients = newClients(rows, r.NewHosts)
	}
	r.Lost = r.events(t)
	if o.Rules != nil {
		r.rules(&o, rows, counted.Before.Rows())
	}
	return r, nil
}

// total sums up all rows. A request that was refused late has two rows: the one of its decision record, which let it
// through, is subtracted, so that allowed, denied and would-deny add up to the number of requests.
func (r *Report) total(rows []*audit.Row) {
	late := map[audit.RequestKey]uint64{}
	for _, row := range rows {
		if row.Late > 0 {
			late[row.RequestKey()] += row.Late
			r.Late += row.Late
		}
	}
	counts := map[policy.Outcome]*figureCount{}
	for _, d := range policy.Outcomes() {
		counts[d] = &figureCount{hosts: map[string]bool{}, clients: map[netip.Addr]bool{}}
	}
	for _, row := range rows {
		c := counts[row.Decision]
		if c == nil {
			c = counts[policy.Denied] // a record without a decision permits nothing
		}
		n := row.Requests
		if row.Decision != policy.Denied {
			off := min(n, late[row.RequestKey()])
			late[row.RequestKey()] -= off
			n -= off
		}
		r.BytesOut += row.BytesOut
		r.BytesIn += row.BytesIn
		if n > 0 {
			c.requests += n
			c.clients[row.Client] = true
			if row.Host != "" && row.Host != audit.Other {
				c.hosts[row.Host] = true
			}
		}
	}
	r.Allowed, r.Denied, r.WouldDeny = counts[policy.Allowed].figure(), counts[policy.Denied].figure(), counts[policy.WouldDeny].figure()
}

type figureCount struct {
	requests uint64
	hosts    map[string]bool
	clients  map[netip.Addr]bool
}

func (c *figureCount) figure() Figure { return Figure{c.requests, len(c.hosts), len(c.clients)} }

// days adds up hours.
func days(hours []audit.Hour) []audit.Hour {
	var all []audit.Hour
	for _, h := range hours {
		start := h.Start.UTC().Truncate(day)
		if n := len(all); n == 0 || !all[n-1].Start.Equal(start) {
			all = append(all, audit.Hour{Start: start})
		}
		d := &all[len(all)-1]
		d.Allowed += h.Allowed
		d.Denied += h.Denied
		d.WouldDeny += h.WouldDeny
	}
	return all
}

// events sorts the records that are not about requests, and returns how many there were beyond those kept.
func (r *Report) events(t *audit.Tally) (lost uint64) {
	events, lost := t.Events()
	for _, e := range events {
		switch e.Type {
		case audit.TypeReload, audit.TypeMode, audit.TypePhase, audit.TypeApprove, audit.TypeLockdown, audit.TypeUser:
			r.Changes = append(r.Changes, e)
		case audit.TypeLogin, audit.TypeLogout, audit.TypeLoginFailed: // a lock-out tells of failures that matter
		default:
			r.System = append(r.System, e)
		}
	}
	reloaders(r.Changes)
	return lost
}

// rules finds the entries that have decided nothing for long, and those that end soon.
func (r *Report) rules(o *Options, within, before []*audit.Row) {
	r.HasRules = true
	end := o.Until
	if end.IsZero() || end.After(o.Now) {
		end = o.Now
	}
	unused := end.Add(-cmp.Or(o.UnusedFor, day90))
	soon := end.Add(cmp.Or(o.ExpiringIn, 30*day))
	byRule := map[string][]*audit.Row{}
	for _, rows := range [][]*audit.Row{before, within} {
		for _, row := range rows {
			if row.Rule != "" && row.Requests > 0 {
				byRule[row.Rule] = append(byRule[row.Rule], row)
			}
		}
	}
	for _, info := range o.Rules {
		use := RuleUse{Rule: info.Rule, Source: info.Source, Entry: info.Host.String(), Expires: info.Expires}
		for _, row := range byRule[info.Rule] {
			// An entry shares its name with others of its list: the host distinguishes them.
			if row.Last.After(use.Last) && info.Host.Matches(row.Host) && decidedBy(row, &info) {
				use.Last = row.Last
			}
		}
		if use.Last.Before(unused) && (info.Expires.IsZero() || info.Expires.After(end)) {
			r.Unused = append(r.Unused, use)
		}
		if !info.Expires.IsZero() && info.Expires.After(end) && !info.Expires.After(soon) {
			r.Expiring = append(r.Expiring, use)
		}
	}
	slices.SortStableFunc(r.Expiring, func(a, b RuleUse) int { return a.Expires.Compare(b.Expires) })
}

// decidedBy reports whether rule is the one that allowed or denied the requests of row, rather than only the nearest.
func decidedBy(row *audit.Row, rule *policy.RuleInfo) bool {
	if rule.Deny {
		return row.Decision == policy.Denied && row.Reason == policy.DeniedByRule.String()
	}
	return row.Decision == policy.Allowed
}
