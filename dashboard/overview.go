package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/internal/svg"
	"webproxy/internal/wording"
	"webproxy/learn"
	"webproxy/live"
	"webproxy/policy"
	"webproxy/review"
)

// An overviewBody is the first page.
type overviewBody struct {
	Ready    bool
	Refusing bool // every request is refused, because none can be recorded
	// Lockdown describes the lockdown that is on, its end and what it spares; empty if there is none.
	Lockdown string
	Trouble  []string
	Policy   snapshot
	Source   string
	Groups   *table
	Hours    *table
	Day      []hourRow
	Strip    svg.Chart
	Allowed  uint64
	Denied   uint64
	Would    uint64

	TopDenied *table
	NewHosts  *table
	Ending    *table
	// Waiting says in sentences what waits for a decision; Wait is the amount. Both are empty while unknown.
	Waiting []string
	Wait    string

	Integrity   string
	IntegrityOK bool
	IntegrityAt string
	Disk        string
	Receivers   []Receiver
	Phases      []string
}

type groupState struct{ Name, Mode, Ready string }

type hourRow struct {
	Start              time.Time
	Allow, Deny, Would uint64
}

func (p *Pages) overview(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	cfg := p.Config()
	b := overviewBody{Policy: p.Status.snapshot(), Source: cmp.Or(cfg.Path, "the built-in configuration")}
	b.Refusing = p.Refusing != nil && p.Refusing()
	b.Ready = b.Policy.Ready && !b.Refusing
	if p.Trouble != nil {
		b.Trouble = p.Trouble()
	}
	if l, on := cfg.Live.Lockdown(now); on {
		b.Lockdown = l.Text()
	}
	learning := slices.ContainsFunc(cfg.Set.Groups(), func(g policy.GroupInfo) bool { return g.Mode == policy.Learn })
	if learning { // read in the background, so that the overview shows it next time; the page does not wait
		done, cancel := context.WithCancel(r.Context())
		cancel()
		p.Learning(done)
	}
	learnt := p.lastLearnResult()
	b.Groups = &table{Name: "groups", Command: "webproxy status", Heads: []head{{"group", "Group", ""}, {"mode", "Mode", ""}, {"readiness", "Readiness", "w"}}}
	for i, g := range cfg.Set.Groups() {
		s := groupState{Name: g.Name, Mode: g.Mode.String(), Ready: "-"}
		if g.Mode == policy.Learn {
			s.Ready = "the log is being read"
			if learnt != nil {
				s.Ready = readyText(learnt.ready, g.Name)
			}
		}
		b.Groups.Rows = append(b.Groups.Rows, row{fmt.Sprintf("%08d", i), []cell{text(s.Name), text(s.Mode), text(s.Ready)}})
	}
	f := &filter{Period: periodDay}
	p.fillDay(&b)
	b.TopDenied = p.topDenied(f, cfg.Set, now)
	b.NewHosts = p.newHosts(now)
	b.Ending = ending(cfg.Set, now)
	for name := range cfg.Policy.Phases {
		if cfg.Set.PhaseOn(name, now) {
			b.Phases = append(b.Phases, name+": "+review.PhaseWhen(cfg.Policy.Phases[name]))
		}
	}
	slices.Sort(b.Phases)
	switch {
	case learnt != nil:
		b.Wait = comma(len(learnt.Proposals))
	case !learning:
		b.Wait = "0"
	}
	if learnt != nil && len(learnt.Proposals) > 0 {
		b.Waiting = append(b.Waiting, wording.Plural(len(learnt.Proposals), "proposal")+" of learning, as of "+moment(learnt.at).Text+" UTC")
	}
	b.Integrity, b.IntegrityOK, b.IntegrityAt = p.lastVerify(now)
	b.Disk = p.disk(now)
	if p.Receivers != nil {
		b.Receivers = p.Receivers()
	}
	if export(w, r, b.TopDenied, b.NewHosts, b.Ending, b.Hours, b.Groups) {
		return
	}
	b.Hours.page(r.URL)
	b.Groups.page(r.URL)
	for _, t := range []*table{b.TopDenied, b.NewHosts, b.Ending} {
		t.page(r.URL)
		t.Rows = t.Rows[:min(len(t.Rows), 10)]
	}
	p.render(w, r, "overview", "Overview", nil, 0, &b)
}

func readyText(all []learn.Readiness, group string) string {
	for i := range all {
		if all[i].Group == group {
			if all[i].Ready() {
				return "ready to enforce"
			}
			return string(all[i].State) + ": " + strings.Join(all[i].Missing, "; ")
		}
	}
	return "-"
}

// fillDay fills in the strip of the last 24 hours.
func (p *Pages) fillDay(b *overviewBody) {
	p.Live.View(func(v *live.View) {
		start := v.Day.Since()
		b.Day = make([]hourRow, live.Hours)
		for i := range b.Day {
			b.Day[i].Start = start.Add(time.Duration(i) * time.Hour)
		}
		for r := range v.Day.All() {
			for i, n := range v.Day.Hours(r) {
				h := &b.Day[i]
				switch r.Decision {
				case "allow":
					h.Allow += n
				case "would_deny":
					h.Would += n
				default:
					h.Deny += n
				}
			}
		}
	})
	b.Hours = &table{Name: "hours", Command: "webproxy audit query '' --since 24h --by hour,decision",
		Heads: []head{{"hour", "Hour", "t"}, {"allow", "Allowed", "n"}, {"would_deny", "Let through", "n"}, {"deny", "Denied", "n"}}}
	stacks := make([]svg.Stack, len(b.Day))
	for i, h := range b.Day {
		b.Hours.Rows = append(b.Hours.Rows, row{h.Start.Format(time.RFC3339), []cell{moment(h.Start), number(h.Allow), number(h.Would), number(h.Deny)}})
		stacks[i] = svg.Stack{At: h.Start, Counts: []uint64{h.Allow, h.Would, h.Deny}}
		b.Allowed, b.Denied, b.Would = b.Allowed+h.Allow, b.Denied+h.Deny, b.Would+h.Would
	}
	b.Strip = svg.Strip("Requests in the last 24 hours, by the hour, UTC", []string{"allow", "would_deny", "deny"}, stacks)
}

