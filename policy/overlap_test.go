package policy_test

import (
	"testing"

	"webproxy/policy"
)

func TestOverlaps(t *testing.T) {
	tests := []struct {
		want bool
		p, q string
	}{
		// names
		{true, "a.example.com", "a.example.com"},
		{false, "a.example.com", "b.example.com"},
		// a wildcard is below its tail, at any depth, and never the tail itself
		{true, "*.example.com", "a.b.example.com"},
		{false, "*.example.com", "example.com"},
		{true, "*.example.com", "*.b.example.com"},
		{false, "*.example.com", "*.example.org"},
		{false, "*.example.com", "*.notexample.com"},
		// stars inside labels stay there
		{true, "a*.example.com", "*b.example.com"},
		{true, "a*.example.com", "ab.example.com"},
		{false, "a*.example.com", "b*.example.com"},
		{false, "a*x.example.com", "a*y.example.com"},
		{false, "a*.example.com", "a.b.example.com"},
		{true, "a.*.example.com", "*.example.com"},
		{true, "a.*.example.com", "*.b.example.com"},
		{false, "a.*.example.com", "b.*.example.com"},
		// addresses
		{true, "192.0.2.1", "192.0.2.1"},
		{false, "192.0.2.1", "192.0.2.2"},
		{false, "192.0.2.1", "*.example.com"},
	}
	for _, tt := range tests {
		p, q := pattern(t, tt.p), pattern(t, tt.q)
		if got, back := p.Overlaps(q), q.Overlaps(p); got != tt.want || back != tt.want {
			t.Errorf("%s, %s: overlaps %v, the other way round %v; want %v", p, q, got, back, tt.want)
		}
	}
	if (policy.Pattern{}).Overlaps(pattern(t, "*.example.com")) {
		t.Error("the zero Pattern matches nothing, and overlaps something")
	}
}
