package policy_test

import (
	"regexp"
	"testing"

	"webproxy/policy"
)

// A digest is the whole hash: 48 bits of it are not enough to tell policies apart.
func TestDigestIsWhole(t *testing.T) {
	set := compile(t, policy.Spec{Rules: []policy.RuleSpec{{ID: "api", Hosts: []string{"api.example.com"}}}})
	whole := set.Digest()
	if !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(whole) {
		t.Errorf("Digest() = %q, want all of the SHA-256", whole)
	}
	if short := policy.ShortDigest(whole); short != whole[:len("sha256:")+12] {
		t.Errorf("ShortDigest = %q", short)
	}
}

func TestSameDigest(t *testing.T) {
	const (
		whole = "sha256:9c1e77aa01f2b5a1007e33c49c1e77aa01f2b5a1007e33c49c1e77aa01f2b5a1"
		other = "sha256:9c1e77aa01f2b5a1007e33c49c1e77aa01f2b5a1007e33c49c1e77aa01f2b5a2"
	)
	for _, tt := range []struct {
		want bool
		a, b string
	}{
		{true, whole, whole},
		{true, whole, "sha256:9c1e77aa01f2"}, // a record of an earlier version
		{true, "sha256:9c1e77aa01f2", "sha256:9c1e77aa01f2"},
		{false, whole, other},
		{false, whole, "sha256:9c1e77aa01f3"},
		{false, whole, "sha256:9c1e"}, // less than was ever written
		{false, whole, "sha256:9c1e77aa01f2b5"},
		{false, whole, ""},
		{true, "", ""},
	} {
		if policy.SameDigest(tt.a, tt.b) != tt.want || policy.SameDigest(tt.b, tt.a) != tt.want {
			t.Errorf("SameDigest(%q, %q): want %v both ways", tt.a, tt.b, tt.want)
		}
	}
	if short := policy.ShortDigest("sha256:aaaa"); short != "sha256:aaaa" {
		t.Errorf("ShortDigest of what is shorter = %q", short)
	}
}
