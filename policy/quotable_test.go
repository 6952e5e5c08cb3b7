package policy_test

import (
	"strings"
	"testing"

	"webproxy/policy"
)

func TestQuotable(t *testing.T) {
	tests := []struct{ want, in string }{
		{"a.example:443", "a.example:443"},
		{"host:x", "user:SECRET@host:x"},
		{"h:1", "h:1?token=SECRET"},
		{"h:1", "h:1#SECRET"},
		{"", "user:SEC?RET@host"}, // which of the two it is cannot be told
		{"", "h?token=SECRET@x"},
		{"host", "user:SEC@RET@host"},
		{"host", "user:SECRET%40host"},
		{"host", "host%3fSECRET"},
		{"host", "host%3FSECRET"},
		{"", "SECRET@"},
		{"", ""},
		{"100%", "100%"},
		{"100%25", "100%25"},
		{"host", "user:SECRET%2540host"},
		{"host", "user%25253ASECRET%252540host%25253FSECRET"},
	}
	for _, tt := range tests {
		if got := policy.Quotable(tt.in); got != tt.want {
			t.Errorf("Quotable(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestQuotablePath(t *testing.T) {
	tests := []struct{ want, in string }{
		{"/npm/@types/node", "/npm/@types/node"},
		{"/npm//@types/node", "/npm//@types/node"},
		{"/fetch/https://host/x", "/fetch/https://user:SECRET@host/x"},
		{"/a/http://h/b/http://i/@c", "/a/http://SECRET@h/b/http://user:SECRET@i/@c"},
		{"/fetch/https%3A%2F%2Fhost", "/fetch/https%3A%2F%2Fuser:SECRET%40host"},
		{"/fetch/https%3a%2f%2fhost", "/fetch/https%3a%2f%2fSECRET@host"},
		{"/fetch/https:%2F%2Fhost/x", "/fetch/https:%2F%2Fuser:SECRET%40host/x"},
		{"/fetch/https%3A//host", "/fetch/https%3A//SECRET@host"},
		{"/fetch/https%253A%252F%252Fhost", "/fetch/https%253A%252F%252Fuser%253ASECRET%2540host"},
		{"/fetch/https:/host/x", "/fetch/https:/user:SECRET@host/x"}, // servers make one slash of two
		{"/fetch/host/x", "/fetch/user:SECRET@host/x"},
		{"/fetch/host/x", "/fetch/user%3ASECRET%40host/x"},
		{"/fetch/https:%2F%2Fhost%2Fx", "/fetch/https:%2F%2Fhost%2Fx%3Fsig=SECRET"},
		{"/fetch/https://host/x", "/fetch/https://host/x%3Fsig=SECRET/more"},
		{"/what%3Fnow", "/what%3Fnow"},
		{"/v2/image/manifests/sha256:0a", "/v2/image/manifests/sha256:0a"},
		{"/golang.org/x/net/@v/v0.1.0.zip", "/golang.org/x/net/@v/v0.1.0.zip"},
	}
	for _, tt := range tests {
		if got := policy.QuotablePath(tt.in); got != tt.want {
			t.Errorf("QuotablePath(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// FuzzTargetErrors: no error quotes what may be a password or a token.
func FuzzTargetErrors(f *testing.F) {
	const secret = "S3CR3T"
	f.Add("user:", "@host:x", false)
	f.Add("h:1", "token=", true)
	f.Add("[", "@::1]:443", false)
	f.Add("x.example:", "%40", false)
	f.Fuzz(func(t *testing.T, before, after string, query bool) {
		authority := before + secret + "@" + after
		if query {
			authority = before + "?" + after + secret
		}
		for _, scheme := range []policy.Scheme{policy.HTTP, policy.HTTPS} {
			_, err := policy.ParseTarget(scheme, authority)
			if err == nil {
				t.Fatalf("%q is a target", authority)
			}
			if strings.Contains(before+after, "S3") { // not ours
				continue
			}
			if strings.Contains(strings.ToUpper(err.Error()), secret) {
				t.Errorf("ParseTarget(%q): %v", authority, err)
			}
		}
	})
}
