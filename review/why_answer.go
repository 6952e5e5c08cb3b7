package review

import (
	"cmp"
	"encoding/json"
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

// A Why explains one request of the log to a person.
type Why struct {
	Config *config.Config // the request is evaluated again under its policy; nil if it is not valid
	Dir    string         // of the log
	Found  Found
	Back   setting.Duration // how far back to replay a fix; setting.Off for not at all
	Watch  Watch
	// Unknown says why Config is nil; empty: the configuration is not valid.
	Unknown string
	Flag    string // the value of --config for suggested commands; empty for none
}

// An Answer is what is known about a request of the log, as data.
type Answer struct {
	Found *Found
	// Now is what the current policy decides about Request; nil if that cannot be known, and then Unknown says why.
	Now     *policy.Explanation
	Request policy.Request
	Unknown string
	// Named reports whether Request is for the host that the ClientHello in a tunnel named, instead of the CONNECT's.
	Named bool
	// Same reports whether the policy and the reason of Now are those of the time.
	Same bool
	// Permitted reports whether the request would be let through now; true for a record that is not of a request.
	Permitted bool
	// Safe is what else a fix would let through; nil if the fix is neither an entry nor a phase, or without Why.Back.
	Safe *Safe
}

// Answer returns what Write tells, as data.
func (a *Why) Answer() (Answer, error) {
	now := time.Now()
	answer := a.evaluate(now)
	if answer.Now == nil || answer.Named {
		return answer, nil
	}
	var err error
	answer.Safe, err = a.safe(answer.Now, &answer.Request, now)
	return answer, err
}

// evaluate makes the answer, without Safe.
func (a *Why) evaluate(now time.Time) Answer {
	r := a.Found.Final()
	answer := Answer{Found: &a.Found}
	if r.Hosts > 0 {
		answer.Unknown = "these denials were counted without their hosts"
		return answer
	}
	req, ok := r.Request(now)
	if !ok {
		answer.Unknown, answer.Permitted = "it was not a request that a policy could evaluate", true
		return answer
	}
	answer.Request = req
	if a.Config == nil {
		answer.Unknown, answer.Permitted = cmp.Or(a.Unknown, "the configuration is not valid"), r.Decision != "deny"
		return answer
	}
	if a.Found.late && r.Reason == policy.SNIMismatch.String() {
		if named, ok := serverNamed(&req, r.SNI); ok {
			x := a.Config.Set.Explain(&named)
			answer.Named, answer.Request, answer.Now, answer.Permitted = true, named, &x, x.Permit
			return answer
		}
	}
	x := a.Config.Live.Explain(&req)
	answer.Now, answer.Permitted = &x, x.Permit
	answer.Same = policy.SameDigest(a.Found.Policy, x.Policy()) && x.Reason.String() == r.Reason
	return answer
}

// Write tells what was recorded, and what the current policy decides about the same request. permitted is as in Answer.
func (a *Why) Write(w io.Writer) (permitted bool, err error) {
	now := time.Now()
	r := a.Found.Final()
	answer := a.evaluate(now)
	fmt.Fprintln(w, a.Found.Headline(now))
	switch _, ok := r.Request(now); {
	case r.Hosts > 0:
		return answer.Permitted, writeScan(w, r)
	case !ok:
		fmt.Fprintf(w, " reason  %s\n note    %s: %s\n",
			audit.Printable(r.Reason+recordedRule(r)), answer.Unknown, audit.Printable(strings.TrimSpace(r.Error+" "+r.Detail)))
		return answer.Permitted, nil
	case answer.Now == nil:
		return answer.Permitted, a.writeRecorded(w, r, answer.Unknown)
	case answer.Named:
		return answer.Permitted, a.writeMisnamed(w, r, answer.Now)
	}
	x := answer.Now
	if answer.Same {
		fmt.Fprintf(w, " reason  %s: %s\n", x.Reason, x.Why)
	} else {
		fmt.Fprintf(w, " reason  %s\n", audit.Printable(r.Reason+recordedRule(r)))
	}
	if a.Found.late {
		fmt.Fprintf(w, " note    %s\n", lateNote(r.Reason))
	}
	if r.Detail != "" {
		fmt.Fprintf(w, " note    %s\n", audit.Printable(r.Detail))
	}
	a.writeEnd(w)
	if !answer.Same {
		which := "now"
		if !policy.SameDigest(a.Found.Policy, x.Policy()) {
			which = "now (another policy, " + ShortDigest(x.Policy()) + ")"
		}
		fmt.Fprintf(w, "%s: %s\n reason  %s: %s\n", which, headline(x), x.Reason, x.Why)
	}
	if _, err := io.WriteString(w, AdviceText(x, Remedies(a.Config, x, a.Flag), ListedIn(a.Config, x))); err != nil {
		return false, err
	}
	safe, err := a.safe(x, &answer.Request, now)
	if err == nil && safe != nil {
		_, err = fmt.Fprintf(w, " safe?   replay %s: %s would newly allow %s\n", a.Back, safe.what(), safe.text())
	}
	return answer.Permitted, err
}

// writeRecorded tells what was recorded, if there is no policy to compare it with.
func (a *Why) writeRecorded(w io.Writer, r *audit.Record, unknown string) error {
	fmt.Fprintf(w, " reason  %s\n", audit.Printable(r.Reason+recordedRule(r)))
	if a.Found.late {
		fmt.Fprintf(w, " note    %s\n", lateNote(r.Reason))
	}
	if r.Detail != "" {
		fmt.Fprintf(w, " note    %s\n", audit.Printable(r.Detail))
	}
	a.writeEnd(w)
	_, err := fmt.Fprintln(w, " now     not known: "+unknown)
	return err
}

// writeScan tells of denials that were aggregated without their hosts, and so cannot be evaluated again.
func writeScan(w io.Writer, r *audit.Record) error {
	_, err := fmt.Fprintf(w, ` reason  %s
 note    the client asked for so many hosts that these denials were counted under one id; among them:
         %s
 next    of one of them, ask: webproxy explain HOST --client %s
`, audit.Printable(r.Reason), audit.Printable(strings.Join(r.Sample, " ")), audit.AddrText(r.Client))
	return err
}

// writeEnd tells how a permitted request ended.
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

// A Safe is which requests of the log a fix would have let through.
type Safe struct {
	Phase string // the phase that the fix switches on; empty if the fix is an entry
	clientTally
}

// Text is the count in words, with the busiest clients.
func (s *Safe) Text() string { return s.text() }

func (s *Safe) what() string {
	if s.Phase == "" {
		return "the entry"
	}
	return "phase " + s.Phase
}

// MarshalJSON makes {"phase": ..., "requests": n, "hosts": [...], "clients": [{"client": ..., "requests": n}]}.
func (s *Safe) MarshalJSON() ([]byte, error) {
	type client struct {
		Client   netip.Addr `json:"client"`
		Requests uint64     `json:"requests"`
	}
	clients := []client{}
	for _, c := range s.busiest() {
		clients = append(clients, client{c, s.clientTally.clients[c]})
	}
	return json.Marshal(struct {
		Phase    string   `json:"phase"`
		Requests uint64   `json:"requests"`
		Hosts    []string `json:"hosts"`
		Clients  []client `json:"clients"`
	}{s.Phase, s.requests, append([]string{}, slices.Sorted(maps.Keys(s.hosts))...), clients})
}

// safe finds which requests of the log the fix would have let through. It is nil if the fix is neither an entry nor a phase.
func (a *Why) safe(x *policy.Explanation, req *policy.Request, now time.Time) (*Safe, error) {
	if x.Verdict == policy.Allow || a.Back == setting.Off {
		return nil, nil
	}
	safe := &Safe{}
	var counts func(*audit.Record) bool
	var byRow func(*audit.Row) (counts, known bool)
	only := "host = " + quote(req.Target.Host()) // counts is true for no other records
	switch x.Reason {
	case policy.PhaseInactive:
		phase := x.Phase()
		safe.Phase, only = phase, "reason = "+policy.PhaseInactive.String()
		counts = func(r *audit.Record) bool { return r.Reason == policy.PhaseInactive.String() && r.Phase == phase }
	case policy.HostNotListed, policy.PortNotAllowed, policy.SchemeNotAllowed, policy.PathNotAllowed, policy.RuleExpired:
		entry, err := a.entryFor(req, x.FixPath(req))
		if err != nil {
			return nil, nil // no such entry could be written
		}
		counts = a.newlyAllowed(entry)
		byRow = a.rowNewlyAllowed(entry)
	default:
		return nil, nil
	}
	var err error
	safe.clientTally, err = refused(a.Dir, a.Back, now, a.Watch, only, byRow, counts)
	return safe, err
}

// entryFor returns a policy with one entry, the narrowest that would allow req, and the same client groups.
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

// newlyAllowed returns whether entry would allow a record that the current policy denies. No entry lifts a guard or a deny
// rule.
func (a *Why) newlyAllowed(entry *policy.Set) func(*audit.Record) bool {
	before, alone := replay.New(a.Config.Set), replay.New(entry)
	return func(r *audit.Record) bool {
		was, skipped := before.Decide(r)
		if skipped != "" || was.Decision == policy.Allowed {
			return false
		}
		switch was.Reason {
		case policy.DeniedByRule.String(), policy.ClientUnknown.String(), policy.PrivateAddress.String(), policy.NetworkDenied.String():
			return false
		}
		is, skipped := alone.Decide(r)
		return skipped == "" && is.Decision == policy.Allowed
	}
}

// rowNewlyAllowed reports of the requests of a row whether entry would allow them and the policy of now denies them, if that is the same
// for all of them, whatever their paths and times were: no entry is for the host.
func (a *Why) rowNewlyAllowed(entry *policy.Set) func(*audit.Row) (counts, known bool) {
	before, alone := replay.New(a.Config.Set), replay.New(entry)
	return func(row *audit.Row) (counts, known bool) {
		if row.Decision == policy.Allowed || row.Requests == row.Late {
			return false, true // not asked for
		}
		if row.Reason != policy.HostNotListed.String() {
			return false, false
		}
		r := row.Record()
		r.Type, r.Time, r.Method = audit.TypeDecision, row.Last, "CONNECT"
		if r.Scheme == string(policy.HTTP) {
			r.Method = "GET"
		}
		for i, name := range []string{"", "its certificate's"} { // the group is the address's, or that of a certificate
			r.ClientName = name
			was, skipped := before.Decide(&r)
			unknown := was.Reason == policy.ClientUnknown.String() // which no entry lifts
			if skipped != "" || was.Reason != policy.HostNotListed.String() && !unknown {
				return false, false
			}
			is, skipped := alone.Decide(&r)
			yes := !unknown && is.Decision == policy.Allowed
			if skipped != "" || i > 0 && yes != counts {
				return false, false
			}
			counts = yes
		}
		return counts, true
	}
}

// A clientTally counts requests by client.
type clientTally struct {
	requests uint64
	clients  map[netip.Addr]uint64
	hosts    map[string]bool
}

func (t *clientTally) add(r *audit.Record) {
	n := uint64(1)
	if r.Type == audit.TypeRepeat {
		n = uint64(max(r.Count, 0))
	}
	t.count(r, n)
}

// count adds n requests like r.
func (t *clientTally) count(r *audit.Record, n uint64) {
	if t.clients == nil {
		t.clients, t.hosts = map[netip.Addr]uint64{}, map[string]bool{}
	}
	t.requests += n
	t.clients[r.Client] += n
	t.hosts[RecordedTarget(r)] = true
}

// busiest returns the clients, those with the most requests first.
func (t *clientTally) busiest() []netip.Addr {
	return slices.SortedFunc(maps.Keys(t.clients), func(a, b netip.Addr) int {
		return cmp.Or(cmp.Compare(t.clients[b], t.clients[a]), a.Compare(b))
	})
}

// text is the count in words, with the busiest clients.
func (t *clientTally) text() string {
	const named = 4
	if t.requests == 0 {
		return "nothing that was asked for"
	}
	clients := t.busiest()
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
