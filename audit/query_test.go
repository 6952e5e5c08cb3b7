package audit_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// at is the record that the tests of expressions look at.
func at() audit.Record {
	r := audittest.Decision()
	r.V, r.Seq, r.Time, r.ID = audit.Version, 1240377, time.Date(2026, 11, 24, 7, 1, 49, 123e6, time.UTC), "7Q3F9K"
	r.BytesIn, r.Duration = 48121, 81*time.Second
	r.Added = []string{"allow learned https://aka.ms", "allow arc/his https://*.his.arc.azure.com"}
	return r
}

func TestQueryMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		want bool
		expr string
	}{
		{true, ``},
		// texts
		{true, `decision = allow`},
		{true, `decision=allow`},
		{true, `decision == "allow"`},
		{false, `decision = deny`},
		{true, `decision != deny`},
		{true, `type = egress.decision`},
		{true, `type = egress.*`},
		{true, `rule = arc/*`},
		{true, `rule = *his`},
		{false, `rule = *hi`},
		{true, `rule_src = "catalog arc, entry 15"`},
		{false, `rule = "arc/*"`}, // a star in quotes is a star
		{true, `path = ""`},
		{false, `path != ""`},
		// hosts, as in rules
		{true, `host = gbl.his.arc.azure.com`},
		{true, `host = GBL.his.arc.azure.com.`},
		{true, `host = *.azure.com`},
		{false, `host = *.gbl.his.arc.azure.com`},
		{false, `host = *.zure.com`},
		{true, `host = g*.his.arc.azure.com`},
		{true, `host in (example.com, *.arc.azure.com)`},
		{false, `host not in (example.com, *.arc.azure.com)`},
		// regular expressions
		{true, `host ~ ^gbl\.`},
		{true, `host !~ "^(a|b)"`},
		{false, `host ~ "^his"`},
		{true, `client ~ ^10\.`},
		{true, `added ~ "his\.arc"`},
		// addresses
		{true, `client = 10.0.1.12`},
		{true, `client = ::ffff:10.0.1.12`},
		{true, `client in 10.0.1.0/24`},
		{true, `client = 10.0.1.99/24`},
		{false, `client in (10.0.2.0/24, 10.0.1.13)`},
		{true, `dst_ip = ""`},
		{false, `dst_ip in 0.0.0.0/0`},
		// numbers, sizes, times
		{true, `port = 443`},
		{true, `port in (80, 443)`},
		{true, `port > 442 port >= 443 port <= 443 port < 444 port != 442`},
		{false, `port < 443`},
		{true, `bytes_in > 46KiB`},
		{false, `bytes_in > 1MiB`},
		{true, `dur_ms >= 81s`},
		{true, `dur_ms = 81000`},
		{true, `seq = 1240377`},
		{true, `ts > 2026-11`},
		{true, `ts >= "2026-11-24 07:01" ts < 2026-11-24T07:02:00Z`},
		{true, `ts = 2026-11-24T07:01:49.123Z`},
		{true, `path_enforced = true`},
		{true, `inspected = false`},
		// lists: any element
		{true, `added = "allow learned https://aka.ms"`},
		{true, `added = *aka.ms`},
		{false, `added = *aka`},
		{false, `removed ~ .`},
		// together
		{true, `decision=allow group=nodes`},
		{false, `decision=allow group=wac`},
		{true, `decision=deny or group=nodes`},
		{true, `group=nodes or decision=deny and group=nodes`},
		{false, `(group=nodes or decision=allow) and decision=deny`},
		{true, `not decision=deny`},
		{true, `NOT (decision=deny OR group=wac)`},
		{true, `!decision=deny && (group=wac || group=nodes)`},
		{true, `not not group=nodes`},
		{false, `not group=nodes host=gbl.his.arc.azure.com`}, // not binds tighter than and
		{true, `group='nodes'`},
		{false, `detail = "a \"b\" \\"`},
		{true, `group != or`},
	}
	r := at()
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		q, err := audit.ParseQuery(tt.expr)
		if err != nil {
			t.Errorf("%s: %v", tt.expr, err)
			continue
		}
		if got := q.Match(&r); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.expr, got, tt.want)
		}
		// What is told from the bytes of a line alone must not leave out a record that matches.
		dir := t.TempDir()
		audittest.Write(t, live(dir), string(line)+"\n")
		n := 0
		_, err = audit.Scan(dir, audit.ScanOptions{Where: q}, func(audit.Record) error { n++; return nil })
		if err != nil || n == 1 != tt.want {
			t.Errorf("%s: Scan found %d, %v, want %v", tt.expr, n, err, tt.want)
		}
	}
}

