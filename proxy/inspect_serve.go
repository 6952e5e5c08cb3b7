package proxy

import (
	"net/http"
	"strings"

	"webproxy/policy"
)

// serveInside is serve for a request inside TLS that was opened. net/http has read it: inside HTTP/2
// there is nothing that two parsers could read differently, and what goes to the origin is written
// anew in any case.
func (s *Server) serveInside(rw http.ResponseWriter, r *http.Request) {
	n := r.Context().Value(insideKey{}).(*inspection)
	n.hold()
	defer n.release()
	if s.draining.Load() {
		rw.Header().Set("Connection", "close")
	}
	// There is no filter and no connection of its own behind this one: it holds what was asked.
	w := &wire{client: n.tunnel.wire.client, asked: asked{form: formInside, target: n.target, scheme: "https"}}
	w.wake.L = &w.mu
	w.asked.misput = n.misput(r)
	if w.asked.misput == "" {
		// As it would look in absolute form; all that follows reads it so.
		r.RequestURI = "https://" + n.target.HostPort() + r.RequestURI
	}
	r.URL.Scheme, r.URL.Host = "https", n.target.HostPort()
	x := s.newExchange(w, r.Method)
	x.inside = n
	switch x.judge(r); {
	case !x.decision.Permit:
		x.refuse(rw, r)
	case isWebSocket(r):
		s.upgrade(x, rw, r)
	default:
		s.forward(x, rw, r)
	}
}

// misput says what is wrong with the target of r; empty if nothing is. A tunnel is to one host.
func (n *inspection) misput(r *http.Request) string {
	if !strings.HasPrefix(r.RequestURI, "/") {
		return "a request inside a tunnel names a path only"
	}
	t, err := policy.ParseTarget(policy.HTTPS, withPort(r.Host, "443"))
	if err != nil || t != n.target {
		return "the request names another host than its tunnel"
	}
	return ""
}
