package learn_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/learn"
	"webproxy/policy"
)

// What was rejected is not proposed again, what was put off comes again in its time, and a wildcard that
// would admit what was rejected says so.
func TestDecisions(t *testing.T) {
	s := newSite()
	s.often("a.cdn.example.com:443", "n1.cdn.example.com:443")
	decided := learn.Decisions{}
	for _, p := range s.propose(t, ownDomains(t)).List {
		item := p.Item()
		item.Answer, item.Reason = learn.Reject, "not ours"
		if p.Entry == "n1.cdn.example.com:443" {
			item.Answer = learn.Snooze
		}
		decided.Remember(item, "ann", s.at)
	}
	text, err := decided.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := learn.ParseDecisions(text)
	if err != nil || !slices.Equal(back.Decided, decided.Decided) || len(back.Decided) != 2 {
		t.Fatalf("%v\n%s\n%+v", err, text, back)
	}
	at := func(days int, group string) learn.Proposals {
		return s.seen.Group(group).Propose(learn.Params{Policy: ownDomains(t), Now: s.at.AddDate(0, 0, days), Decisions: back})
	}
	if p := at(0, "nodes"); len(p.List) != 0 || len(p.Remembered) != 2 || p.Remembered[0].Hits == 0 {
		t.Errorf("at once: %q, remembered %d", entries(p), len(p.Remembered))
	}
	if p := at(15, "nodes"); entries(p) != "n1.cdn.example.com:443" {
		t.Errorf("after the snooze: %q", entries(p))
	}
	s.often("n2.cdn.example.com:443")
	p := at(15, "nodes").List
	if len(p) != 1 || p[0].Entry != "*.cdn.example.com:443" || p[0].Bulk() || !slices.Contains(p[0].Concerns, "it would admit a.cdn.example.com:443, which was rejected") {
		t.Errorf("%+v", p)
	}
	// an approval takes a rejection back
	item := p[0].Item()
	item.Entry, item.Answer = "a.cdn.example.com:443", learn.Approve
	if back.Remember(item, "ann", s.at); slices.ContainsFunc(back.Decided, func(d learn.Decided) bool { return d.Entry == item.Entry }) {
		t.Errorf("still rejected: %+v", back.Decided)
	}
}

