package policy_test

import (
	"strings"
	"testing"

	"webproxy/policy"
)

func TestParseTarget(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	tests := []struct {
		scheme policy.Scheme
		in     string
		want   string
	}{
		{policy.HTTPS, "example.com:443", "example.com:443"},
		{policy.HTTPS, "EXAMPLE.Com:443", "example.com:443"},
		{policy.HTTPS, "example.com.:443", "example.com:443"},
		{policy.HTTPS, "example.com:1", "example.com:1"},
		{policy.HTTPS, "example.com:65535", "example.com:65535"},
		{policy.HTTP, "example.com", "example.com:80"},
		{policy.HTTP, "example.com:8080", "example.com:8080"},
		{policy.HTTPS, "localhost:443", "localhost:443"},
		{policy.HTTPS, "_dmarc.x-y.example.com:443", "_dmarc.x-y.example.com:443"},
		{policy.HTTPS, label63 + ".com:443", label63 + ".com:443"},
		{policy.HTTPS, "xn--bcher-kva.example:443", "xn--bcher-kva.example:443"},
		{policy.HTTPS, "bücher.example:443", "xn--bcher-kva.example:443"},
		{policy.HTTPS, "1a.au.example.com:443", "1a.au.example.com:443"},
		{policy.HTTPS, "8.8.8.8:443", "8.8.8.8:443"},
		{policy.HTTPS, "8.8.8.8.:443", "8.8.8.8:443"},
		{policy.HTTP, "8.8.8.8", "8.8.8.8:80"},
		{policy.HTTPS, "[2001:DB8::1]:443", "[2001:db8::1]:443"},
		{policy.HTTPS, "[2001:db8:0:0::1]:443", "[2001:db8::1]:443"},
		{policy.HTTP, "[::1]", "[::1]:80"},
		{policy.HTTP, "example.com:", "example.com:80"},
		{policy.HTTP, "[::1]:", "[::1]:80"},
		{policy.HTTPS, "[::ffff:10.0.0.1]:443", "10.0.0.1:443"},
	}
	for _, tt := range tests {
		got, err := policy.ParseTarget(tt.scheme, tt.in)
		if err != nil || got.HostPort() != tt.want {
			t.Errorf("ParseTarget(%s, %q) = %q, %v, want %q", tt.scheme, tt.in, got.HostPort(), err, tt.want)
		}
	}
}

// badTargets are spellings that a client could use to get past a rule, or that mean nothing.
var badTargets = []string{
	"", ":", ":443", "example.com", "example.com:", "[::1]", // CONNECT needs both parts
	"example.com:0", "example.com:65536", "example.com:4294975377", "example.com:0443", "example.com:+443",
	"example.com:-1", "example.com: 443", "example.com:443 ", "example.com:0x1bb", "example.com:443:443", "example.com:https",
	"user@example.com:443", "user:pw@example.com:443", "example.com@evil.org:443", "@example.com:443",
	"example%2ecom:443", "%65xample.com:443", "example.com%00:443", "[::1%25eth0]:443", "[fe80::1%eth0]:443",
	".example.com:443", "example..com:443", "example.com..:443", ".:443", "..:443",
	strings.Repeat("a", 64) + ".com:443", strings.Repeat("a.", 127) + "com:443", strings.Repeat("a", 4096) + ":443",
	"example.com/:443", "//example.com:443", "/path:443", "http://example.com:443", "example.com/x:443", "example.com?x:443", "example.com#x:443",
	"exa mple.com:443", "example.com\t:443", "example.com\r\n:443", "example.com\x00:443", "exa\x7fmple.com:443", "\\example.com:443",
	"*.example.com:443", "*:443", "a*b.com:443", "example.com,evil.org:443", "example.com;evil.org:443", "(example.com):443", "'example.com':443",
	"-example.com:443", "example-.com:443", "exam.-ple.com:443",
	"2130706433:443", "0x7f000001:443", "0x7f.1:443", "017700000001:443", "127.1:443", "127.0.1:443", "0177.0.0.1:443", "127.0.0.01:443",
	"127.0.0.1.1:443", "256.0.0.1:443", "1.2.3:443", "1.2.3.4.5:443", "0:443", "0x:443", "0X7F.0.0.1:443", "a.0x10:443", "example.1:443", "1.2.3.0x4:443",
	"１２７.0.0.1:443", "127。0。0。1:443", "ｅxample.com:443", "example。com:443", "exam\u00adple.com:443", "exa\u200bmple.com:443", "ＥＸＡＭＰＬＥ.com:443",
	"xn--:443", "xn--a:443", "xn--example-.com:443", "xn--80ak6aa92e\xff.com:443", "\xff\xfe.com:443",
	"[::1:443", "::1]:443", "::1:443", "[::1]443", "[::1]:", "[]:443", "[127.0.0.1]:443", "[::1].com:443", "[[::1]]:443", "[::g]:443", "[1::2::3]:443", "[::ffff:127.1]:443",
	"[v1.a]:443", "x[::1]:443", "fe80::1%eth0:443",
}

