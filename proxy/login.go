package proxy

import (
	"net/http"
	"strings"
)

// Some schemes log in a connection, not a request: after the handshake, whatever comes over that connection is
// served in the name of the one who logged in (RFC 4559, 6; NTLM and what is like it was never anything else).
// HTTP has no room for that (RFC 9110, 3.3), but it is in use. So a connection to an origin, or to a parent, on
// which such a handshake was offered, begun or completed belongs to one client connection, and ends with
// it: see originPool.own.
//
// Inside TLS that was opened there is nothing to do: connections to the origin are those of one client
// connection from the start.

// connectionSchemes are those schemes, in lower case.
var connectionSchemes = [...]string{"ntlm", "negotiate", "kerberos", "nego2"}

// logsInConnection reports whether credentials or a challenge, which v begins with, are of such a scheme.
func logsInConnection(v []byte) bool {
	v = trimSpace(v)
	end := 0
	for end < len(v) && isTokenByte(v[end]) {
		end++
	}
	for _, scheme := range connectionSchemes {
		if equalFold(v[:end], scheme) {
			return true
		}
	}
	return false
}

// beginsLogin reports whether a request has such credentials in Authorization.
func beginsLogin(h http.Header) bool {
	for _, v := range h["Authorization"] {
		if logsInConnection([]byte(v)) {
			return true
		}
	}
	return false
}

// offersLogin reports whether an answer offers such a handshake, goes on with one, or says that the connection is
// logged in. A field may hold several challenges (RFC 9110, 11.6.1), and a comma inside of one
// looks like a border: to take a parameter for a challenge costs a connection, no more.
func offersLogin(h http.Header) bool {
	for _, name := range [...]string{"Www-Authenticate", "Proxy-Authenticate"} {
		for _, v := range h[name] {
			for challenge := range strings.SplitSeq(v, ",") {
				if logsInConnection([]byte(challenge)) {
					return true
				}
			}
		}
	}
	return hasToken(h, "Persistent-Auth", "true")
}

const proxySupport = "Proxy-Support"

// supportLogin tells the client that its handshake will get through (RFC 4559, 6): without that, a client must not
// begin one. It is a matter of this hop only.
func supportLogin(h http.Header) {
	h[proxySupport] = []string{"Session-Based-Authentication"}
	h["Connection"] = append(h["Connection"], proxySupport)
}

// supportsLogin reports whether the next proxy says so.
func supportsLogin(h http.Header) bool {
	return hasToken(h, proxySupport, "Session-Based-Authentication")
}