func TestParsePastErrors(t *testing.T) {
	for text, want := range map[string]string{
		"decided: [{ group: nodes, entry: x, answer: approve }]": "decided[0]: want group, entry or domain, and the answer reject or snooze",
		"decided: [{ entry: x, answer: reject }]":                "decided[0]",
		"dicided: []":                         "field dicided not found",
		"switched: { nodes: { mode: open } }": "open",
		"decided: [":                          "read decisions",
	} {
		if _, err := learn.ParseDecisions([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if p, err := learn.ParseDecisions(nil); err != nil || len(p.Decided) != 0 {
		t.Errorf("nothing: %+v, %v", p, err)
	}
}

// A plan comes back as it was written, and its answers become lines.
func TestPlan(t *testing.T) {
	s := newSite()
	s.often("n1.cdn.example.com:443", "n2.cdn.example.com:443")
	var text bytes.Buffer
	if err := learn.NewPlan(s.at, s.seen, nil, s.propose(t, ownDomains(t)).List).Encode(&text); err != nil {
		t.Fatal(err)
	}
	for answer, want := range map[string]string{
		"pending": "",
		"approve": `*.cdn.example.com:443 expires=2030-12-31 by=ann reason="CHG 1"`,
		"exact":   `n1.cdn.example.com:443 expires=2030-12-31 by=ann reason="CHG 1"` + "\n" + `n2.cdn.example.com:443 expires=2030-12-31 by=ann reason="CHG 1"`,
		"reject":  "",
		"snooze":  "",
	} {
		edited := strings.NewReplacer("answer: pending", "answer: "+answer, `reason: ""`, "reason: CHG 1", `expires: ""`, "expires: 2030-12-31\n    by: ann").Replace(text.String())
		plan, err := learn.ParsePlan([]byte(edited))
		if err != nil || len(plan.Items) != 1 {
			t.Fatalf("%s: %v\n%s", answer, err, edited)
		}
		lines, err := plan.Items[0].Lines()
		if got := strings.Join(lines, "\n"); err != nil || got != want {
			t.Errorf("%s: %v\n got %s\nwant %s", answer, err, got, want)
		}
	}
}

// Whatever a plan says, no entry that is too wide or invalid gets into a list.
func TestLinesErrors(t *testing.T) {
	for _, tt := range []struct {
		want string
		item learn.Item
	}{
		{"every storage account has a name below blob.core.windows.net", learn.Item{Entry: "*.blob.core.windows.net:443", Reason: "x"}},
		{"a whole domain as it was registered", learn.Item{Entry: "*.example.com", Reason: "x"}},
		{"every name that somebody registered", learn.Item{Entry: "*.co.uk", Reason: "x"}},
		{"contains ", learn.Item{Entry: "*.windows.net", Reason: "x"}},
		{"every relay or event hub", learn.Item{Entry: "evil*.servicebus.windows.net", Reason: "x"}},
		{"no reason", learn.Item{Entry: "www.example.com", Reason: " "}},
		{"names no host", learn.Item{Entry: "# comment", Reason: "x"}},
		{"expires", learn.Item{Entry: "www.example.com", Reason: "x", Expires: "soon"}},
		{"names no hosts", learn.Item{Entry: "*.cdn.example.com", Answer: learn.Narrow, Reason: "x"}},
		{"too wide", learn.Item{Entry: "*.cdn.example.com", Answer: learn.Narrow, Hosts: []string{"*.example.com"}, Reason: "x"}},
		{"www.example.com", learn.Item{Entry: "www.example.com", Reason: "a\nevil.example.com"}},
	} {
		if tt.item.Answer == "" {
			tt.item.Answer = learn.Approve
		}
		if lines, err := tt.item.Lines(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %q, %v, want %q", tt.item, lines, err, tt.want)
		}
	}
}

func TestReadiness(t *testing.T) {
	for _, tt := range []struct {
		name    string
		want    learn.State
		missing string // all of it
		on      []int  // days with the known host
		news    []int  // days with a new one
		decided learn.Decisions
	}{
		{"no time yet", learn.Creating, "0 of 14 quiet days; enforcing would refuse 1 requests that nobody decided on (newa.example.net); no patch Tuesday seen; phase onboarding never exercised", []int{0, 1, 2}, []int{2}, learn.Decisions{}},
		{"new hosts", learn.Settling, "6 of 14 quiet days; enforcing would refuse 2 requests that nobody decided on (newa.example.net, newb.example.net); phase onboarding never exercised", days(0, 29), []int{0, 23}, learn.Decisions{}},
		{"no patch Tuesday", learn.Settling, "no patch Tuesday seen; phase onboarding never exercised", days(9, 35), nil, learn.Decisions{}},
		{"not the day after it", learn.Settling, "no patch Tuesday seen; phase onboarding never exercised", append(days(0, 7), days(9, 29)...), nil, learn.Decisions{}},
		{"undecided", learn.Settling, "enforcing would refuse 1 requests that nobody decided on (newa.example.net); phase onboarding never exercised", days(0, 29), []int{3}, learn.Decisions{}},
		{"stable", learn.Stable, "phase onboarding never exercised", days(0, 29), nil, learn.Decisions{}},
		{"never quiet", learn.Unstable, "1 of 14 quiet days; enforcing would refuse 6 requests that nobody decided on (newa.example.net, newb.example.net, newc.example.net, ...); phase onboarding never exercised",
			days(0, 59), []int{48, 50, 52, 54, 56, 58}, learn.Decisions{}},
	} {
		s := newSite()
		rules := []policy.RuleSpec{{ID: "known", Hosts: []string{"known.example.com"}},
			{ID: "new", Hosts: []string{"x.example.org"}, Phase: "onboarding"},
			{ID: "wac", Hosts: []string{"y.example.org"}, Phase: "onboarding", For: []string{"wac"}}}
		for _, day := range tt.on {
			s.at = start.AddDate(0, 0, day) // the first is a Tuesday, the eighth a patch Tuesday
			s.ask(0, "known.example.com:443", allowed("known"))
			for i, n := range tt.news {
				if n == day {
					s.ask(0, "new"+string(rune('a'+i))+".example.net:443")
				}
			}
		}
		r := s.ready(t, tt.decided, rules...)
		if r.State != tt.want || strings.Join(r.Missing, "; ") != tt.missing || r.NewHosts != len(tt.news) || r.Ready() != (tt.want == learn.Stable) {
			t.Errorf("%s: %s, %q, %d new hosts; want %s, %q", tt.name, r.State, r.Missing, r.NewHosts, tt.want, tt.missing)
		}
	}
	// what somebody rejected is meant to be refused
	s := newSite()
	for _, d := range days(0, 29) {
		s.at = start.AddDate(0, 0, d)
		s.ask(0, "known.example.com:443", allowed("known"))
		s.ask(0, "no.example.net:443")
	}
	known := policy.RuleSpec{ID: "known", Hosts: []string{"known.example.com"}}
	rejected := learn.Decisions{Decided: []learn.Decided{{Group: "nodes", Entry: "no.example.net:443", Answer: learn.Reject}}}
	if r := s.ready(t, rejected, known); !r.Ready() || r.WouldDeny != 30 || r.Undecided != 0 {
		t.Errorf("rejected: %s, %q, would deny %d, undecided %d", r.State, r.Missing, r.WouldDeny, r.Undecided)
	}
	if r := s.seen.Group("nodes").Ready(learn.Params{Policy: compile(t, known), Decisions: rejected}); r.Ready() || !slices.Contains(r.Missing, "no what-if was made") {
		t.Errorf("without a what-if: %s, %q", r.State, r.Missing)
	}
	if r := newSite().seen.Group("nodes").Ready(learn.Params{}); r.State != learn.Creating || r.Ready() || r.Missing[0] != "no request was seen" {
		t.Errorf("nothing seen: %+v", r)
	}
}

// days are those from first to last.
func days(first, last int) []int {
	var all []int
	for d := first; d <= last; d++ {
		all = append(all, d)
	}
	return all
}

// Entries in force are compared with what they were used for.
func TestUses(t *testing.T) {
	now := start.AddDate(0, 0, 120)
	soon, past := expiry(t, now.AddDate(0, 0, 10)), expiry(t, start.AddDate(0, 0, 1))
	set := compile(t,
		policy.RuleSpec{ID: "wide", Hosts: []string{"*.example.com"}},
		policy.RuleSpec{ID: "family", Hosts: []string{"*.cdn.example.org"}},
		policy.RuleSpec{ID: "once", Hosts: []string{"once.example.net"}},
		policy.RuleSpec{ID: "soon", Hosts: []string{"soon.example.net"}, Expires: soon},
		policy.RuleSpec{ID: "past", Hosts: []string{"past.example.net"}, Expires: past},
		policy.RuleSpec{ID: "wac", Hosts: []string{"a.example.com"}, For: []string{"wac"}},
		policy.RuleSpec{ID: "never", Hosts: []string{"bad.example.com"}, Deny: true},
	)
	s := newSite()
	s.ask(0, "once.example.net:443", allowed("once"))
	s.often("a.example.com:443", "b.example.com:443", "n1.cdn.example.org:443", "n2.cdn.example.org:443")
	s.at = now.AddDate(0, 0, -1)
	s.ask(0, "soon.example.net:443", allowed("soon"))
	s.ask(0, "past.example.net:443", refused("rule_expired"))
	uses := s.seen.Uses(set)
	want := []struct {
		rule   string
		hits   uint64
		state  learn.UseState
		enough string
	}{
		{"wide", 16, learn.Stale, "a.example.com:443 b.example.com:443"},
		{"family", 16, learn.Stale, ""}, // it is as narrow as can be
		{"once", 1, learn.Stale, ""},
		{"soon", 1, learn.Expiring, ""},
		{"past", 0, learn.Expired, ""},
		{"wac", 0, learn.Stale, ""},
	}
	if len(uses) != len(want) {
		t.Fatalf("%d uses, want %d", len(uses), len(want))
	}
	for i, w := range want {
		u := uses[i]
		if state := u.State(s.seen.First, s.seen.Last, now); u.Rule.Rule != w.rule || u.Hits != w.hits || state != w.state || strings.Join(u.Enough, " ") != w.enough {
			t.Errorf("%s: %d hits, %s, enough %q; want %+v", u.Rule.Rule, u.Hits, state, u.Enough, w)
		}
	}
	if uses[4].Wanted != 1 {
		t.Errorf("an expired entry: wanted %d times, want 1", uses[4].Wanted)
	}
	// a short log calls nothing stale
	if state := uses[2].State(start, start.AddDate(0, 0, 30), now); state != learn.InUse {
		t.Errorf("in a short log: %s", state)
	}
	if state := uses[5].State(start, start.AddDate(0, 0, 30), now); state != learn.Unused {
		t.Errorf("in a short log: %s", state)
	}
}

func expiry(t *testing.T, at time.Time) policy.Expiry {
	t.Helper()
	var x policy.Expiry
	if err := x.UnmarshalText([]byte(at.Format(time.RFC3339))); err != nil {
		t.Fatal(err)
	}
	return x
}

// A case answers the proposals that have no answer of their own; only names of one domain are approved together.
func TestPlanCases(t *testing.T) {
	s := newSite()
	s.often("a.vendor.example.net:443", "b.vendor.example.net:443")
	for _, host := range []string{"www.news.example.org", "ads.tracker.example.info", "video.example.biz"} {
		s.at = start.AddDate(0, 0, 2)
		s.ask(1, host+":443")
	}
	list := s.propose(t, nil).List
	cases := learn.Cases(list)
	if len(cases) != 2 || cases[0].Client != node(1).String() || cases[0].Approvable() || len(cases[0].Proposals) != 3 ||
		cases[1].Domain != "example.net" || !cases[1].Approvable() || len(cases[1].Proposals) != 2 {
		t.Fatalf("%v", cases)
	}
	if got, want := cases[0].String(), "3 proposals: asked for by 10.0.1.11 alone, on 2026-09-03 only"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if parts := cases[0].Split(); len(parts) != 3 || len(parts[0].Proposals) != 1 {
		t.Errorf("split: %v", parts)
	}
	var text bytes.Buffer
	plan := learn.NewPlan(s.at, s.seen, nil, list)
	plan.Cases[0].Answer, plan.Cases[0].Reason = learn.Reject, "browsing"
	plan.Cases[1].Answer, plan.Cases[1].Reason = learn.Approve, "CHG 2"
	for i := range plan.Items {
		if plan.Items[i].Entry == "b.vendor.example.net:443" {
			plan.Items[i].Answer = learn.Snooze
		}
	}
	if err := plan.Encode(&text); err != nil {
		t.Fatal(err)
	}
	back, err := learn.ParsePlan(text.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range back.Items {
		got = append(got, i.Entry+" "+string(i.Answer)+" "+i.Reason)
	}
	slices.Sort(got)
	want := []string{"a.vendor.example.net:443 approve CHG 2", "ads.tracker.example.info:443 reject browsing", "b.vendor.example.net:443 snooze ",
		"video.example.biz:443 reject browsing", "www.news.example.org:443 reject browsing"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
