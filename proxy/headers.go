package proxy

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// hopByHop are the fields that concern one connection only and are never forwarded (RFC 9110, 7.6.1, and those of RFC
// 2616, 13.5.1, that old peers still send). Transfer-Encoding and Trailer are net/http's: it takes them out of the
// header and writes its own.
var hopByHop = [...]string{
	"Connection",
	"Http2-Settings",
	"Keep-Alive",
	"Proxy-Authenticate",
	"Proxy-Authentication-Info",
	"Proxy-Authorization",
	"Proxy-Connection",
	"Te",
	"Trailer",
	"Transfer-Encoding",
	"Upgrade",
}

// stripHopByHop removes from h the fields of the connection it came over, including those that Connection names.
func stripHopByHop(h http.Header) {
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			// Via is for every proxy on the way (RFC 9110, 7.6.1): without it, a loop would not end.
			if name = strings.Trim(name, " \t"); name != "" && !strings.EqualFold(name, "Via") {
				h.Del(name)
			}
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}

// cleanResponse removes from a response's header the fields of the connection to the origin, and those that only this
// proxy may set.
func cleanResponse(h http.Header) {
	stripHopByHop(h)
	delete(h, proxySupport)
	stripOurName(h)
}

// hasToken reports whether the list field of that name, in canonical form, contains token.
func hasToken(h http.Header, name, token string) bool {
	for _, v := range h[name] {
		for t := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.Trim(t, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// acceptsTrailers reports whether the client sent TE: trailers (RFC 9110, 10.1.4), with or without a weight or other
// codings.
func acceptsTrailers(h http.Header) bool { return hasToken(h, "Te", "trailers") }

// addVia appends this proxy to Via: the version of HTTP of the received message, and the proxy's name (RFC 9110,
// 7.6.3).
func addVia(h http.Header, major, minor int, name string) {
	h["Via"] = append(h["Via"], strconv.Itoa(major)+"."+strconv.Itoa(minor)+" "+name)
}

// ViaOut implements egress.Asker. It is the Via of the CONNECT that asks an upstream proxy for a tunnel for x: what
// the client sent, and this proxy. It is empty if x is nil.
func (x *exchange) ViaOut() string {
	if x == nil {
		return ""
	}
	if x.inside != nil {
		x = x.inside.tunnel
	}
	return strings.Join(append(slices.Clone(x.via), "1.1 "+x.srv.via), ", ")
}

// hasVia reports whether name stands in Via as a recipient of the message.
func hasVia(h http.Header, name string) bool {
	for _, v := range h["Via"] {
		for hop := range strings.SplitSeq(v, ",") {
			if f := strings.Fields(hop); len(f) >= 2 && strings.EqualFold(f[1], name) {
				return true
			}
		}
	}
	return false
}

// lastHop reports whether Max-Forwards says that the request must not be forwarded; otherwise it decrements it (RFC
// 9110, 7.6.2). A value that is not a number is forwarded.
func lastHop(h http.Header) bool {
	v := h["Max-Forwards"]
	if len(v) != 1 {
		return false
	}
	n, err := strconv.ParseUint(v[0], 10, 32)
	if err != nil {
		return false
	}
	if n == 0 {
		return true
	}
	h["Max-Forwards"] = []string{strconv.FormatUint(n-1, 10)}
	return false
}
