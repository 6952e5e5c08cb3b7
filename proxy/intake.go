package proxy

import (
	"net/netip"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
	"webproxy/proxy/internal/http1"
)

// onProtocolError implements connOwner: it records and responds to input that is not a request.
func (s *Server) onProtocolError(c *clientConn, h *http1.RequestHead, f http1.ProtocolError, err error) {
	method, minor := "", 1
	if h != nil {
		method, minor = string(h.Method), h.Minor
	}
	x := s.newExchange(c, method)
	x.setStatus(f.Status())
	if c.inside == nil && f == http1.ErrAuthority {
		x.rec.Host, x.rec.Port = http1.ShownTarget(h.Target)
	}
	x.refuseProtocolError(f, err)
	x.respondRaw(x.denial(), minor, acceptText, true)
}

// recordProtocolError records input that is not a request. net/http responds to the client.
func (s *Server) recordProtocolError(c *clientConn, method string, f http1.ProtocolError, err error) {
	s.newExchange(c, method).refuseProtocolError(f, err)
}

// refuseProtocolError records the refusal of input that is not a request.
func (x *exchange) refuseProtocolError(f http1.ProtocolError, err error) {
	c := x.client
	if c.inside != nil {
		x.request.Target = c.inside.target // known from the tunnel
	}
	x.decide()
	if x.decision.Reason != policy.ClientUnknown {
		x.refuseAs(f.Reason())
	}
	detail := f.Error()
	if err != nil {
		detail += ": " + err.Error()
	}
	x.begin(proxystatus.BadRequest, detail)
}

// admit implements connOwner. It refuses requests on connections beyond the limits, and requests that arrive while
// the proxy stops. Within an inspected tunnel the target is the tunnel's host.
func (s *Server) admit(c *clientConn, h *http1.RequestHead) bool {
	if c.inside != nil {
		c.target = c.inside.targetInside(c.target, string(h.Host))
	}
	switch {
	case c.overLimit:
		s.overloaded(c, h, "too many connections")
	case c.isDraining():
		s.overloaded(c, h, "the proxy is stopping")
	default:
		return true
	}
	return false
}

func (s *Server) overloaded(c *clientConn, h *http1.RequestHead, detail string) {
	x := s.newExchange(c, string(h.Method))
	x.request.Target = c.target.Target
	x.decide()
	x.refuseAs(policy.Overloaded)
	x.setStatus(x.denialStatus())
	x.begin(denials[policy.Overloaded].word, detail)
	x.respondRaw(x.denial(), h.Minor, acceptText, true)
}

// turnAway closes a connection without a response, and leaves a record even if nothing was received.
func (s *Server) turnAway(c *clientConn) {
	x := s.newExchange(c, "")
	x.decide()
	x.refuseAs(policy.Overloaded)
	x.begin(denials[policy.Overloaded].word, "too many connections, closed without a response")
	c.Close()
}

// identified implements connOwner.
func (s *Server) identified(c *clientConn, client netip.AddrPort) bool {
	return s.conns.rename(c, client, s.maxPerClient)
}

// closed implements connOwner.
func (s *Server) closed(c *clientConn) {
	if c.inside != nil {
		c.inside.ended()
		return
	}
	s.origins.gone(c)
	s.conns.remove(c)
}
