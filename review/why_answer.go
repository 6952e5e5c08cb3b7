package review

import (
	"cmp"
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

// A Why tells a person about one request of the log.
type Why struct {
	Config *config.Config // by which it is judged anew; nil if there is none that is valid
	Dir    string         // of the log
	Found  Found
	Back   setting.Duration // how far to look for what a fix would let through; setting.Off for not at all
	Watch  Watch
	// Unknown says why there is no Config; empty: the configuration is not valid.
	Unknown string
	Flag    string // the --config that people ask with, for the commands they are told; empty for none
}

// Write tells what was recorded, and what the policy of now says of the same request. It reports whether that would let
// the request through; what was no request needs nothing, so that is true.
func (a *Why) Write(w io.Writer) (permitted bool, err error) {
	now := time.Now()
	r := a.Found.Judged()
	fmt.Fprintln(w, a.Found.Headline(now))
	if r.Hosts > 0 {
		return false, writeScan(w, r)
	}
	req, ok := r.Request(now)
	if !ok {
		fmt.Fprintf(w, " reason  %s\n note    it was not a request that a policy could judge: %s\n",
			audit.Printable(r.Reason+recordedRule(r)), audit.Printable(strings.TrimSpace(r.Error+" "+r.Detail)))
		return true, nil
	}
	if a.Config != nil && a.Found.late && r.Reason == policy.SNIMismatch.String() {
		if named, ok := serverNamed(&req, r.SNI); ok {
			return a.writeMisnamed(w, r, &named)
		}
	}
	if a.Config == nil {
		return r.Decision != "deny", a.writeRecorded(w, r)
	}
	x := a.Config.Live.Explain(&req)
	same := policy.SameDigest(a.Found.Policy, x.Policy()) && x.Reason.String() == r.Reason
	if same {
		fmt.Fprintf(w, " reason  %s: %s\n", x.Reason, x.Why)
	} else {
		fmt.Fprintf(w, " reason  %s%s\n", audit.Printable(r.Reason), audit.Printable(recordedRule(r)))
	}
	if a.Found.late {
		fmt.Fprintf(w, " note    %s\n", lateNote(r.Reason))
	}
	if r.Detail != "" {
		fmt.Fprintf(w, " note    %s\n", audit.Printable(r.Detail))
	}
	a.writeEnd(w)
	if !same {
		which := "now"
		if !policy.SameDigest(a.Found.Policy, x.Policy()) {
			which = "now (another policy, " + ShortDigest(x.Policy()) + ")"
		}
		fmt.Fprintf(w, "%s: %s\n reason  %s: %s\n", which, headline(&x), x.Reason, x.Why)
	}
	if _, err := io.WriteString(w, AdviceText(&x, Remedies(a.Config, &x, a.Flag), ListedIn(a.Config, &x))); err != nil {
		return false, err
	}
	return x.Permit, a.writeSafe(w, &x, &req, now)
}

// writeRecorded tells what was recorded, where there is no policy to hold it against.
func (a *Why) writeRecorded(w io.Writer, r *audit.Record) error {
	fmt.Fprintf(w, " reason  %s\n", audit.Printable(r.Reason+recordedRule(r)))
	if a.Found.late {
		fmt.Fprintf(w, " note    %s\n", lateNote(r.Reason))
	}
	if r.Detail != "" {
		fmt.Fprintf(w, " note    %s\n", audit.Printable(r.Detail))
	}
	a.writeEnd(w)
	_, err := fmt.Fprintln(w, " now     not known: "+cmp.Or(a.Unknown, "the configuration is not valid"))
	return err
}

// writeScan tells of denials that were counted without their hosts. None of them can be judged anew.
func writeScan(w io.Writer, r *audit.Record) error {
	_, err := fmt.Fprintf(w, ` reason  %s
 note    the client asked for so many hosts that these denials were counted under one id; among them:
         %s
 next    of one of them, ask: webproxy explain HOST --client %s
`, audit.Printable(r.Reason), audit.Printable(strings.Join(r.Sample, " ")), audit.AddrText(r.Client))
	return err
}

// writeEnd tells how a request that went ahead ended.
func (a *Why) writeEnd(w io.Writer) {
	end := a.Found.end
	if end == nil || a.Found.late {
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
func (a *Why) writeSafe(w io.Writer, x *policy.Explanation, req *policy.Request, now time.Time) error {
	if x.Verdict == policy.Allow || a.Back == setting.Off {
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
	found, err := refused(a.Dir, a.Back, now, a.Watch, counts)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, " safe?   replay %s: %s would newly allow %s\n", a.Back, what, found.text())
	return err
}

// entryFor is a policy of one entry, the narrowest that would allow req, for the same client groups.
func (a *Why) entryFor(req *policy.Request, path string) (*policy.Set, error) {
	spec := policy.Spec{Clients: a.Config.Policy.Clients, Rules: []policy.RuleSpec{{
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
func (a *Why) newlyAllowed(entry *policy.Set) func(*audit.Record) bool {
	before, alone := replay.New(a.Config.Set), replay.New(entry)
	return func(r *audit.Record) bool {
		was, unjudged := before.Decide(r)
		if unjudged != "" || was.Decision == policy.Allowed {
			return false
		}
		switch was.Reason {
		case policy.DeniedByRule.String(), policy.ClientUnknown.String(), policy.PrivateAddress.String(), policy.NetworkDenied.String():
			return false
		}
		is, unjudged := alone.Decide(r)
		return unjudged == "" && is.Decision == policy.Allowed
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
	t.hosts[RecordedTarget(r)] = true
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