// topDenied are the hosts with most denials, and whether they are still denied.
func (p *Pages) topDenied(f *filter, set *policy.Set, now time.Time) *table {
	t := &table{Name: "denied", Empty: "Nothing was denied in the last 24 hours.",
		Command: "webproxy audit query decision=deny --since 24h --by host,port,reason --top 10",
		Heads:   []head{{"target", "Host", "h"}, {"reason", "Reason", "w"}, {"requests", "Requests", "n"}, {"now", "Now", "w"}}}
	for _, u := range p.uses(f, false, denied, byHostAndReason) {
		t.Rows = append(t.Rows, row{u.key(), []cell{
			{Text: u.Target(), Link: u.whyLink()}, text(u.reason), number(u.Requests), standing(set, u, now),
		}})
		if len(t.Rows) == 10 {
			break
		}
	}
	return t
}

// newHosts are the hosts that were first let through in the last week.
func (p *Pages) newHosts(now time.Time) *table {
	t := &table{Name: "new", Empty: "None.", Command: "webproxy audit report --since 7d",
		Heads: []head{{"target", "Host", "h"}, {"decision", "Decision", ""}, {"rule", "Rule", "w"}, {"first", "First", "t"}, {"requests", "Requests", "n"}}}
	var history time.Time
	p.Live.View(func(v *live.View) { history = v.Total.Span().First })
	week := now.AddDate(0, 0, -7)
	if history.IsZero() || history.After(week) {
		t.Empty = "The log does not reach back a week yet, so what is new cannot be told."
		return t
	}
	seen := map[string]time.Time{}
	for _, u := range p.uses(&filter{Period: periodAll}, false, permitted, byHost) {
		if first, ok := seen[u.host]; !ok || u.First.Before(first) {
			seen[u.host] = u.First
		}
		if u.host == audit.Other || u.First.Before(week) {
			continue
		}
		t.Rows = append(t.Rows, row{fmt.Sprintf("%020d %s", ^uint64(u.First.Unix()), u.Target()), []cell{
			{Text: u.Target(), Link: u.whyLink()}, {Text: string(u.like.Decision), Class: string(u.like.Decision)}, text(u.like.Rule), moment(u.First), number(u.Requests),
		}})
	}
	t.Rows = slices.DeleteFunc(t.Rows, func(r row) bool {
		host, _, _ := strings.Cut(r.Cells[0].Text, ":")
		return seen[host].Before(week) && !seen[host].IsZero()
	})
	slices.SortFunc(t.Rows, func(a, b row) int { return cmp.Compare(a.Key, b.Key) })
	return t
}

// ending are the rules that expire within 30 days.
func ending(set *policy.Set, now time.Time) *table {
	t := &table{Name: "ending", Empty: "No rule ends within 30 days.", Command: "webproxy learn narrow",
		Heads: []head{{"expires", "Ends", "t"}, {"entry", "Entry", "h"}, {"source", "Where", "w"}, {"reason", "For", "w"}}}
	for r := range set.All() {
		if r.Expires.IsZero() || r.Expires.Before(now) || r.Expires.After(now.AddDate(0, 0, 30)) {
			continue
		}
		t.Rows = append(t.Rows, row{r.Expires.UTC().Format(time.RFC3339) + r.Source + r.Host.String(),
			[]cell{moment(r.Expires), text(r.Host.String()), text(r.Source), text(strings.TrimSpace(r.Reason + " " + r.By))}})
	}
	slices.SortFunc(t.Rows, func(a, b row) int { return cmp.Compare(a.Key, b.Key) })
	return t
}

// disk says how much space the log uses, and how long there is room.
func (p *Pages) disk(now time.Time) string {
	if p.Usage == nil {
		return "unknown"
	}
	u := p.Usage()
	out := fmt.Sprintf("the log takes %s", wording.Bytes(uint64(max(u.Bytes, 0))))
	if u.Limit > 0 && (u.Free < 0 || u.Limit-u.Bytes < u.Free) {
		out += fmt.Sprintf(" of %s (audit.retain_size)", wording.Bytes(uint64(u.Limit)))
	}
	if u.Free >= 0 {
		out += fmt.Sprintf("; %s are free", wording.Bytes(uint64(u.Free)))
	}
	var span audit.Span
	p.Live.View(func(v *live.View) { span = v.Total.Span() })
	days, known := u.Days(span.First, now)
	switch {
	case known:
		out += fmt.Sprintf("; room for about %s days at the pace so far", wording.Comma(uint64(days)))
	case u.Free >= 0 || u.Limit > 0:
		out += "; for how long can be told when the log is a day old"
	}
	return out
}
