package audit_test

import (
	"encoding/json"
	"strings"
	"testing"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// A policy is found by the 12 digits that people are shown, in records with the whole digest and in those of earlier versions.
func TestQueryShortDigest(t *testing.T) {
	const short = "sha256:9c1e77aa01f2"
	whole := short + strings.Repeat("5", 52)
	for _, tt := range []struct {
		policy, expr string
		want         bool
	}{
		{whole, "policy = " + short, true},
		{short, "policy = " + short, true},
		{whole, "policy = " + whole, true},
		{short, "policy = " + whole, false}, // not known to be the same
		{whole, "policy = sha256:9c1e77aa01f3", false},
		{whole, "policy != " + short, false},
		{whole, "policy = sha256:9c1e", false},
		{whole, "policy_old = " + short, true},
	} {
		r := at()
		r.Policy, r.PolicyOld = tt.policy, tt.policy
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		q, err := audit.ParseQuery(tt.expr)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		audittest.Write(t, live(dir), string(line)+"\n")
		n := 0
		_, err = audit.Scan(dir, audit.ScanOptions{Where: q}, func(audit.Record) error { n++; return nil })
		if got := q.Match(&r); got != tt.want || err != nil || n == 1 != tt.want {
			t.Errorf("%s on %s: Match %v, Scan %d, %v; want %v", tt.expr, tt.policy, got, n, err, tt.want)
		}
	}
}