func TestParseTargetRefuses(t *testing.T) {
	for _, in := range badTargets {
		if got, err := policy.ParseTarget(policy.HTTPS, in); err == nil {
			t.Errorf("ParseTarget(%q) = %q, want an error", in, got.HostPort())
		} else if !got.IsZero() {
			t.Errorf("ParseTarget(%q) = %q beside an error", in, got.HostPort())
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, in := range badTargets {
		f.Add(in)
	}
	f.Add("example.com:443")
	f.Add("bücher.example:443")
	f.Add("[2001:db8::1]:443")
	f.Fuzz(func(t *testing.T, in string) {
		for _, scheme := range []policy.Scheme{policy.HTTP, policy.HTTPS} {
			got, err := policy.ParseTarget(scheme, in)
			if err != nil {
				continue
			}
			again, err := policy.ParseTarget(scheme, got.HostPort())
			if err != nil || again != got {
				t.Fatalf("ParseTarget(%q) = %q, which parses to %q, %v", in, got.HostPort(), again.HostPort(), err)
			}
			checkNormal(t, got)
		}
	})
}

// checkNormal states what code after ParseTarget relies on.
func checkNormal(t *testing.T, target policy.Target) {
	t.Helper()
	host := target.Host()
	if target.Port() == 0 || host == "" || len(host) > 253 || host != strings.ToLower(host) {
		t.Fatalf("%q is not normal", target)
	}
	if target.Addr().IsValid() {
		if target.Addr().Is4In6() || target.Addr().Zone() != "" {
			t.Fatalf("%q is not normal", target)
		}
		return
	}
	if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || strings.Contains("."+host+".", "..") {
		t.Fatalf("%q is not normal", target)
	}
}

func TestParseURL(t *testing.T) {
	tests := []struct{ in, target, path, query string }{
		{"https://example.com", "https://example.com:443", "/", ""},
		{"HTTP://example.com/a/b?c=d#e", "http://example.com:80", "/a/b", "c=d"},
		{"example.com:8084", "https://example.com:8084", "/", ""},
		{"example.com", "https://example.com:443", "/", ""},
		{"http://[::1]:81?x", "http://[::1]:81", "/", "x"},
		{"http://example.com:/a", "http://example.com:80", "/a", ""},
		{"https://[::1]:", "https://[::1]:443", "/", ""},
	}
	for _, tt := range tests {
		target, path, query, err := policy.ParseURL(tt.in)
		if err != nil || target.String() != tt.target || path != tt.path || query != tt.query {
			t.Errorf("ParseURL(%q) = %s %q %q, %v, want %s %q %q", tt.in, target, path, query, err, tt.target, tt.path, tt.query)
		}
	}
	for _, in := range []string{"", "ftp://example.com", "git://:9418", "https://", "https://:", "example.com:", "https://user@example.com", "http://*.example.com"} {
		if target, _, _, err := policy.ParseURL(in); err == nil {
			t.Errorf("ParseURL(%q) = %s, want an error", in, target)
		}
	}
}
