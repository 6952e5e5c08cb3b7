package main

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/config"
	"webproxy/internal/setting"
	"webproxy/internal/wording"
	"webproxy/policy"
)

// A whyAnswer tells a person about one request of the log.
type whyAnswer struct {
	cfg   *config.Config
	dir   string
	found foundDecision
	back  setting.Duration // how far to look for what a fix would let through
}

// write tells what was recorded, and what the policy of now says of the same request.
func (a *whyAnswer) write(w, stderr io.Writer) error {
	now := time.Now()
	r := a.found.judged()
	fmt.Fprintln(w, a.found.headline(now))
	if r.Hosts > 0 {
		return writeScan(w, r)
	}
	req, ok := recordedRequest(r)
	if !ok {
		fmt.Fprintf(w, " reason  %s\n note    it was not a request that a policy could judge: %s\n",
			audit.Printable(r.Reason+recordedRule(r)), audit.Printable(strings.TrimSpace(r.Error+" "+r.Detail)))
		return nil
	}
	if a.found.late && r.Reason == policy.SNIMismatch.String() {
		if named, ok := serverNamed(&req, r.SNI); ok {
			return a.writeMisnamed(w, r, &named)
		}
	}
	x := a.cfg.Set.Explain(&req)
	same := policy.SameDigest(a.found.Policy, x.Policy()) && x.Reason.String() == r.Reason
	if same {
		fmt.Fprintf(w, " reason  %s: %s\n", x.Reason, x.Why)
	} else {
		fmt.Fprintf(w, " reason  %s%s\n", audit.Printable(r.Reason), audit.Printable(recordedRule(r)))
	}
	if a.found.late {
		fmt.Fprintf(w, " note    %s\n", lateNote(r.Reason))
	}
	if r.Detail != "" {
		fmt.Fprintf(w, " note    %s\n", audit.Printable(r.Detail))
	}
	a.writeEnd(w)
	if !same {
		which := "now"
		if !policy.SameDigest(a.found.Policy, x.Policy()) {
			which = "now (another policy, " + shortDigest(x.Policy()) + ")"
		}
		fmt.Fprintf(w, "%s: %s\n reason  %s: %s\n", which, headline(&x), x.Reason, x.Why)
	}
	_, err := io.WriteString(w, adviceText(&x, listedIn(a.cfg, &x)))
	if err != nil {
		return err
	}
	if err := a.writeSafe(w, stderr, &x, &req, now); err != nil {
		return err
	}
	if !x.Permit {
		return noError{}
	}
	return nil
}

// writeScan tells of denials that were counted without their hosts. None of them can be judged anew.
func writeScan(w io.Writer, r *audit.Record) error {
	_, err := fmt.Fprintf(w, ` reason  %s
 note    the client asked for so many hosts that these denials were counted under one id; among them:
         %s
 next    of one of them, ask: webproxy explain HOST --client %s
`, audit.Printable(r.Reason), audit.Printable(strings.Join(r.Sample, " ")), clientText(r))
	if err != nil {
		return err
	}
	return noError{}
}

// writeEnd tells how a request that went ahead ended.
func (a *whyAnswer) writeEnd(w io.Writer) {
	end := a.found.end
	if end == nil || a.found.late {
		return
	}
	text := fmt.Sprintf("status %d after %s, %d bytes out, %d in", end.Status, end.Duration, end.BytesOut, end.BytesIn)
	if end.Error != "" {
		text += ", " + end.Error
	}
	if end.Detail != "" {
		text += ": " + end.Detail
	}
	fmt.Fprintf(w, " end     %s\n", audit.Printable(text))
}

