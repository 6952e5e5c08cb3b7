package fleet_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/fleet"
	"webproxy/internal/victorialogstest"
)

// countLogs counts over the logs of sites as one.
func countLogs(t testing.TB, sites []*siteLog, q *audit.Query, by *audit.Grouping) []audit.Group {
	t.Helper()
	counter := audit.NewGroupCounter(by, q)
	for _, s := range sites {
		for i := range s.records {
			if q.Match(&s.records[i]) {
				counter.Add(&s.records[i])
			}
		}
	}
	return counter.Groups()
}

var someGroupings = [][]string{{"site", "host"}, {"host"}, {"day"}, {"hour", "type"}, {"group", "client"}, {"port", "status", "scheme"},
	{"rule", "reason", "policy", "mode"}, {"dst_ip", "error"}, {"sni", "method", "decision"}, {"site"}}

// countable is an expression over fields by which VictoriaLogs can group.
func countable(rng *rand.Rand) (string, *audit.Query) {
	for {
		expr := randomExpression(rng, 2)
		q, err := audit.ParseQuery(expr)
		if err == nil && !slices.ContainsFunc(q.Fields(), func(f string) bool { return !fleet.Countable(f) }) {
			return expr, q
		}
	}
}

// What VictoriaLogs counts is what the logs of the sites say, for any expression and grouping, though records were delivered twice, in one slice of
// time and in several, though one is there in two versions, though a site had another name, and though numbers are not in the order of times.
func TestCountEqualsLogs(t *testing.T) {
	vl := victorialogstest.Start(t)
	rng := rand.New(rand.NewPCG(7, 18))
	for day, damage := range []string{"nothing", "twice", "altered", "renamed", "disordered"} {
		start := time.Date(2026, 9, 1+2*day, 0, 0, 0, 0, time.UTC)
		var sites []*siteLog
		for i, name := range someSites {
			records := randomRecords(rng, 500, start)
			for j := range records { // sums that LogsQL would round are in one slice only
				if records[j].BytesIn > 1<<53 && j > 100 {
					records[j].BytesIn = 1 << 40
				}
			}
			if damage == "disordered" && i == 0 {
				for j := 0; j+40 < len(records); j += 3 {
					records[j].Time, records[j+40].Time = records[j+40].Time, records[j].Time
				}
			}
			s := writeSite(t, name, records)
			if damage == "renamed" && i == 1 {
				s.sendAs(t, vl.URL(), "bergen-2", 0, 250)
				s.send(t, vl.URL(), 250, len(s.records))
			} else {
				s.send(t, vl.URL(), 0, len(s.records))
			}
			if damage == "twice" && i < 2 {
				s.send(t, vl.URL(), 100, 180)
			}
			if damage == "altered" && i == 2 {
				// Its place in time is another one, and the earlier version is what counts.
				forged := s.records[30]
				forged.Time, forged.Host = forged.Time.Add(20*time.Minute), "forged.example.com"
				line, err := forged.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				(&siteLog{name: name, records: []audit.Record{forged}, lines: []string{string(line)}}).send(t, vl.URL(), 0, 1)
			}
			sites = append(sites, s)
		}
		if err := vl.Flush(); err != nil {
			t.Fatal(err)
		}
		c := client(t, vl.URL())
		c.SetCountSlice(100, 600)
		counted := uint64(0)
		for i := range 16 {
			expr, q := "", (*audit.Query)(nil)
			if i%5 > 0 {
				expr, q = countable(rng)
			}
			names := someGroupings[i%len(someGroupings)]
			by, err := audit.ParseGrouping(names)
			if err != nil {
				t.Fatal(err)
			}
			got, stats, err := c.CountBy(context.Background(), fleet.Search{Where: q, Since: start, Until: start.AddDate(0, 0, 1)}, by)
			if err != nil {
				t.Fatalf("%s: %s by %v: %v", damage, expr, names, err)
			}
			counted += stats.Counted
			want := countLogs(t, sites, q, by)
			if damage == "altered" {
				continue // which version matches depends on the expression: see below
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %s by %v: %s\nwant %s\n%+v", damage, expr, names, groupsText(got), groupsText(want), stats)
			}
		}
		if counted < 5000 {
			t.Errorf("%s: VictoriaLogs counted only %d records", damage, counted)
		}
		by, _ := audit.ParseGrouping([]string{"site", "host"})
		search := fleet.Search{Since: start, Until: start.AddDate(0, 0, 1)}
		got, stats, err := c.CountBy(context.Background(), search, by)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]struct{ repeated, conflicts uint64 }{"twice": {160, 0}, "altered": {0, 1}}[damage]
		if stats.Repeated != want.repeated || stats.Conflicts != want.conflicts || stats.Records != 2000 {
			t.Errorf("%s: %+v", damage, stats)
		}
		c.ReadLines = true
		lines, linesStats, err := c.CountBy(context.Background(), search, by)
		if err != nil || linesStats.Counted != 0 || !reflect.DeepEqual(got, lines) {
			t.Errorf("%s: %s\nby lines %s\n%+v, %v", damage, groupsText(got), groupsText(lines), linesStats, err)
		}
	}
}

