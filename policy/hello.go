package policy

import "slices"

// A Hello is what the client of a tunnel sent first, as far as rules look at it.
type ClientHello struct {
	// TLS is set if it is a TLS ClientHello.
	TLS bool
	// SNI is the host that it names in clear; empty if it names none.
	SNI string
	// Malformed is set if it begins like TLS, or like something that servers skip before TLS, but is no
	// ClientHello that has one meaning only.
	Malformed bool
}

// ClientHelloDemands are what tunnels to a port must begin with. SNI includes TLS.
type ClientHelloDemands struct{ TLS, SNI bool }

// demands is what a tunnel like req's must begin with, must included. Where a rule opens the TLS of a client's
// tunnels on a port, its other tunnels there must name their host in a ClientHello: the same address could
// serve the opened host to one that names none, or that begins TLS later.
func (s *Set) demands(req *Request, must ClientHelloDemands) ClientHelloDemands {
	if must.SNI || s.opens(req) {
		return ClientHelloDemands{TLS: true, SNI: true}
	}
	return must
}

// opens reports whether a rule that holds for req's client opens TLS on req's port, whichever host it is for.
func (s *Set) opens(req *Request) bool {
	if len(s.opening) == 0 {
		return false
	}
	g := s.groupFor(req)
	return slices.ContainsFunc(s.opening, func(b *block) bool {
		return b.checkClient(g) == reasonUnset && slices.ContainsFunc(b.terms, func(t terms) bool {
			return !t.elsewhere && t.admits.https.has(req.Target.port) && t.checkTime(req.Time) == reasonUnset
		})
	})
}

// Suits reports whether h gives no occasion to judge req anew: it names the host that was judged, or it is
// no TLS and need not be. CheckHello then returns its Decision as it is.
func (s *Set) Suits(req *Request, h ClientHello, must ClientHelloDemands) bool {
	switch {
	case h.Malformed:
		return false
	case !h.TLS:
		return s.demands(req, must) == ClientHelloDemands{}
	}
	return h.SNI != "" && h.SNI == req.Target.Host()
}

// CheckHello judges how the tunnel begins that d permits to req's target. It returns d unchanged if
// that will do, else a Decision with its own Reason, which permits nothing unless learn mode lets it
// through. A request that learn mode had to let through already keeps its first Reason.
func (s *Set) CheckClientHello(d Decision, req *Request, h ClientHello, must ClientHelloDemands) Decision {
	if !d.Permit || s.Suits(req, h, must) {
		return d
	}
	judged := d
	switch {
	case h.Malformed:
		judged = d.denied(BadHello, d.entry)
	case !h.TLS:
		judged = d.denied(TLSRequired, d.entry)
	case h.SNI != "":
		return s.CheckSNI(d, req, h.SNI)
	case !req.Target.addr.IsValid() && s.demands(req, must).SNI: // an address is no server name (RFC 6066, 3)
		judged = d.denied(SNIRequired, d.entry)
	}
	return d.orLet(judged)
}

// CheckSNI judges the name that a client gave in clear in its TLS hello, inside the tunnel that d
// permits to req's target. The name must be one that the same client may reach on that port, and not one
// whose tunnels are opened: in another host's nobody would see the paths that its rules are about.
// It returns d unchanged if so, else a Decision with the Reason SNIMismatch. That one permits nothing
// unless learn mode would let a request for the name through unopened.
func (s *Set) CheckSNI(d Decision, req *Request, name string) Decision {
	if !d.Permit || name == req.Target.Host() {
		return d
	}
	judged := d.denied(SNIMismatch, d.entry)
	inner := *req
	host, err := normalHost(name)
	if err == nil && !endsInNumber(host) {
		inner.Target = Target{scheme: HTTPS, port: req.Target.port, host: host}
		of := s.Decide(&inner)
		if of.Verdict == Allow && !of.Inspect() {
			return d
		}
		judged.Permit = of.Permit && !of.Inspect()
	}
	return d.orLet(judged)
}

// orLet is judged, unless both are let through by learn mode only: then d told so first.
func (d Decision) orLet(judged Decision) Decision {
	if judged.Permit && d.Verdict == Deny {
		return d
	}
	return judged
}
