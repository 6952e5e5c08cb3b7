package proxy

import (
	"net/http"
	"strings"

	"webproxy/policy"
)

// redirection is where a response sends the client, as "https://host:443", if that is another origin than the one of
// the request; else it is empty. Path and query are not kept: they may be secret. Where a permitted host redirects to
// a denied one, learning has a reason to propose the latter.
func redirection(resp *http.Response, from policy.Target) string {
	to := resp.Header.Get("Location") // RFC 9110, 10.2.2
	if resp.StatusCode < 300 || resp.StatusCode > 399 || len(to) > 4096 {
		return ""
	}
	if strings.HasPrefix(to, "//") {
		to = "http:" + to
	}
	scheme, rest, ok := strings.Cut(to, "://")
	if !ok {
		return "" // relative
	}
	t, _, _, err := policy.ParseURL(strings.ToLower(scheme) + "://" + rest)
	if err != nil || t == from {
		return ""
	}
	return t.String()
}