// writeSafe tells which requests of the log the fix would have let through. It says nothing where the fix
// is no entry and no phase.
func (a *whyAnswer) writeSafe(w, stderr io.Writer, x *policy.Explanation, req *policy.Request, now time.Time) error {
	if x.Verdict == policy.Allow || a.back == setting.Off {
		return nil
	}
	what := ""
	var counts func(*audit.Record) bool
	switch x.Reason {
	case policy.PhaseInactive:
		what = "phase " + x.Phase()
		phase := x.Phase()
		counts = func(r *audit.Record) bool { return r.Reason == policy.PhaseInactive.String() && r.Phase == phase }
	case policy.HostNotListed, policy.PortNotAllowed, policy.SchemeNotAllowed, policy.PathNotAllowed, policy.RuleExpired:
		what = "the entry"
		entry, err := a.entryFor(req, x.FixPath(req))
		if err != nil {
			return nil // no such entry could be written
		}
		counts = a.newlyAllowed(entry)
	default:
		return nil
	}
	q, err := audit.ParseQuery("type in (egress.decision, egress.repeat) and decision in (deny, would_deny)")
	if err != nil {
		return err
	}
	var found tallyOfClients
	o := audit.ScanOptions{Since: now.Add(-time.Duration(a.back)), Where: q, Progress: new(audit.Progress)}
	stop := showProgress(stderr, "replay", o.Progress)
	stats, err := audit.Scan(a.dir, o, func(r audit.Record) error {
		if counts(&r) {
			found.add(&r)
		}
		return nil
	})
	stop()
	if err != nil {
		return err
	}
	sayIncomplete(stderr, &stats)
	_, err = fmt.Fprintf(w, " safe?   replay %s: %s would newly allow %s\n", a.back, what, found.text())
	return err
}

// entryFor is a policy of one entry, the narrowest that would allow req, for the same client groups.
func (a *whyAnswer) entryFor(req *policy.Request, path string) (*policy.Set, error) {
	spec := policy.Spec{Clients: a.cfg.Policy.Clients, Rules: []policy.RuleSpec{{
		ID: "proposed", Hosts: []string{req.Target.Host()}, Ports: []uint16{req.Target.Port()},
		Schemes: []policy.Scheme{req.Target.Scheme()},
	}}}
	if path != "" {
		spec.Rules[0] = policy.RuleSpec{ID: "proposed", URL: req.Target.String() + path}
	}
	return policy.Compile(&spec, nil, policy.Env{})
}

// newlyAllowed reports of a record whether entry would allow what the policy of now denies. A guard, or
// a written deny, is not lifted by an entry.
func (a *whyAnswer) newlyAllowed(entry *policy.Set) func(*audit.Record) bool {
	before, alone := replay.New(a.cfg.Set), replay.New(entry)
	return func(r *audit.Record) bool {
		was, unjudged := before.Judge(r)
		if unjudged != "" || was.Decision == "allow" {
			return false
		}
		switch was.Reason {
		case policy.DeniedByRule.String(), policy.ClientUnknown.String(), policy.PrivateAddress.String(), policy.NetworkDenied.String():
			return false
		}
		is, unjudged := alone.Judge(r)
		return unjudged == "" && is.Decision == "allow"
	}
}

// tallyOfClients counts requests by client.
type tallyOfClients struct {
	requests uint64
	clients  map[netip.Addr]uint64
	hosts    map[string]bool
}

func (t *tallyOfClients) add(r *audit.Record) {
	if t.clients == nil {
		t.clients, t.hosts = map[netip.Addr]uint64{}, map[string]bool{}
	}
	n := uint64(1)
	if r.Type == audit.TypeRepeat {
		n = uint64(max(r.Count, 0))
	}
	t.requests += n
	t.clients[r.Client] += n
	t.hosts[recordedTarget(r)] = true
}

// text is the count in words, with the busiest clients.
func (t *tallyOfClients) text() string {
	const named = 4
	if t.requests == 0 {
		return "nothing that was asked for"
	}
	clients := slices.SortedFunc(maps.Keys(t.clients), func(a, b netip.Addr) int {
		if t.clients[a] != t.clients[b] {
			return int(min(t.clients[b], 1<<62)) - int(min(t.clients[a], 1<<62))
		}
		return a.Compare(b)
	})
	parts := make([]string, 0, named)
	for _, c := range clients[:min(named, len(clients))] {
		parts = append(parts, fmt.Sprintf("%s %d", c, t.clients[c]))
	}
	if more := len(clients) - named; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	hosts := ""
	if len(t.hosts) > 1 {
		hosts = " to " + wording.Plural(len(t.hosts), "host")
	}
	return fmt.Sprintf("%s%s from %s (%s), nothing else", wording.Plural(int(t.requests), "request"), hosts,
		wording.Plural(len(clients), "client"), strings.Join(parts, ", "))
}
