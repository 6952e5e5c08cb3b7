//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"webproxy/audit"
)

// TestSeedRows has curl request every row of the first lists, and near misses, in two
// clouds. The responses, the requests at the origin, the audit log and
// the metrics must all agree.
func TestSeedRows(t *testing.T) {
	ca := newAuthority(t)
	rows := seedRows(t)
	if len(rows) != 60 {
		t.Errorf("%d rows of generation %s, want the 60 of the document", len(rows), generation)
	}
	book := new(guestbook)
	for _, port := range []int{80, otherHTTP} {
		serveHTTP(t, fmt.Sprintf("127.0.0.1:%d", port), book)
	}
	for _, port := range []int{443, otherHTTPS, gitPort} {
		serveTLS(t, fmt.Sprintf("127.0.0.1:%d", port), ca, book)
	}
	for _, cloud := range []string{"public", "china"} {
		t.Run(cloud, func(t *testing.T) {
			book.seen = nil
			askAll(t, cloud, rows, ca, book)
		})
	}
}

func askAll(t *testing.T, cloud string, rows []row, ca *authority, book *guestbook) {
	s := newSite(t)
	s.configure(seedPolicy(cloud, rows))
	p := s.start()
	o := newOracle(rows, cloud)
	asked := seedAsks(t, rows, cloud, o)

	// One curl for many requests: starting it takes longer than a request. Two at a time, so that requests overlap.
	var workers sync.WaitGroup
	half := len(asked) / 2
	for _, share := range [][]ask{asked[:half], asked[half:]} {
		workers.Go(func() {
			for batch := range slices.Chunk(share, 20) {
				p.evaluate(batch, o, ca)
			}
		})
	}
	workers.Wait()

	count := p.metric("webproxy_decisions_total")
	p.stop()
	decided, _ := decisions(t, records(t, s.audit()))
	checkSeedRecords(t, o, asked, decided)
	checkSeedMetrics(t, count, decided)

	welcome := make(map[guest]int)
	for _, a := range asked {
		if d, _ := o.answer(a); d == "allow" {
			welcome[guest(a)]++
		}
	}
	differ(t, "the origin", book.guests(), "the oracle", welcome)
	t.Logf("cloud %s: %d requests, %d of them allowed", cloud, len(asked), len(welcome))
}

// seedPolicy has a rule for each list of the generation.
func seedPolicy(cloud string, rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "policy:\n  cloud: %s\n  rules:\n", cloud)
	for _, list := range slices.Sorted(maps.Keys(countBy(rows, func(r row) string { return r.list }))) {
		fmt.Fprintf(&b, "    - { id: %s, list: %s@%s, private: allow }\n", list, list, generation)
	}
	return b.String()
}

// seedAsks returns the requests, each once: for every row in force those that it allows, and its near
// misses, of which at least two must be refused; and for rows of other clouds those that they would allow.
func seedAsks(t *testing.T, rows []row, cloud string, o oracle) []ask {
	t.Helper()
	asked := make(map[ask]bool)
	for _, r := range rows {
		if r.Host == "" || r.Host == "*" {
			continue // no host to request
		}
		for _, a := range r.asks() {
			asked[a] = true
			if d, _ := o.answer(a); r.HoldsIn(cloud) && d != "allow" {
				t.Errorf("%s: the oracle refuses %s", r.ID, a.url())
			}
		}
		if !r.HoldsIn(cloud) {
			continue
		}
		refused := 0
		for _, a := range r.nearMisses() {
			asked[a] = true
			if d, _ := o.answer(a); d == "deny" {
				refused++
			}
		}
		if refused < 2 {
			t.Errorf("%s %s: only %d near misses that are refused", r.list, r.ID, refused)
		}
	}
	return slices.SortedFunc(maps.Keys(asked), func(a, b ask) int { return strings.Compare(a.url(), b.url()) })
}

