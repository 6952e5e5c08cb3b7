package main

import (
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"webproxy/audit"
)

// A table fits its terminal by leaving columns out, the least important first; without a terminal it has all.
func TestRecordTable(t *testing.T) {
	r := audit.Record{
		Type: audit.TypeDecision, Time: time.Date(2026, 10, 2, 8, 0, 0, 0, time.FixedZone("", 3600)), ID: "A00001", Client: netip.MustParseAddr("10.0.1.12"),
		Group: "nodes", Method: "CONNECT", Host: strings.Repeat("long.", 20) + "example.com", Port: 443, Decision: "deny", Reason: "bad_request", Detail: "two hosts",
	}
	for _, tt := range []struct {
		width   int
		heading string
	}{
		{0, "TIME (UTC) ID CLIENT GROUP METHOD TARGET DECISION REASON RULE"},
		{200, "TIME (UTC) ID CLIENT GROUP METHOD TARGET DECISION REASON RULE"},
		{120, "TIME (UTC) ID CLIENT TARGET DECISION REASON"},
		{80, "TIME (UTC) ID TARGET DECISION"},
		{20, "TIME (UTC) TARGET DECISION"},
	} {
		table := recordTableFor(io.Discard, tt.width)
		heading, row := table.heading(), table.row(&r)
		if got := strings.Join(strings.Fields(heading), " "); got != tt.heading {
			t.Errorf("width %d: %q, want %q", tt.width, got, tt.heading)
		}
		if n := utf8.RuneCountInString(strings.TrimSpace(row)); tt.width >= 80 && tt.width < 200 && n > tt.width {
			t.Errorf("width %d: a row of %d: %q", tt.width, n, row)
		}
		if !strings.HasPrefix(row, "2026-10-02 07:00:00.000Z  ") || strings.Contains(row, "A00001") != (tt.width != 20) {
			t.Errorf("width %d: %q", tt.width, row)
		}
		if wide := tt.width == 0; wide != strings.Contains(row, r.Host) || wide && !strings.HasSuffix(row, "two hosts\n") {
			t.Errorf("width %d: %q", tt.width, row)
		}
	}
}
