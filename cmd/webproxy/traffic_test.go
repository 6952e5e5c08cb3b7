package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"webproxy/audit"
	"webproxy/internal/setting"
	"webproxy/policy"
)

// scriptTraffic is the script command
//
//	traffic DIR FILE
//
// It writes the audit log of made-up requests to DIR. A line of FILE is
//
//	2026-09-01 4 2 nodes www.example.com:443 [RULE | deny]
//
// that on four days from the first of September on two clients of the group nodes ask for it once, and are let
// through by learn mode, or allowed by a rule, or refused. A client is 10.0.1.11, 10.0.1.12 and so on.
func scriptTraffic(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: traffic DIR FILE")
	}
	var all [][]audit.Record
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		if fields := strings.Fields(line); len(fields) > 0 {
			requests, err := trafficOf(fields)
			ts.Check(err)
			all = append(all, requests...)
		}
	}
	slices.SortStableFunc(all, func(a, b []audit.Record) int { return a[0].Time.Compare(b[0].Time) })
	log, err := audit.Open(audit.Options{Dir: ts.MkAbs(args[0]), Sync: setting.Off, AggregateWindow: setting.Off})
	ts.Check(err)
	id := log.Written()
	for _, request := range all {
		id++
		for i := range request {
			request[i].ID = fmt.Sprintf("T%d", id)
			ts.Check(log.Append(&request[i]))
		}
	}
	ts.Check(log.Close())
}

// trafficOf are the records of each request that a line of traffic stands for.
func trafficOf(fields []string) ([][]audit.Record, error) {
	if len(fields) < 5 {
		return nil, fmt.Errorf("traffic %q: want a date, days, clients, a group and a target", fields)
	}
	from, err := time.Parse(time.DateOnly, fields[0])
	days, err1 := strconv.Atoi(fields[1])
	clients, err2 := strconv.Atoi(fields[2])
	t, path, _, err3 := policy.ParseURL(fields[4])
	if err := cmp.Or(err, err1, err2, err3); err != nil {
		return nil, err
	}
	r := audit.Record{
		Type: audit.TypeDecision, Group: fields[3], Method: "CONNECT", Scheme: t.Scheme().String(), Host: t.Host(), Port: t.Port(), Path: path,
		Decision: "would_deny", Reason: "host_not_listed", Mode: "learn", PathEnforced: true,
	}
	if t.Scheme() == policy.HTTP {
		r.Method = "GET"
	}
	switch answer := strings.Join(fields[5:], ""); answer {
	case "":
	case "deny":
		r.Decision, r.Mode, r.Status = "deny", "enforce", 403
	default:
		r.Decision, r.Reason, r.Rule = "allow", "allowed_by_rule", answer
	}
	var all [][]audit.Record
	for d := range days {
		for c := range clients {
			r.Time = from.AddDate(0, 0, d).Add(8*time.Hour + time.Duration(c)*time.Minute)
			r.Client = netip.AddrFrom4([4]byte{10, 0, 1, byte(11 + c)})
			records := []audit.Record{r}
			if r.Decision != "deny" {
				end := r
				end.Type, end.Status, end.BytesIn, end.Time = audit.TypeClose, 200, 4000, r.Time.Add(time.Second)
				records = append(records, end)
			}
			all = append(all, records)
		}
	}
	return all, nil
}

func TestTrafficOf(t *testing.T) {
	got, err := trafficOf(strings.Fields("2026-09-01 4 2 nodes http://www.example.com/a"))
	if err != nil || len(got) != 8 || len(got[7]) != 2 || got[7][0].Client != netip.MustParseAddr("10.0.1.12") || got[7][0].Time.Day() != 4 {
		t.Errorf("%v, %v", got, err)
	}
}

// scriptAwait is the script command
//
//	await EXPRESSION TEXT
//
// It reads the audit log until a record that EXPRESSION asks for matches TEXT, for a minute at most.
func scriptAwait(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: await EXPRESSION TEXT")
	}
	want := regexp.MustCompile(args[1])
	deadline := time.Now().Add(scriptPatience)
	for {
		ts.Check(ts.Exec("webproxy", "audit", "query", "-o", "ndjson", args[0]))
		got := ts.ReadFile("stdout")
		if want.MatchString(got) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("await %s: %s\nwant %s", args[0], got, args[1])
		}
		time.Sleep(20 * time.Millisecond) // between two looks at another process
	}
}
