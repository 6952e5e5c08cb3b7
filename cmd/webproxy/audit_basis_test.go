package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
)

// The time that every help prints is one.
func TestSinceAsPrinted(t *testing.T) {
	at, err := parseWhen("since", "2026-10-01T08:00Z", time.Now())
	if want := time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC); err != nil || !at.Equal(want) {
		t.Errorf("got %v, %v, want %v", at, err, want)
	}
}

// An anchor that is empty, or of yesterday, makes another first line than one that reaches to the end, and what the
// result stands on is said.
func TestVerifySaysWhatItStandsOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	anchor := filepath.Join(t.TempDir(), "anchor")
	log, err := audit.Open(audit.Options{Dir: dir, Anchor: anchor})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := log.Append(&audit.Record{Type: audit.TypeDecision, Decision: "allow"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Seal(); err != nil {
		t.Fatal(err)
	}
	yesterday, err := os.ReadFile(anchor)
	if err != nil {
		t.Fatal(err)
	}
	for range 7 {
		if err := log.Append(&audit.Record{Type: audit.TypeDecision, Decision: "allow"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	current, err := os.ReadFile(anchor)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ want, text string }{
		{"anchored to seq 12 (", string(current)},
		{"anchored to seq 5 (", string(yesterday)},
		{"nothing in the anchor", ""},
	}
	for _, tt := range tests {
		if err := os.WriteFile(anchor, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errOut strings.Builder
		if code := run(context.Background(), []string{"audit", "verify", dir, "--anchor", anchor}, &out, &errOut); code != exitOK {
			t.Errorf("exit %d: %s%s", code, out.String(), errOut.String())
		}
		first, rest, _ := strings.Cut(out.String(), "\n")
		if !strings.HasPrefix(first, "INTEGRITY OK") || !strings.Contains(first, tt.want) {
			t.Errorf("%s, want %s", first, tt.want)
		}
		for _, part := range []string{"by: public key: ", "beside the private key", "by: the log ends with seq 12, where the proxy closed it"} {
			if !strings.Contains(rest, part) {
				t.Errorf("%s is not said: %s", part, rest)
			}
		}
	}
	var out, errOut strings.Builder
	if run(context.Background(), []string{"audit", "verify", dir}, &out, &errOut); !strings.Contains(out.String(), ", no anchor\n") {
		t.Errorf("without an anchor: %s%s", out.String(), errOut.String())
	}
}
