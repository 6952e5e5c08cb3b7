//go:build e2e

package e2e

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"webproxy/audit"
)

// records returns all records of a log, which must be complete: numbered without gaps, each line a
// record.
func records(t *testing.T, dir string) []audit.Record {
	t.Helper()
	var all []audit.Record
	st, err := audit.Scan(dir, audit.ScanOptions{}, func(r audit.Record) error {
		all = append(all, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if st.Missing != 0 || st.Repeated != 0 || st.Unreadable != 0 || st.InProgress != 0 || st.FirstSeq > 1 || st.LastSeq != uint64(len(all)) {
		t.Errorf("the audit log is not whole: %+v", st)
	}
	return all
}

// decisions returns the decision records, and the close records by id. Every permitted request must
// have exactly one of each, every refused one a decision only.
func decisions(t *testing.T, all []audit.Record) ([]audit.Record, map[string]audit.Record) {
	t.Helper()
	var decided []audit.Record
	ids := make(map[string]bool)
	closed := make(map[string]audit.Record)
	for _, r := range all {
		switch r.Type {
		case audit.TypeDecision:
			if ids[r.ID] {
				t.Errorf("seq %d: a second decision with the id %s", r.Seq, r.ID)
			}
			ids[r.ID] = true
			decided = append(decided, r)
		case audit.TypeClose:
			if _, twice := closed[r.ID]; twice || !ids[r.ID] {
				t.Errorf("seq %d: close record %s is the second, or stands before its decision", r.Seq, r.ID)
			}
			closed[r.ID] = r
		}
	}
	for _, r := range decided {
		if _, ok := closed[r.ID]; ok != (r.Decision == "allow") {
			t.Errorf("seq %d: %s %s:%d is %s; has a close record: %v", r.Seq, r.Method, r.Host, r.Port, r.Decision, ok)
		}
	}
	return decided, closed
}

// countBy counts all by key.
func countBy[E any, K comparable](all []E, key func(E) K) map[K]int {
	n := make(map[K]int)
	for _, e := range all {
		n[key(e)]++
	}
	return n
}

// differ reports the difference of two multisets, with their names.
func differ[K comparable](t *testing.T, gotName string, got map[K]int, wantName string, want map[K]int) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	for k, n := range got {
		if n != want[k] {
			t.Errorf("%+v: %d times in %s, %d times in %s", k, n, gotName, want[k], wantName)
		}
	}
	for k, n := range want {
		if got[k] == 0 {
			t.Errorf("%+v: not in %s, %d times in %s", k, gotName, n, wantName)
		}
	}
}

// A sample is one line of /metrics.
type sample struct {
	labels map[string]string
	value  float64
}

// metric returns the samples of one metric. There must be at least one.
func (p *process) metric(name string) []sample {
	p.t.Helper()
	status, body := p.get("/metrics")
	if status != 200 {
		p.t.Fatalf("/metrics: status %d", status)
	}
	var all []sample
	line := regexp.MustCompile(`(?m)^` + name + `(?:\{(.*)\})? (\S+)$`)
	label := regexp.MustCompile(`(\w+)="([^"]*)"`)
	for _, m := range line.FindAllStringSubmatch(body, -1) {
		v, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			p.t.Fatalf("/metrics: %s: %v", m[0], err)
		}
		s := sample{make(map[string]string), v}
		for _, l := range label.FindAllStringSubmatch(m[1], -1) {
			s.labels[l[1]] = l[2]
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		p.t.Fatalf("/metrics has no %s; it has\n%s", name, strings.Join(metricNames(body), " "))
	}
	return all
}

// gauge returns the value of a metric that has one sample.
func (p *process) gauge(name string) float64 {
	p.t.Helper()
	return p.metric(name)[0].value
}

func metricNames(body string) []string {
	names := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(body, -1) {
		names[m[1]] = true
	}
	return slices.Sorted(maps.Keys(names))
}
