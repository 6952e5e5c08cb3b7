package policy

import (
	"net/netip"
	"slices"
	"time"
)

// A Request is the facts that rules look at.
type Request struct {
	Time   time.Time  // when it was made; phases and expiry depend on it
	Client netip.Addr // who asks
	Group  string     // the client's group, if it is known from something better than its address; else empty
	Method string
	Target Target
	Path   string // as it stood in the request, escaped; empty if it cannot be seen
	Query  string // likewise, without the "?"
}

// Decide evaluates req. It is the only place that does. It does not allocate, and takes about the same time however
// many entries there are.
func (s *Set) Decide(req *Request) Decision {
	if s == nil {
		return Refusal(HostNotListed)
	}
	g := s.groupFor(req)
	d := s.decideFor(req, g)
	if s.lockdown != nil && d.Permit && !s.lockdown.spares(s, req, g) {
		return d.Refused(LockedDown)
	}
	return d
}

// groupFor is the group of req's client; nil if it is in none.
func (s *Set) groupFor(req *Request) *group {
	if req.Group != "" {
		return s.clients.named(req.Group)
	}
	return s.clients.lookup(req.Client)
}

func (s *Set) decideFor(req *Request, g *group) Decision {
	d := Decision{Target: req.Target, PathEnforced: true, set: s}
	if g == nil {
		return d.Refused(ClientUnknown)
	}
	d.Group, d.Mode = g.name, g.mode
	if s.addrDenies {
		d.asked = asked{time: req.Time, group: g, method: req.Method, path: req.Path, query: req.Query}
	}
	if req.Target.IsZero() {
		return d.Refused(BadTarget)
	}
	m := match{req: req, group: g}
	s.index.each(req.Target, &m)
	d.inspect = m.inspect
	switch {
	case m.deny != nil:
		return d.denied(DeniedByRule, m.deny)
	case m.allow != nil:
		d.Permit, d.Verdict, d.Reason, d.entry = true, Allow, AllowedByRule, m.allow
		d.PathEnforced = m.allow.terms().path == "" || req.Path != "" || m.inspect
	case m.near != nil:
		d = d.denied(m.why, m.near)
	case req.Target.addr.IsValid():
		return d.Refused(IPLiteral)
	default:
		d = d.denied(HostNotListed, nil)
	}
	if addr := req.Target.addr; addr.IsValid() {
		return d.CheckAddr(netip.AddrPortFrom(addr, req.Target.port))
	}
	return d
}

// A match collects what the entries for one host say about one request. The order of entries makes no difference to
// the verdict, only to which of several equal ones is named.
type match struct {
	req   *Request
	group *group
	deny  *entry // a deny that matches
	allow *entry // the best allow that matches
	near  *entry // the allow that was nearest, and the condition it failed
	why   Reason
	// inspect is set if an entry asks for the inspection of the tunnel.
	inspect bool
	// only, if not nil, are the blocks whose entries count.
	only []*block
}

func (m *match) try(e *entry) {
	if m.only != nil && !slices.Contains(m.only, e.block) {
		return
	}
	why := e.fails(m.req, m.group)
	if why == reasonUnset && e.waits(m.req) {
		m.inspect = true
		if e.block.deny && e.decidedInside(m.req) {
			return
		}
	}
	switch {
	case why == reasonUnset && e.block.deny:
		if m.deny == nil || e.order < m.deny.order {
			m.deny = e
		}
	case why == reasonUnset:
		if m.allow == nil || e.betterThan(m.allow, m.req) {
			m.allow = e
		}
	case e.block.deny: // a deny that does not match is not a near miss
	case m.near == nil || nearness(why) > nearness(m.why) || why == m.why && e.order < m.near.order:
		m.near, m.why = e, why
	}
}

// fails returns why e does not hold for a request to its host, and reasonUnset if it does. The order of the
// conditions is that of nearness.
func (e *entry) fails(req *Request, g *group) Reason {
	if why := e.block.checkClient(g); why != reasonUnset {
		return why
	}
	if why := e.checkPort(req.Target); why != reasonUnset {
		return why
	}
	if why := e.checkMethod(req.Method); why != reasonUnset && !e.waits(req) {
		return why
	}
	if why := e.checkPath(req); why != reasonUnset {
		return why
	}
	return e.terms().checkTime(req.Time)
}

// nearness ranks the conditions by how little was missing.
func nearness(r Reason) int {
	switch r {
	case ClientNotAllowed:
		return 1
	case PortNotAllowed:
		return 2
	case SchemeNotAllowed:
		return 3
	case MethodNotAllowed:
		return 4
	case PathNotAllowed:
		return 5
	case RuleExpired:
		return 6
	case PhaseInactive: // can be switched on
		return 7
	}
	return 0
}

// betterThan reports whether e should be named rather than f, which also matches: the entry with the wider choice of
// addresses, so that the order of rules cannot narrow it; then the one that is fully enforced (no path that could not
// be seen); then the first in the file.
func (e *entry) betterThan(f *entry, req *Request) bool {
	if a, b := e.addressRank(), f.addressRank(); a != b {
		return a > b
	}
	if tag, other := e.block.tag, f.block.tag; tag != nil && tag.name != other.name {
		return tag.name < other.name
	}
	if a, b := e.terms().path == "" || req.Path != "", f.terms().path == "" || req.Path != ""; a != b {
		return a
	}
	return e.order < f.order
}

func (e *entry) addressRank() int {
	switch {
	case e.block.private:
		return 3
	case e.block.tag == nil:
		return 2
	case e.block.tag.check == TagWarn:
		return 1
	}
	return 0
}
