package policy

import "slices"

// A ClientHello is the first message of a tunnel's client, as far as rules depend on it.
type ClientHello struct {
	// TLS is set if it is a TLS ClientHello.
	TLS bool
	// SNI is the host that it names in clear; empty if it names none.
	SNI string
	// Malformed is set if it begins like TLS, or like something that servers skip before TLS, but is not a
	// ClientHello with one meaning only.
	Malformed bool
}

// ClientHelloDemands are what tunnels to a port must begin with. SNI includes TLS.
type ClientHelloDemands struct{ TLS, SNI bool }

// demands is what a tunnel like req's must begin with; that includes must. Where a rule inspects a client's tunnels
// on a port, its other tunnels there must name their host in a ClientHello: the inspected host may have the same
// address, and serve a client that names none, or that begins TLS later.
func (s *Set) demands(req *Request, must ClientHelloDemands) ClientHelloDemands {
	if must.SNI || s.inspectsPort(req) {
		return ClientHelloDemands{TLS: true, SNI: true}
	}
	return must
}

// inspectsPort reports whether a rule that holds for req's client inspects tunnels on req's port, to any host.
func (s *Set) inspectsPort(req *Request) bool {
	if len(s.inspecting) == 0 {
		return false
	}
	g := s.groupFor(req)
	return slices.ContainsFunc(s.inspecting, func(b *block) bool {
		return b.checkClient(g) == reasonUnset && slices.ContainsFunc(b.terms, func(t terms) bool {
			return !t.otherCloud && t.admits.https.has(req.Target.port) && t.checkTime(req.Time) == reasonUnset
		})
	})
}

// Suits reports whether h cannot change the decision about req: it names the host that was decided about, or it is
// not TLS and need not be. CheckClientHello then returns its Decision unchanged.
func (s *Set) Suits(req *Request, h ClientHello, must ClientHelloDemands) bool {
	switch {
	case h.Malformed:
		return false
	case !h.TLS:
		return s.demands(req, must) == ClientHelloDemands{}
	}
	return h.SNI != "" && h.SNI == req.Target.Host()
}

// CheckClientHello evaluates the beginning of the tunnel that d permits to req's target. It returns d unchanged if h
// is acceptable, else a Decision with its own Reason, which permits nothing unless learn mode lets it through. A
// request that only learn mode let through keeps its first Reason.
func (s *Set) CheckClientHello(d Decision, req *Request, h ClientHello, must ClientHelloDemands) Decision {
	if !d.Permit || s.Suits(req, h, must) {
		return d
	}
	checked := d
	switch {
	case h.Malformed:
		checked = d.denied(BadHello, d.entry)
	case !h.TLS:
		checked = d.denied(TLSRequired, d.entry)
	case h.SNI != "":
		return s.CheckSNI(d, req, h.SNI)
	case !req.Target.addr.IsValid() && s.demands(req, must).SNI: // an address is no server name (RFC 6066, 3)
		checked = d.denied(SNIRequired, d.entry)
	}
	return d.firstReason(checked)
}

// CheckSNI evaluates the name that a client gave in clear in its ClientHello, inside the tunnel that d permits to
// req's target. It must be a name that the same client may reach on that port, and not one whose tunnels are
// inspected: inside another host's tunnel the paths that its rules are about could not be seen. It returns d
// unchanged if so, else a Decision with the Reason SNIMismatch. That one permits nothing unless learn mode would let
// a request for the name through uninspected.
func (s *Set) CheckSNI(d Decision, req *Request, name string) Decision {
	if !d.Permit || name == req.Target.Host() {
		return d
	}
	checked := d.denied(SNIMismatch, d.entry)
	inner := *req
	host, err := normalHost(name)
	if err == nil && !endsInNumber(host) {
		inner.Target = Target{scheme: HTTPS, port: req.Target.port, host: host}
		of := s.Decide(&inner)
		if of.Verdict == Allow && !of.Inspect() {
			return d
		}
		checked.Permit = of.Permit && !of.Inspect()
	}
	return d.firstReason(checked)
}

// firstReason returns checked, unless both d and checked go ahead in learn mode only: then d, whose Reason came
// first.
func (d Decision) firstReason(checked Decision) Decision {
	if checked.Permit && d.Verdict == Deny {
		return d
	}
	return checked
}
