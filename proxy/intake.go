package proxy

import (
	"net/netip"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
	"webproxy/proxy/internal/http1"
)

// onProtocolError implements wireOwner: it records and answers what is not a request.
func (s *Server) onProtocolError(w *wire, h *http1.RequestHead, f http1.ProtocolError, err error) {
	method, minor := "", 1
	if h != nil {
		method, minor = string(h.Method), h.Minor
	}
	x := s.newExchange(w, method)
	x.status = f.Status()
	if w.inside == nil && f == http1.ErrAuthority {
		x.rec.Host, x.rec.Port = http1.ShownTarget(h.Target)
	}
	x.refuseProtocolError(f, err)
	x.answerRaw(x.denial(), minor, acceptText, true)
}

// recordProtocolError records what is not a request, for a client that is told by others.
func (s *Server) recordProtocolError(w *wire, method string, f http1.ProtocolError, err error) {
	s.newExchange(w, method).refuseProtocolError(f, err)
}

// refuseProtocolError has a request refused that is none, and recorded.
func (x *exchange) refuseProtocolError(f http1.ProtocolError, err error) {
	w := x.wire
	if w.inside != nil {
		x.request.Target = w.inside.target // that much is known
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

// admits implements wireOwner: it turns away requests on connections beyond the limits, and those
// that come while the proxy stops. Inside opened TLS, what is asked for is the tunnel's host.
func (s *Server) admits(w *wire, h *http1.RequestHead) bool {
	if w.inside != nil {
		w.asked = w.inside.asked(w.asked, string(h.Host))
	}
	switch {
	case w.surplus:
		s.overloaded(w, h, "too many connections")
	case w.isDraining():
		s.overloaded(w, h, "the proxy is stopping")
	default:
		return true
	}
	return false
}

func (s *Server) overloaded(w *wire, h *http1.RequestHead, detail string) {
	x := s.newExchange(w, string(h.Method))
	x.request.Target = w.asked.Target
	x.decide()
	x.refuseAs(policy.Overloaded)
	x.status = x.denialStatus()
	x.begin(denials[policy.Overloaded].word, detail)
	x.answerRaw(x.denial(), h.Minor, acceptText, true)
}

// turnAway closes a connection that there is not even the time to answer. It may not have sent
// anything; it has a record all the same.
func (s *Server) turnAway(w *wire) {
	x := s.newExchange(w, "")
	x.decide()
	x.refuseAs(policy.Overloaded)
	x.begin(denials[policy.Overloaded].word, "too many connections, closed without an answer")
	w.Close()
}

// identified implements wireOwner.
func (s *Server) identified(w *wire, client netip.AddrPort) bool {
	return s.wires.rename(w, client, s.maxPerClient)
}

// closed implements wireOwner.
func (s *Server) closed(w *wire) {
	if w.inside != nil {
		w.inside.ended()
		return
	}
	s.origins.gone(w)
	s.wires.remove(w)
}
