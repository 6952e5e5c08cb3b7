package policy_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"webproxy/policy"
)

func TestParsePattern(t *testing.T) {
	tests := []struct{ in, want string }{
		{"example.com", "example.com"},
		{"Example.COM.", "example.com"},
		{"*.Example.com.", "*.example.com"},
		{"*.bücher.example", "*.xn--bcher-kva.example"},
		{"azgn*.servicebus.windows.net", "azgn*.servicebus.windows.net"},
		{"*-gas.guestconfiguration.azure.com", "*-gas.guestconfiguration.azure.com"},
		{"a*b*.x.example.com", "a*b*.x.example.com"},
		{"8.8.8.8", "8.8.8.8"},
		{"[2001:DB8::1]", "2001:db8::1"},
		{"2001:db8::1", "2001:db8::1"},
	}
	for _, tt := range tests {
		p, err := policy.ParsePattern(tt.in)
		if err != nil || p.String() != tt.want {
			t.Errorf("ParsePattern(%q) = %q, %v, want %q", tt.in, p, err, tt.want)
		}
		if again, err := policy.ParsePattern(p.String()); err != nil || again.String() != p.String() {
			t.Errorf("%q parses again to %q, %v", p, again, err)
		}
	}
	bad := []string{
		"", "*", "*.", "**", "*.*", ".", "*.example.*", "example.*", "*example.com*", "**.example.com", "a**.example.com",
		"*a*b*c.example.com", "*a*.*b*.*c*.example.com", "*..example.com", ".example.com", "*.exam_ple!.com", "ex?mple.com",
		"[a-c].example.com", "{a,b}.example.com", "!example.com", "exa\\mple.com", "*.10.0.0.1", "10.0.0.*", "1.2.3", "0x7f.1",
		"*.-example.com", "-*.example.com", "*-.example.com", "http://example.com", "example.com:443", "user@example.com", "exa mple.com",
		"*é.example.com", "fe80::1%eth0", "10.0.0.0/8", strings.Repeat("a.", 130) + "*.com", "*." + strings.Repeat("a", 64) + ".com",
	}
	for _, in := range bad {
		if p, err := policy.ParsePattern(in); err == nil {
			t.Errorf("ParsePattern(%q) = %q, want an error", in, p)
		}
	}
}

// matchNaive is the meaning of a pattern, said without an index and without glob: label by label
// from the end, a leading "*" taking one label or more.
func matchNaive(pattern, host string) bool {
	p, h := strings.Split(pattern, "."), strings.Split(host, ".")
	deep := p[0] == "*"
	if deep {
		p = p[1:]
	}
	if len(h) < len(p) || deep && len(h) == len(p) || !deep && len(h) != len(p) {
		return false
	}
	h = h[len(h)-len(p):]
	for i := range p {
		if !matchLabel(p[i], h[i]) {
			return false
		}
	}
	return true
}

// matchLabel matches one label by trying every way to split it.
func matchLabel(pattern, label string) bool {
	if pattern == "" {
		return label == ""
	}
	if pattern[0] != '*' {
		return label != "" && label[0] == pattern[0] && matchLabel(pattern[1:], label[1:])
	}
	for i := 0; i <= len(label); i++ {
		if matchLabel(pattern[1:], label[i:]) {
			return true
		}
	}
	return false
}

// Few letters and labels, so that patterns and hosts meet.
var (
	genLabel   = rapid.StringMatching(`[ab]{1,3}`)
	genStars   = rapid.StringMatching(`[ab]{0,1}\*[ab]{0,2}(\*[ab]?)?`)
	genHost    = rapid.Map(rapid.SliceOfN(genLabel, 1, 5), func(l []string) string { return strings.Join(l, ".") })
	genPattern = rapid.Custom(func(t *rapid.T) string {
		tail := genHost.Draw(t, "tail")
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return tail
		case 1:
			return "*." + tail
		case 2:
			return genStars.Draw(t, "head") + "." + tail
		}
		return "*." + genStars.Draw(t, "head") + "." + tail
	})
)

func TestPatternMatchesAsItReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, host := genPattern.Draw(t, "pattern"), genHost.Draw(t, "host")
		p, err := policy.ParsePattern(text)
		if err != nil {
			t.Skip(err)
		}
		if got, want := p.Matches(host), matchNaive(text, host); got != want {
			t.Fatalf("%q.Matches(%q) = %t, want %t", text, host, got, want)
		}
		for _, e := range p.Examples() {
			if !p.Matches(e) {
				t.Fatalf("%q does not match its example %q", text, e)
			}
		}
	})
}

func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{"*.example.com", "a*b.example.com", "10.0.0.1", "[::1]", "*.bücher.example", "*", "**.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p, err := policy.ParsePattern(in)
		if err != nil {
			return
		}
		again, err := policy.ParsePattern(p.String())
		if err != nil || again.String() != p.String() {
			t.Fatalf("ParsePattern(%q) = %q, which parses to %q, %v", in, p, again, err)
		}
		for _, e := range p.Examples() {
			if !p.Matches(e) {
				t.Fatalf("%q does not match its example %q", p, e)
			}
		}
	})
}

// A pattern within the limits must not make a hostile host expensive: glob backtracks.
func BenchmarkPatternHostile(b *testing.B) {
	p, err := policy.ParsePattern("*a*b.*a*b.x.example.com")
	if err != nil {
		b.Fatal(err)
	}
	host := strings.Repeat("a", 63) + "." + strings.Repeat("a", 63) + ".x.example.com"
	b.ReportAllocs()
	for b.Loop() {
		if p.Matches(host) {
			b.Fatal("matches")
		}
	}
}
