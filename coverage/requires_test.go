package coverage

import (
	"testing"

	"webproxy/policy"
)

// A policy is compared with the generation that its rules have.
func TestInUse(t *testing.T) {
	for want, lists := range map[string][]string{
		"azure-local":         {"hci", "arc@2021-12"},
		"azure-local@2025-11": {"azure-local@2025-05", "azure-local@2025-11", "azure-localish@2026-11"},
	} {
		var rules []policy.RuleSpec
		for _, l := range lists {
			rules = append(rules, policy.RuleSpec{ID: l, List: l})
		}
		if got, by := InUse(AzureLocal, rules); got != want || by != "" && by != want {
			t.Errorf("%v: %s by %q, want %s", lists, got, by, want)
		}
		if got, _ := InUse(AzureLocal, append(rules, policy.RuleSpec{List: AzureLocal})); got != AzureLocal {
			t.Errorf("%v and the newest: %s", lists, got)
		}
	}
}

func TestRequires(t *testing.T) {
	p, err := Open(AzureLocal, policy.Place{Cloud: "public", Region: "westeurope"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		host string
		port uint16
		want bool
	}{
		{"login.microsoftonline.com", 443, true},
		{"login.microsoftonline.com", 8443, false},
		{"weu.his.arc.azure.com", 443, true},
		{"crl3.digicert.com", 80, true},
		{"example.com", 443, false},
	} {
		if got := p.Requires(tt.host, tt.port); got != tt.want {
			t.Errorf("%s:%d: %v", tt.host, tt.port, got)
		}
	}
}
