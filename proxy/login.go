package proxy

import (
	"net/http"

	"webproxy/proxy/internal/http1"
)

// Some schemes log in a connection, not a request: after the handshake, every request on that connection is served in
// the name of the one who logged in (RFC 4559, 6; NTLM and similar schemes have always worked like that). HTTP does
// not allow for that (RFC 9110, 3.3), but it is in use. So a connection to an origin, or to an upstream proxy, on
// which such a handshake was offered, begun or completed belongs to one client connection, and ends with it: see
// originPool.own.
//
// Inside inspected TLS this needs no care: connections to the origin are those of one client connection from the
// start.

// beginsLogin reports whether a request has such credentials in Authorization.
func beginsLogin(h http.Header) bool {
	for _, v := range h["Authorization"] {
		if http1.LogsInConnection([]byte(v)) {
			return true
		}
	}
	return false
}

// offersLogin reports whether a response offers such a handshake, continues one, or says that the connection is
// logged in.
func offersLogin(h http.Header) bool {
	for _, name := range [...]string{"Www-Authenticate", "Proxy-Authenticate"} {
		for _, v := range h[name] {
			if http1.LogsInConnection([]byte(v)) {
				return true
			}
		}
	}
	return hasToken(h, "Persistent-Auth", "true")
}

const proxySupport = "Proxy-Support"

// supportLogin tells the client that its handshake will be forwarded (RFC 4559, 6); otherwise a client must not begin
// one. It holds for this hop only.
func supportLogin(h http.Header) {
	h[proxySupport] = []string{"Session-Based-Authentication"}
	h["Connection"] = append(h["Connection"], proxySupport)
}

// supportsLogin reports whether the next proxy says so.
func supportsLogin(h http.Header) bool {
	return hasToken(h, proxySupport, "Session-Based-Authentication")
}
