package replay_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/internal/proxytest"
	"webproxy/policy"
)

// Replay equals reality: generated traffic under policy A is recorded; what B says of the record is
// what B says when the same traffic is made under it.
func TestReplayEqualsReality(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		replayEqualsReality(t, seed, 75, 3)
	}
}

// FuzzReplayEqualsReality is the same with other traffic and other policies for each seed.
func FuzzReplayEqualsReality(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { replayEqualsReality(t, seed, 20, 2) })
}

func replayEqualsReality(t *testing.T, seed uint64, requests, rounds int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 5))
	hosts := map[string][]string{}
	for _, h := range replayHosts {
		hosts[h] = []string{"127.0.0.1"}
	}
	p := proxytest.Start(t, proxytest.Config{Hosts: hosts})
	g := replayTraffic{t: t, p: p, rng: rng}
	asked := make([]replayRequest, requests)
	for i := range asked {
		asked[i] = g.request()
	}
	for round := range rounds {
		a, b := g.policy(), g.policy()
		p.Live.Swap(a)
		before := g.send(asked)
		p.Live.Swap(b)
		after := g.send(asked)
		skipped := 0
		for i := range asked {
			if g.compare(asked[i], before[i], after[i], b) {
				skipped++
			}
		}
		whole := replay.New(b)
		for _, records := range before {
			for i := range records {
				whole.Add(&records[i])
			}
		}
		checkCounts(t, whole, len(asked), skipped)
		checkCompare(t, before, a, b)
		t.Logf("seed %d, round %d: same %d, newly denied %d, newly allowed %d, not evaluated %v", seed, round, whole.Same,
			whole.NewlyDenied, whole.NewlyAllowed, whole.Skipped)
	}
}

// checkCompare: what was recorded under a policy is what that policy says again; and no policy differs from itself.
func checkCompare(t *testing.T, recorded [][]audit.Record, a, b *policy.Set) {
	t.Helper()
	for _, records := range recorded {
		plain, compared, itself := replay.New(b), replay.Compare(a, b), replay.Compare(b, b)
		for i := range records {
			for _, r := range []*replay.Replay{plain, compared, itself} {
				r.Add(&records[i])
			}
		}
		if itself.NewlyDenied+itself.NewlyAllowed != 0 || itself.Requests != 1 {
			t.Errorf("%s:%d: a policy differs from itself: %+v", records[0].Host, records[0].Port, itself)
		}
		if len(plain.Skipped)+len(compared.Skipped) > 0 {
			continue
		}
		want, got := [3]uint64{plain.Same, plain.NewlyDenied, plain.NewlyAllowed}, [3]uint64{compared.Same, compared.NewlyDenied, compared.NewlyAllowed}
		if got != want {
			t.Errorf("%s:%d: by the record %v, by the policy that was in force %v", records[0].Host, records[0].Port, want, got)
		}
	}
}

