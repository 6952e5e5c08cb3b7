package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/audit"
)

// A log that is what was written verifies with exit code 0; one that was altered, with 5 and its place.
func TestAuditVerifyExitCode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	log, err := audit.Open(audit.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := log.Append(&audit.Record{Type: audit.TypeDecision, Host: "www.example.com", Decision: "allow", Reason: "allowed_by_rule"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	pub := filepath.Join(dir+"-key", "audit.pub")
	verify := func(want int, text string, args ...string) {
		t.Helper()
		var out, errOut strings.Builder
		args = append([]string{"audit", "verify", dir}, args...)
		if got := run(context.Background(), args, &out, &errOut); got != want || !strings.Contains(out.String(), text) {
			t.Errorf("%s: exit %d, want %d and %q\n%s%s", strings.Join(args, " "), got, want, text, out.String(), errOut.String())
		}
	}
	verify(exitOK, "INTEGRITY OK  seq 1..5, no gaps")
	verify(exitOK, "INTEGRITY OK", "--pub", pub)
	verify(exitOK, `"found": 0`, "-o", "json")

	file := filepath.Join(dir, "audit.ndjson")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	altered := strings.Replace(string(text), "www.example.com", "www.example.org", 1)
	if err := os.WriteFile(file, []byte(altered), 0o640); err != nil {
		t.Fatal(err)
	}
	verify(exitIntegrity, "FAIL seq 1: record differs from checkpoint 2 ")
	verify(exitIntegrity, `"kind": "altered"`, "-o", "json")
	verify(exitRuntime, "", "--pub", filepath.Join(t.TempDir(), "none.pub"))
	verify(exitRuntime, "", "--pub", pub, "--anchor", filepath.Join(t.TempDir(), "none"))
}