func TestQueryErrors(t *testing.T) {
	tests := []struct {
		column    int
		msg, hint string
		expr      string
	}{
		{1, `no such field "hots"`, "did you mean host?", `hots = a`},
		{21, `no such field "clinet"`, "did you mean client?", `decision = deny and clinet = 10.0.0.1`},
		{1, `no such field "xyzzy"`, "", `xyzzy = a`},
		{12, `no decision is "denied"`, "did you mean deny?", `decision = denied`},
		{10, `no reason is "host_not_liste"`, "did you mean host_not_listed?", `reason = host_not_liste`},
		{8, `no type is "admin.relaod"`, "did you mean admin.reload?", `type = admin.relaod`},
		{10, `"10.0.0.300" is not an address`, "10.0.1.0/24", `client = 10.0.0.300`},
		{8, `"https" is not a whole number`, "", `port = https`},
		{12, `is not a number of bytes`, "", `bytes_in > many`},
		{10, `is not a length of time`, "", `dur_ms > -1s`},
		{6, `is not a time`, "", `ts > yesterday`},
		{13, "want true or false", "", `inspected = maybe`},
		{8, "host has no order", "", `host < a`},
		{8, "error parsing regexp", "RE2", `host ~ "("`},
		{8, "port is not a text", "", `port ~ 443`},
		{8, "would allow every host", "", `host = *.*`},
		{6, "want one of in, =", "", `host example.com`},
		{5, "want one of in, =", "", `host`},
		{7, "want a value, not the end", "", `host =`},
		{8, `want a value, not )`, "", `(host =)`},
		{15, `want ")", not the end`, "", `(host = a.test`},
		{17, `want "," or ")", not b.test`, "", `host in (a.test b.test)`},
		{14, `want and, or, or the end, not )`, "", `host = a.test)`},
		{5, "want a field, not and", "", `not and`},
		{10, "want one of in", "", `host not = a.test`},
		{8, "this quote is not closed", "", `path = "a`},
		{1, "want a field, not =", "", `= a`},
		{201, "more than 200 parentheses", "", strings.Repeat("(", 300)},
		{1, "longer than", "", strings.Repeat("(", 70000)},
	}
	for _, tt := range tests {
		_, err := audit.ParseQuery(tt.expr)
		var q *audit.QueryError
		if !errors.As(err, &q) {
			t.Errorf("%.60s: error %v", tt.expr, err)
			continue
		}
		if q.Column != tt.column || !strings.Contains(q.Msg, tt.msg) || !strings.Contains(q.Hint, tt.hint) {
			t.Errorf("%.60s: %d: %s (%s), want %d: %s (%s)", tt.expr, q.Column, q.Msg, q.Hint, tt.column, tt.msg, tt.hint)
		}
	}
}

func TestQueryCaret(t *testing.T) {
	_, err := audit.ParseQuery(`group = "bücher" and hots = a`)
	var q *audit.QueryError
	if !errors.As(err, &q) {
		t.Fatal(err)
	}
	want := "group = \"bücher\" and hots = a\n                     ^"
	if got := q.Caret(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Whatever is asked, and whatever is in the log: no panic, and a search that looks at the bytes of
// lines first finds what a search of decoded records finds.
func FuzzQuery(f *testing.F) {
	f.Add(`decision=deny and (host = *.azure.com or not client in 10.0.1.0/24)`, "gbl.his.arc.azure.com", "10.0.1.12")
	f.Add(`host ~ "a|b" port >= 80 sni in (a, "b\"")`, "bücher.example", "::1")
	f.Add(`host = A.test.`, "a.test", "::ffff:1.2.3.4")
	f.Fuzz(func(t *testing.T, expr, host, client string) {
		q, err := audit.ParseQuery(expr)
		if err != nil {
			return
		}
		r := at()
		r.Host, r.SNI, r.Rule = host, host, host
		r.Client, _ = netip.ParseAddr(client)
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if r, err = audit.Decode(line); err != nil {
			t.Fatal(err)
		}
		if q.Match(&r) && !q.MayMatch(string(line)) {
			t.Fatalf("%q matches, but would not have been found in %s", expr, line)
		}
	})
}