// Compare holds two policies against each other, whatever was in force when requests were recorded.
func TestCompare(t *testing.T) {
	allowing := func(host string) *policy.Set {
		set, err := policy.Compile(&policy.Spec{
			Clients: map[string][]string{"one": {"127.0.0.1"}},
			Rules:   []policy.RuleSpec{{ID: "host", Hosts: []string{host}}},
		}, nil, policy.Env{})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	record := func(decision policy.Outcome) *audit.Record {
		return &audit.Record{
			Type: audit.TypeDecision, Time: time.Now(), Client: netip.MustParseAddr("127.0.0.1"),
			Method: "CONNECT", Scheme: "https", Host: "a.one.test", Port: 443, Decision: decision, Reason: "host_not_listed",
		}
	}
	a, other := allowing("a.one.test"), allowing("b.one.test")
	for _, tt := range []struct {
		name             string
		was, is          *policy.Set
		recorded         policy.Outcome
		denied, allowed  uint64
		deniedByRecord   uint64
		allowedByRecords uint64
	}{
		{"allowed since", a, other, policy.Denied, 1, 0, 0, 0},
		{"denied since", other, a, policy.Allowed, 0, 1, 0, 0},
		{"denied since, and still", other, other, policy.Allowed, 0, 0, 1, 0},
		{"no policy before", nil, a, policy.Denied, 0, 1, 0, 1},
		{"no policy any more", a, nil, policy.Allowed, 1, 0, 1, 0},
	} {
		compared, plain := replay.Compare(tt.was, tt.is), replay.New(tt.is)
		compared.Add(record(tt.recorded))
		plain.Add(record(tt.recorded))
		if compared.NewlyDenied != tt.denied || compared.NewlyAllowed != tt.allowed {
			t.Errorf("%s: newly denied %d, newly allowed %d; want %d, %d", tt.name, compared.NewlyDenied, compared.NewlyAllowed, tt.denied, tt.allowed)
		}
		if plain.NewlyDenied != tt.deniedByRecord || plain.NewlyAllowed != tt.allowedByRecords {
			t.Errorf("%s, by the record: newly denied %d, newly allowed %d; want %d, %d", tt.name, plain.NewlyDenied, plain.NewlyAllowed, tt.deniedByRecord, tt.allowedByRecords)
		}
	}
}

// A query that decides which addresses may be dialled is one that decides.
func TestReplayQueryDecidesAddresses(t *testing.T) {
	for private, want := range map[string]replay.Skipped{"": replay.SkippedQuery, "allow": ""} {
		set, err := policy.Compile(&policy.Spec{
			Clients: map[string][]string{"one": {"127.0.0.1"}},
			Rules: []policy.RuleSpec{
				{ID: "query", URL: "http://a.one.test/q?a=1", Private: "allow"},
				{ID: "host", Hosts: []string{"a.one.test"}, Ports: []uint16{80}, Private: private},
			},
		}, nil, policy.Env{})
		if err != nil {
			t.Fatal(err)
		}
		got, why := replay.New(set).Decide(&audit.Record{
			Type: audit.TypeDecision, Time: time.Now(), Client: netip.MustParseAddr("127.0.0.1"),
			Method: "GET", Scheme: "http", Host: "a.one.test", Port: 80, Path: "/q", Decision: "allow", Reason: "allowed_by_rule",
		})
		if why != want || got.Decision != "allow" {
			t.Errorf("host rule with private %q: %+v, not evaluated %q; want allow, %q", private, got, why, want)
		}
	}
}

var replayHosts = []string{"a.one.test", "b.one.test", "deep.b.one.test", "one.test", "a.two.test", "azgn7.two.test"}

// A replayRequest is a request as a client writes it, from one of two addresses.
type replayRequest struct{ from, head string }

type replayTraffic struct {
	t   *testing.T
	p   *proxytest.Proxy
	rng *rand.Rand
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

func (g *replayTraffic) request() replayRequest {
	from := "127.0.0.1"
	if runtime.GOOS == "linux" && g.rng.IntN(3) == 0 {
		from = "127.0.0.2" // other systems have no such address unless told
	}
	host := pick(g.rng, append(replayHosts, "127.0.0.1", "bad..name", "0x7f.1")...)
	target := fmt.Sprintf("%s:%d", host, pick(g.rng, g.p.Port, g.p.Port, g.p.Port, 1))
	if g.rng.IntN(2) == 0 {
		return replayRequest{from, fmt.Sprintf("CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)}
	}
	form := pick(g.rng, "http", "http", "http", "http", "http", "https")
	method := pick(g.rng, "GET", "GET", "HEAD", "DELETE", "TRACE")
	path := pick(g.rng, "", "/", "/pub/x", "/pub/../x", "/q?a=1", "/q?b=2")
	return replayRequest{from, fmt.Sprintf("%s %s://%s%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", method, form, target, path, target)}
}

// policy is a random one, in which every condition that a record must tell plays a part.
func (g *replayTraffic) policy() *policy.Set {
	now := time.Now().UTC()
	spec := &policy.Spec{
		Clients: map[string][]string{"one": {"127.0.0.1"}},
		Modes:   map[string]policy.Mode{"one": pick(g.rng, policy.Enforce, policy.Enforce, policy.Learn)},
		Phases:  map[string]policy.PhaseSpec{"on": {Active: true}, "off": {}},
	}
	if g.rng.IntN(2) == 0 {
		spec.Clients["two"] = []string{"127.0.0.2"}
	}
	for i := range 2 + g.rng.IntN(6) {
		r := policy.RuleSpec{ID: fmt.Sprintf("r%d", i), Ports: []uint16{g.p.Port}, Private: pick(g.rng, "allow", "allow", "")}
		host := pick(g.rng, append(replayHosts, "*.one.test", "*.test", "azgn*.two.test", "127.0.0.1")...)
		if host == "127.0.0.1" {
			r.Private = "allow" // or it is refused: such a rule could never admit
		}
		r.Hosts = []string{host}
		r.Schemes = pick(g.rng, nil, []policy.Scheme{policy.HTTP}, []policy.Scheme{policy.HTTP, policy.HTTPS})
		r.Methods = pick(g.rng, nil, nil, []string{"GET", "CONNECT"})
		r.Phase = pick(g.rng, "", "", "on", "off")
		switch g.rng.IntN(8) {
		case 0:
			r.Expires.UnmarshalText([]byte(now.AddDate(0, 0, pick(g.rng, -2, 2)).Format(time.DateOnly)))
		case 1:
			r.For = []string{"one"}
		case 2, 3:
			if host != "127.0.0.1" && !strings.Contains(host, "*") {
				url := fmt.Sprintf("http://%s:%d%s", host, g.p.Port, pick(g.rng, "/pub", "/q?a=1"))
				r.Hosts, r.Ports, r.Schemes, r.URL = nil, nil, nil, url
			}
		case 4:
			r.Deny, r.Private = true, ""
		}
		spec.Rules = append(spec.Rules, r)
	}
	set, err := policy.Compile(spec, nil, policy.Env{})
	if err != nil {
		g.t.Fatal(err)
	}
	return set
}

// send makes the requests one after another, and returns the records of each.
func (g *replayTraffic) send(asked []replayRequest) [][]audit.Record {
	g.t.Helper()
	all := make([][]audit.Record, len(asked))
	for i, a := range asked {
		n := len(g.p.Audit.All())
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(a.from), 0))}
		c, err := d.Dial("tcp", g.p.Addr)
		if err != nil {
			g.t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(proxytest.Patience))
		if _, err := c.Write([]byte(a.head)); err != nil {
			g.t.Fatal(err)
		}
		first := make([]byte, 1)
		c.Read(first) // an answer has begun
		c.Close()
		records := g.p.Records(n + 1)[n:]
		if records[0].Decision != "deny" {
			records = g.p.Records(n + 2)[n:]
		}
		all[i] = records
	}
	return all
}

// compare reports whether the request could not be evaluated.
func (g *replayTraffic) compare(asked replayRequest, before, after []audit.Record, b *policy.Set) bool {
	g.t.Helper()
	r := replay.New(b)
	got, why := r.Decide(&before[0])
	if why != "" {
		return true
	}
	live := after[0]
	want := replay.Ruling{Decision: live.Decision, Reason: live.Reason, Rule: live.Rule}
	if strings.Contains(asked.head, "?") {
		// Records have no query: which of several rules it meets, nobody can tell, nor that it would have
		// come nearer to being allowed.
		got.Rule = want.Rule
		if want.Decision != "allow" {
			got.Reason = want.Reason
		}
	}
	if got != want {
		g.t.Errorf("%s %q\nreplay %+v\nlive   %+v", asked.from, asked.head, got, want)
	}
	for i := range before {
		r.Add(&before[i])
	}
	was, is := before[len(before)-1].Decision != "deny", after[len(after)-1].Decision != "deny"
	switch {
	case len(r.Skipped) > 0 && r.Skipped[replay.SkippedAddress] == 1:
		return true
	case r.Undialled == 1 && !is:
		// The address was not known to the replay, and it says so: a rule that denies it, or none that
		// lets it be private, is met when it is dialled.
		if last := after[len(after)-1]; len(after) != 2 || last.Reason != "private_address" && last.Reason != "denied_by_rule" {
			g.t.Errorf("%s %q: newly allowed by replay, refused live: %s", asked.from, asked.head, last.Reason)
		}
		return false
	}
	count := [3]uint64{1, 0, 0}
	switch {
	case was && !is:
		count = [3]uint64{0, 1, 0}
	case !was && is:
		count = [3]uint64{0, 0, 1}
	}
	if got := [3]uint64{r.Same, r.NewlyDenied, r.NewlyAllowed}; got != count {
		g.t.Errorf("%s %q: replay counts %v, want %v", asked.from, asked.head, got, count)
	}
	return false
}

func checkCounts(t *testing.T, r *replay.Replay, requests, skipped int) {
	t.Helper()
	var sum uint64
	for _, n := range r.Skipped {
		sum += n
	}
	if sum != uint64(skipped) || r.Same+r.NewlyDenied+r.NewlyAllowed+sum != uint64(requests) || r.Requests != uint64(requests) {
		t.Errorf("counts do not add up to %d, of which %d not evaluated: %+v", requests, skipped, r)
	}
	var changed uint64
	for _, c := range r.Finish() {
		changed += c.Requests
	}
	if changed != r.NewlyDenied+r.NewlyAllowed {
		t.Errorf("%d requests in changes, want %d", changed, r.NewlyDenied+r.NewlyAllowed)
	}
}
