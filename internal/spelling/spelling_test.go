package spelling_test

import (
	"strings"
	"testing"

	"webproxy/internal/spelling"
)

func TestNearest(t *testing.T) {
	names := []string{"hci", "update", "arc", "azure-local", "idle_timeout", "westeurope"}
	for word, want := range map[string]string{
		"hcl": "hci", "Updates": "update", "updaet": "update", "azure-locla": "azure-local", "AZURE_LOCAL": "azure-local",
		"idle-timeout": "idle_timeout", "idletimeout": "idle_timeout", "westeuorpe": "westeurope",
		"": "", "x": "", "completely-else": "", strings.Repeat("u", 1<<20): "",
	} {
		if got := spelling.Nearest(word, names); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"kitten", "sitting", 3}} {
		if got := spelling.Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
