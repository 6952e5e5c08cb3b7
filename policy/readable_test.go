package policy_test

import (
	"testing"

	"webproxy/policy"
)

func TestReadable(t *testing.T) {
	for in, want := range map[string]string{
		"allow a https://a.example.com:443 expires=1735776000":                  "allow a https://a.example.com:443 expires=2025-01-02T00:00:00Z",
		"allow a https://a.example.com:443 expires=1735776000 private=allow":    "allow a https://a.example.com:443 expires=2025-01-02T00:00:00Z private=allow",
		"allow a https://a.example.com:443 expires=2025-01-02":                  "allow a https://a.example.com:443 expires=2025-01-02",
		`phase updates active=false until=never schedule=""`:                    "phase updates active=false",
		`phase updates active=false until=never schedule="Tue 20:00-24:00 UTC"`: `phase updates active=false schedule="Tue 20:00-24:00 UTC"`,
		`phase updates active=false until=2099-01-01 00:00 UTC schedule=""`:     "phase updates active=false until=2099-01-01 00:00 UTC",
		"client 10.0.1.0/24 nodes learn":                                        "client 10.0.1.0/24 nodes learn",
	} {
		if got := policy.Readable(in); got != want {
			t.Errorf("Readable(%q) = %q, want %q", in, got, want)
		}
	}
}