func groupsText(all []audit.Group) string {
	text := ""
	for _, g := range all {
		text += fmt.Sprintf("\n%q %d %d %d %v %v", g.Values, g.Requests, g.BytesOut, g.BytesIn, g.First, g.Last)
	}
	return text
}

// What a site has not delivered is told: numbers that are not there, and silence. A record outside of the time of the search is none that is missing.
func TestDeliveries(t *testing.T) {
	vl := victorialogstest.Start(t)
	start := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	rng := rand.New(rand.NewPCG(3, 18))
	for _, name := range []string{"whole", "holes", "twice", "old"} {
		from := start
		if name == "old" {
			from = start.AddDate(0, 0, -20)
		}
		records := randomRecords(rng, 200, from)
		records[50].Time = start.Add(-time.Minute) // it is before the time that is asked for
		if name == "old" {
			records[50].Time = from
		}
		s := writeSite(t, name, records)
		switch name {
		case "holes":
			s.send(t, vl.URL(), 0, 100)
			s.send(t, vl.URL(), 103, 150)
			s.send(t, vl.URL(), 151, len(s.records))
		default:
			s.send(t, vl.URL(), 0, len(s.records))
		}
		if name == "twice" {
			s.send(t, vl.URL(), 20, 30)
		}
	}
	if err := vl.Flush(); err != nil {
		t.Fatal(err)
	}
	c := client(t, vl.URL())
	all, err := c.Deliveries(context.Background(), fleet.Search{Since: start, Sites: []string{"*o*", "twice"}}, start.Add(10*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, d := range all {
		got += fmt.Sprintln(d.Site, d.Seq, d.Missing, d.Silent > 0)
	}
	if want := "holes 200 4 false\nold 200 0 true\ntwice 200 0 false\nwhole 200 0 false\n"; got != want {
		t.Errorf("%swant\n%s", got, want)
	}
	if all, err = c.Deliveries(context.Background(), fleet.Search{Since: start, Sites: []string{"w*"}}, start.Add(time.Hour)); err != nil || len(all) != 1 || all[0].Silent < 50*time.Minute {
		t.Errorf("%v, %v", all, err)
	}
	// A search of the past: what came in after it is no matter.
	if all, err = c.Deliveries(context.Background(), fleet.Search{Since: start, Until: start.Add(time.Minute)}, start.AddDate(1, 0, 0)); err != nil || len(all) != 4 || all[3].Silent != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

// VictoriaLogs keeps an attribute of which a block has more than eight values, all of them numbers, addresses or times, as such, and returns
// another text: "1.1" for "1.10". Counts and filters tell them apart.
func TestCountNumericNames(t *testing.T) {
	vl := victorialogstest.Start(t)
	for day, names := range [][]string{
		{"1.1", "1.10", "2.2", "2.20", "3.3", "0.3", "5.5", "6.6", "7.7", "8.8"},
		{"1.00", "2.00", "3.00", "4.00", "5.00", "6.00", "7.00", "8.00", "9.00", "1.0"}, // returned as integers
		{"10", "1_0", "-0", "0", "1", "2", "3", "4", "5", "6"},
		{"10.0.0.1", "10.0.0.01", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.8", "10.0.0.008"},
		{"1", "01", "02", "2", "1e1", "10", "1.1", "a", "b", "c"}, // returned as they are
	} {
		start := time.Date(2026, 3, 1+day, 0, 0, 0, 0, time.UTC)
		records := make([]audit.Record, 200)
		for i := range records {
			name := names[i%len(names)]
			records[i] = audit.Record{Type: audit.TypeDecision, Time: start.Add(time.Duration(i) * time.Second), Host: "a.example.com", Port: 443,
				Decision: "allow", Reason: "allowed_by_rule", Group: name, Rule: name, Method: name, Scheme: "https"}
		}
		s := writeSite(t, fmt.Sprint("s", day), records)
		s.send(t, vl.URL(), 0, len(records))
		if err := vl.Flush(); err != nil {
			t.Fatal(err)
		}
		c := client(t, vl.URL())
		c.SetCountSlice(10, 100)
		exprs := []string{"port = 443"}
		for _, name := range names[:3] {
			exprs = append(exprs, fmt.Sprintf("group = %q", name), fmt.Sprintf("group != %q", name), fmt.Sprintf("not rule in (%q, %q)", name, names[0]))
		}
		for i, expr := range exprs {
			q, err := audit.ParseQuery(expr)
			if err != nil {
				t.Fatal(err)
			}
			by, _ := audit.ParseGrouping([][]string{{"group"}, {"method"}, {"rule"}}[i%3])
			want := countLogs(t, []*siteLog{s}, q, by)
			for _, lines := range []bool{false, true} {
				c.ReadLines = lines
				got, _, err := c.CountBy(context.Background(), fleet.Search{Where: q, Sites: []string{s.name}}, by)
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s, lines %v: %v%s\nwant%s", expr, lines, err, groupsText(got), groupsText(want))
				}
			}
		}
	}
}

// A brokenProxy is in front of VictoriaLogs, and alters its answers to queries that contain a text.
func brokenProxy(t *testing.T, vl, text string, alter func(status int, lines []string) (int, []string)) (url string, altered *atomic.Int64) {
	t.Helper()
	altered = new(atomic.Int64)
	target, err := neturl.Parse(vl)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Header.Del("Accept-Encoding")
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		form, _ := neturl.ParseQuery(string(body))
		if !strings.Contains(form.Get("query"), text) {
			forward.ServeHTTP(w, r)
			return
		}
		altered.Add(1)
		got := httptest.NewRecorder()
		forward.ServeHTTP(got, r)
		status, lines := alter(got.Code, strings.SplitAfter(strings.TrimSuffix(got.Body.String(), "\n"), "\n"))
		w.Header().Set("Content-Type", got.Header().Get("Content-Type"))
		w.WriteHeader(status)
		answer := strings.TrimSuffix(strings.Join(lines, ""), "\n")
		if answer != "" {
			answer += "\n"
		}
		io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, altered
}

// An answer of which lines are cut off, and one that is refused, do not make a count wrong: it is an error, or lines are read.
func TestCountBrokenAnswers(t *testing.T) {
	vl := victorialogstest.Start(t)
	rng := rand.New(rand.NewPCG(11, 18))
	start := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	var sites []*siteLog
	for i, name := range []string{"a", "b"} {
		records := randomRecords(rng, 600, start)
		for j := range records {
			records[j].BytesIn = min(records[j].BytesIn, 1<<30) // LogsQL rounds no sum
		}
		if i == 0 { // numbers that are in several slices
			for j := 0; j+40 < len(records); j += 3 {
				records[j].Time, records[j+40].Time = records[j+40].Time, records[j].Time
			}
		}
		s := writeSite(t, name, records)
		s.send(t, vl.URL(), 0, len(s.records))
		sites = append(sites, s)
	}
	if err := vl.Flush(); err != nil {
		t.Fatal(err)
	}
	// One number is there twice, in two slices: only the question for overlaps finds it.
	at := slices.IndexFunc(sites[0].records, func(r audit.Record) bool { return r.Seq > 120 && r.Type == audit.TypeDecision })
	again := sites[0].records[at]
	again.Time = again.Time.Add(6 * time.Minute)
	line, err := again.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	(&siteLog{name: "a", records: []audit.Record{again}, lines: []string{string(line)}}).send(t, vl.URL(), 0, 1)
	if err := vl.Flush(); err != nil {
		t.Fatal(err)
	}
	by, _ := audit.ParseGrouping([]string{"site", "type"})
	want := countLogs(t, sites, nil, by)
	cut := func(status int, lines []string) (int, []string) { return status, lines[:len(lines)-1] }
	for _, tt := range []struct {
		name, query string
		alter       func(int, []string) (int, []string)
		countSlice  uint64
		fails, says bool
	}{
		{"nothing", "no such text", cut, 300, false, false},
		{"how many", "| stats count() n, min(_time)", cut, 300, true, false},
		{"spans of time", "| stats by (_time:", cut, 300, true, false},
		{"sites of a slice", `distinct, min("webproxy.seq") first`, cut, 300, false, true},
		{"groups", "min(_time) first, max(_time) last,", cut, 300, false, false},
		{"overlaps", `count_uniq("webproxy.seq") distinct`, func(status int, lines []string) (int, []string) {
			if strings.Contains(lines[0], `"first"`) {
				return status, lines
			}
			return cut(status, lines)
		}, 300, false, false},
		{"refused", "count_uniq", func(int, []string) (int, []string) { return 500, []string{"not enough memory"} }, 300, false, true},
	} {
		url, altered := brokenProxy(t, vl.URL(), tt.query, tt.alter)
		c := client(t, url)
		c.SetCountSlice(100, tt.countSlice)
		got, stats, err := c.CountBy(context.Background(), fleet.Search{}, by)
		if tt.query != "no such text" && altered.Load() == 0 {
			t.Errorf("%s: no such question", tt.name)
		}
		if tt.fails {
			if err == nil {
				t.Errorf("%s: no error", tt.name)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, want) || (stats.Uncounted != "") != tt.says || tt.query == "no such text" && stats.Counted < 300 {
			t.Errorf("%s: %v, %+v%s\nwant%s", tt.name, err, stats, groupsText(got), groupsText(want))
		}
	}
}
