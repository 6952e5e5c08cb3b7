package proxy

import (
	"net/http"
	"strings"
	"testing"

	"webproxy/policy"
)

func TestRedirection(t *testing.T) {
	from, err := policy.ParseTarget(policy.HTTP, "origin.test:80")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		want     string
		status   int
		location string
	}{
		{"https://www.example.com:443", 302, "https://www.example.com/a?secret=1"},
		{"https://www.example.com:443", 307, "HTTPS://WWW.Example.COM./"},
		{"http://www.example.com:8080", 301, "http://www.example.com:8080"},
		{"http://www.example.com:80", 301, "//www.example.com/x"},
		{"https://origin.test:443", 301, "https://origin.test/"},
		// the same origin
		{"", 301, "http://origin.test/other"},
		{"", 302, "/other"},
		{"", 302, "other"},
		// none, or none that could be asked for
		{"", 302, ""},
		{"", 200, "https://www.example.com/"},
		{"", 404, "https://www.example.com/"},
		{"", 302, "ftp://www.example.com/"},
		{"", 302, "https://user@www.example.com/"},
		{"", 302, "https://bad..name/"},
		{"", 302, "https://www.example.com/" + strings.Repeat("a", 5000)},
	} {
		resp := &http.Response{StatusCode: tt.status, Header: http.Header{}}
		if tt.location != "" {
			resp.Header.Set("Location", tt.location)
		}
		if got := redirection(resp, from); got != tt.want {
			t.Errorf("redirection(%d, %q) = %q, want %q", tt.status, tt.location, got, tt.want)
		}
	}
}
