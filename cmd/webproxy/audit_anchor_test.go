package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/audit"
)

// A report says by which anchor the log was verified, and how far that reaches; one that contradicts the log is exit code 5.
func TestReportAnchor(t *testing.T) {
	logs := map[string]string{} // their anchors
	for _, name := range []string{"ours", "other"} {
		dir := filepath.Join(t.TempDir(), "audit")
		anchor := filepath.Join(t.TempDir(), "anchor")
		log, err := audit.Open(audit.Options{Dir: dir, Anchor: anchor})
		if err != nil {
			t.Fatal(err)
		}
		for range 12 {
			if err := log.Append(&audit.Record{Type: audit.TypeDecision, Decision: "allow", Host: name + ".example.com"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		logs[name], logs[name+" dir"] = anchor, dir
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pub := filepath.Join(logs["ours dir"]+"-key", "audit.pub")
	for _, tt := range []struct {
		want   int
		text   string
		anchor string
	}{
		{exitOK, "anchored to seq 12 (", logs["ours"]},
		{exitOK, "nothing in the anchor", empty},
		{exitIntegrity, "signed by another key", logs["other"]},
	} {
		page := filepath.Join(t.TempDir(), "report.html")
		var out, errOut strings.Builder
		code := run(context.Background(), []string{"audit", "report", "--dir", logs["ours dir"], "--pub", pub, "--anchor", tt.anchor, "--html", page}, &out, &errOut)
		html, err := os.ReadFile(page)
		if code != tt.want || err != nil || !strings.Contains(out.String(), tt.text) || !strings.Contains(string(html), tt.text) {
			t.Errorf("want exit %d and %q: exit %d, %v\n%s%s", tt.want, tt.text, code, err, out.String(), errOut.String())
		}
	}
}
