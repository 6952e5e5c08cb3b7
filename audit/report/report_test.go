package report_test

import (
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/audit/report"
	"webproxy/internal/audittest"
	"webproxy/policy"
)

// Hosts, groups and sentences in the log are what strangers sent: neither the page nor the terminal obeys them, and a
// spreadsheet takes none for a formula.
func TestReportOfHostileRecords(t *testing.T) {
	dir := t.TempDir()
	const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>"'&`
	var log strings.Builder
	for i, r := range []audit.Record{
		{Type: audit.TypeDecision, ID: "A", Host: evil, Group: evil, Reason: evil, Rule: evil, Decision: "deny", Policy: evil},
		{Type: audit.TypeDecision, ID: "B", Host: "gnp.\u202eexe.example", Group: "\u202e", Rule: "a\u2066", Decision: "allow"},
		{Type: audit.TypeDecision, ID: "C", Host: "=cmd|' /C calc'!A0", Decision: "would_deny", Reason: evil},
		{Type: audit.TypeReload, Detail: evil, By: evil, Ticket: "\u202e" + evil, PolicyOld: evil, Policy: evil, Added: []string{evil}, Removed: []string{"\u202e" + evil}},
		{Type: audit.TypeGap, Detail: evil},
	} {
		r.V, r.Seq, r.Time = audit.Version, uint64(i+1), october.Add(time.Hour)
		line, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		log.Write(append(line, '\n'))
	}
	audittest.Write(t, filepath.Join(dir, "audit.ndjson"), log.String())
	r, err := report.Make(dir, report.Options{
		Findings: []report.Finding{{Rule: evil, Source: evil, Text: evil}}, Integrity: evil, Rules: []policy.RuleInfo{},
	})
	if err != nil {
		t.Fatal(err)
	}
	var page, text strings.Builder
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteText(&text, 0); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<img", `"'&`, "\u202e", "\u2066"} {
		if i := strings.Index(page.String(), bad); i >= 0 {
			t.Errorf("the page has %q: %.100q", bad, page.String()[max(i-50, 0):])
		}
	}
	if n := strings.Count(page.String(), "&lt;script&gt;"); n < 12 {
		t.Errorf("the page shows what was sent %d times", n)
	}
	if strings.ContainsAny(text.String(), "\u202e\u2066") {
		t.Errorf("the terminal gets %q", text.String())
	}
	out := filepath.Join(t.TempDir(), "csv")
	if err := r.WriteCSV(out); err != nil {
		t.Fatal(err)
	}
	if learned := audittest.Contents(t, filepath.Join(out, "learned.csv")); !strings.Contains(learned, "\n'=cmd|") {
		t.Errorf("a formula: %s", learned)
	}
}

// An expiry is shown as the day that the rule is written with: the last on which it holds.
func TestReportExpiry(t *testing.T) {
	host, err := policy.ParsePattern("soon.example.net")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "audit.ndjson"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := report.Make(dir, report.Options{
		Now:   october,
		Rules: []policy.RuleInfo{{Rule: "soon", Host: host, Expires: october.AddDate(0, 0, 10)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := r.WriteText(&text, 0); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "expires after 2026-10-10") {
		t.Errorf("got %s", text.String())
	}
}

// A spreadsheet opens the page and the files too: what a client asked for is no formula there.
func TestReportFormulas(t *testing.T) {
	r := report.Report{DeniedHosts: []report.Use{{Host: "=cmd|' /C calc'!A0", Port: 80, Reason: "bad_request;=1"}}}
	var page strings.Builder
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := r.WriteCSV(dir); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{html.UnescapeString(page.String()), audittest.Contents(t, filepath.Join(dir, "denied.csv"))} {
		if strings.Contains(text, "<td>=") || strings.Contains(text, "\n=") || strings.Contains(text, ";=") || !strings.Contains(text, "=cmd|") {
			t.Errorf("a formula in\n%s", text)
		}
	}
}

var october = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
