package proxy

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// hopByHop are the fields that concern one connection only and never pass the proxy (RFC 9110,
// 7.6.1, and those of RFC 2616, 13.5.1, that old peers still send). Transfer-Encoding and Trailer
// are net/http's: it takes them out of the header and writes its own.
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

// stripHopByHop removes from h what belongs to the connection it came over, fields that Connection
// names included.
func stripHopByHop(h http.Header) {
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			// Via is for everybody on the way (RFC 9110, 7.6.1): without it, a loop has no end.
			if name = strings.Trim(name, " \t"); name != "" && !strings.EqualFold(name, "Via") {
				h.Del(name)
			}
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}

// cleanResponse removes from a response's header what belongs to the connection to the origin, and what only
// this proxy may say in its own name.
func cleanResponse(h http.Header) {
	stripHopByHop(h)
	delete(h, proxySupport)
	stripOurName(h)
}

// hasToken reports whether the list field of that name, in canonical form, has token in it.
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

// acceptsTrailers reports whether the client sent TE: trailers (RFC 9110, 10.1.4); a weight or
// another coding beside it changes nothing about that.
func acceptsTrailers(h http.Header) bool { return hasToken(h, "Te", "trailers") }

// addVia appends this proxy to Via: the version of HTTP in which the message came, and who took it
// (RFC 9110, 7.6.3).
func addVia(h http.Header, major, minor int, name string) {
	h["Via"] = append(h["Via"], strconv.Itoa(major)+"."+strconv.Itoa(minor)+" "+name)
}

// ViaOut implements egress.Asker. It is the Via of the CONNECT that a tunnel for x is asked for with: what its client sent, and this proxy. It
// is empty if x is nil.
func (x *exchange) ViaOut() string {
	if x == nil {
		return ""
	}
	if x.inside != nil {
		x = x.inside.tunnel
	}
	return strings.Join(append(slices.Clone(x.via), "1.1 "+x.srv.via), ", ")
}

// hasVia reports whether name stands in Via as the one who took the message.
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

// lastHop reports whether Max-Forwards says that the request must not be forwarded; otherwise it
// counts it down (RFC 9110, 7.6.2). A value that is not a number is forwarded.
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
