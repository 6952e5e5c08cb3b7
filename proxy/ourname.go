package proxy

import (
	"net/http"
	"strings"
	"webproxy/internal/proxystatus"
)

// stripOurName removes from an origin's response the fields that would make it look like one of this proxy's own:
// clients and operators tell a denial from an origin's response by Proxy-Status and Server. What other proxies on the
// way say in Proxy-Status stays (RFC 9209, 2).
func stripOurName(h http.Header) {
	if v := h["Server"]; len(v) == 1 && strings.EqualFold(strings.Trim(v[0], " \t"), serverName) {
		delete(h, "Server")
	}
	v, ok := h["Proxy-Status"]
	if !ok {
		return
	}
	kept := proxystatus.Without(v, serverName)
	if len(kept) == 0 {
		delete(h, "Proxy-Status")
		return
	}
	h["Proxy-Status"] = []string{strings.Join(kept, ", ")}
}
