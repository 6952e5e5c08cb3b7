package policy_test

import (
	"strings"
	"testing"

	"webproxy/policy"
)

// No host has what a word processor makes of quotes, hyphens, dots and spaces. IDNA would encode some of it, and drop
// the rest.
func TestStrangeRunes(t *testing.T) {
	for _, tt := range []struct {
		want string // what the error calls the character
		text string
	}{
		{"quotation mark", "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u2032\u2033\uff02\uff07\u00b4"},
		{"a dash", "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u30a0"},
		{"a space", "\u00a0\u1680\u2000\u2003\u200a\u202f\u205f\u3000"},
		{"an invisible character", "\u200b\u200e\u200f\u2060\ufeff\u00ad\u061c\u180e"},
		{"a dot", "\u2024\u2026\u3002\uff0e\uff61"},
		{"a slash", "\u2044\u2215\uff0f\uff3c"},
		{"full-width", "\uff0a\uff1a\uff20"},
		{"a sign", "\u2217\u00d7"},
	} {
		for _, r := range tt.text {
			for _, host := range []string{"my" + string(r) + "host.example.com", "example.com" + string(r), "*.my" + string(r) + "host.example.com", "a*" + string(r) + ".example.com"} {
				_, err := policy.ParsePattern(host)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("ParsePattern(%+q): %v, want %q", host, err, tt.want)
				}
			}
			if target, err := policy.ParseTarget(policy.HTTPS, "my"+string(r)+"host.example.com:443"); err == nil {
				t.Errorf("ParseTarget with %U: %s", r, target)
			}
		}
	}
	// Names that people have: of many scripts, with what RFC 5892 permits besides letters, and with symbols.
	for _, host := range []string{"bücher.example", "例え.テスト", "موقع.وزارة", "l\u00b7l.example", "क्\u200dष.example", "ア\u30fbイ.example", "i❤.ws", "straße.de", "१२३.example"} {
		if _, err := policy.ParsePattern(host); err != nil && strings.Contains(err.Error(), "no host name") {
			t.Errorf("ParsePattern(%s): %v", host, err)
		}
	}
}