// TestSeedRowsDisabled: the two rows that no rule can express are listed, with the
// reason. That port 9418 is denied for every host is among the near misses of all others.
func TestSeedRowsDisabled(t *testing.T) {
	disabled := 0
	for _, r := range seedRows(t) {
		if r.Disabled == "" {
			continue
		}
		disabled++
		shown := run(t, nil, binary(t), "lists", "show", r.list+"@"+generation, "--cloud", r.Cloud)
		if want := fmt.Sprintf("# not in force: %q: %s", r.Raw, r.Disabled); shown.exit != 0 || !strings.Contains(shown.stdout, want) {
			t.Errorf("lists show %s: want %q; got exit %d\n%s%s", r.list, want, shown.exit, shown.stdout, shown.stderr)
		}
	}
	if disabled != 2 {
		t.Errorf("%d rows are disabled, want git:// and Coming soon.", disabled)
	}
}

// evaluate has curl make all requests, and compares the results with the oracle.
func (p *process) evaluate(asked []ask, o oracle, ca *authority) {
	var urls []string
	for _, a := range asked {
		urls = append(urls, a.url())
	}
	got := p.curls(ca, urls...)
	if len(got) != len(asked) {
		p.t.Errorf("curl made %d transfers of %d", len(got), len(asked))
		return
	}
	for i, c := range got {
		a := asked[i]
		decision, reason := o.answer(a)
		phrase := fmt.Sprintf("HTTP/1.1 403 webproxy denied: %s %s:%d id=", reason, a.host, a.port)
		switch {
		case decision == "allow":
			if want := "welcome " + guest(a).String(); c.Exit != 0 || c.Code != 200 || !strings.HasSuffix(c.text, want) {
				p.t.Errorf("%s: want %q; got %v", a.url(), want, c)
			}
		case !strings.HasPrefix(c.text, phrase):
			p.t.Errorf("%s: want an answer that begins %q; got %v", a.url(), phrase, c)
		case a.scheme == "http" && (c.Exit != 0 || c.Code != 403),
			a.scheme == "https" && (c.Exit != curlNoTunnel || c.Connect != 403):
			p.t.Errorf("%s: want a refusal; got %v", a.url(), c)
		}
	}
}

// checkSeedRecords compares the audit log with the oracle: exactly these decisions, each by a rule
// that could have made it.
func checkSeedRecords(t *testing.T, o oracle, asked []ask, decided []audit.Record) {
	t.Helper()
	type line struct {
		method           string
		ask              ask
		decision, reason string
	}
	want := countBy(asked, func(a ask) line {
		decision, reason := o.answer(a)
		return line{a.method(), a, decision, reason}
	})
	got := countBy(decided, func(r audit.Record) line {
		return line{r.Method, recordedAsk(r), string(r.Decision), r.Reason}
	})
	differ(t, "the audit log", got, "the oracle", want)
	pathOnly := ask{"https", "aka.ms", 443} // allowed only by a row with a path, which a tunnel hides
	for _, r := range decided {
		a := recordedAsk(r)
		if names := o.names(a); r.Decision == "allow" && !slices.Contains(names, r.Rule) {
			t.Errorf("%s: allowed by %q, want one of %q", a.url(), r.Rule, names)
		}
		if r.Decision == "allow" && r.PathEnforced == (a == pathOnly) {
			t.Errorf("%s: path_enforced is %v", a.url(), r.PathEnforced)
		}
	}
}

func recordedAsk(r audit.Record) ask { return ask{r.Scheme, r.Host, int(r.Port)} }

// checkSeedMetrics compares webproxy_decisions_total with the audit log.
func checkSeedMetrics(t *testing.T, samples []sample, decided []audit.Record) {
	t.Helper()
	type line struct{ verdict, reason, rule string }
	got := make(map[line]int)
	for _, s := range samples {
		got[line{s.labels["verdict"], s.labels["reason"], s.labels["rule"]}] += int(s.value)
	}
	want := countBy(decided, func(r audit.Record) line { return line{string(r.Decision), r.Reason, r.Rule} })
	differ(t, "the metrics", got, "the audit log", want)
}
