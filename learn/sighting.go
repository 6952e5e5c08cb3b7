package learn

import (
	"net/netip"
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

// A Sighting counts the requests for one Key in one client group.
type Sighting struct {
	Key
	Hits        uint64
	First, Last time.Time
	Clients     map[netip.Addr]uint64 // with their hits
	// Allowed, WouldDeny and Refused count the hits by outcome: a rule allowed them, learn mode let them through, or they
	// were refused.
	Allowed, WouldDeny, Refused uint64
	// Reached is how many of the permitted ones reached the origin; Failed is how many did not, for whatever reason.
	Reached, Failed uint64
	// Guarded is how many a guard refused: a private address, a loop. No rule can allow those.
	Guarded uint64
	// Misnamed is how many had another name in their ClientHello.
	Misnamed uint64
	Rule     string // the last that allowed or denied it
	Reason   string // the last one given

	path   string // the first path, on hosts where paths decide
	group  *Group
	days   map[int64]struct{} // since 1970
	before map[string]uint64  // hosts that the same client had requested just before, with how often
	pace   pace
}

// Group is the client group that it was seen in.
func (s *Sighting) Group() string { return s.group.Name }

// Days is on how many days, UTC, it was seen.
func (s *Sighting) Days() int { return len(s.days) }

const day = 24 * time.Hour

// dayOf is the number of t's day, UTC, since 1970.
func dayOf(t time.Time) int64 { return t.Unix() / int64(day/time.Second) }

func (s *Sighting) see(r *audit.Record, n uint64) {
	s.Hits += n
	first, last := r.Time, r.Time
	if r.Type == audit.TypeRepeat && !r.First.IsZero() {
		first, last = r.First, r.Last
	}
	if s.First.IsZero() || first.Before(s.First) {
		s.First = first
	}
	if last.After(s.Last) {
		s.Last = last
	}
	s.days[dayOf(first)] = struct{}{}
	s.days[dayOf(last)] = struct{}{}
	if _, known := s.Clients[r.Client]; known || len(s.Clients) < keyClients {
		s.Clients[r.Client] += n
	}
	s.pace.tick(r.Client, r.Time)
	switch r.Decision {
	case policy.Allowed:
		s.Allowed += n
	case policy.WouldDeny:
		s.WouldDeny += n
	default:
		s.Refused += n
		if guards(r.Reason) {
			s.Guarded += n
		}
	}
	if s.Reason != r.Reason {
		s.Reason = s.group.word(r.Reason)
	}
	if s.Rule != r.Rule {
		s.Rule = s.group.word(r.Rule)
	}
}

// end counts how a permitted request ended.
func (s *Sighting) end(r *audit.Record) {
	switch {
	case r.RefusedLate():
		// It was refused after all, when its address or its TLS name was known.
		s.Refused++
		switch {
		case r.Reason == policy.SNIMismatch.String():
			s.Misnamed++
		case guards(r.Reason):
			s.Guarded++
		}
	case reached(r):
		s.Reached++
		s.group.redirected(s, r)
	default:
		s.Failed++
	}
	if r.SNI != "" && r.SNI != s.Host && !r.RefusedLate() {
		s.Misnamed++
	}
}

// reached reports whether the connection to the origin succeeded and, for plain HTTP, the origin responded.
func reached(r *audit.Record) bool {
	if r.Error == "" {
		return r.Status > 0
	}
	// It broke off later: a limit, a reload, a client that went away.
	return r.Status > 0 && r.Status < 500 || r.BytesIn > 0
}

// guards reports whether word is a Reason that no rule can lift for the host. That the proxy was overloaded, or could not
// write its record, says nothing about the host.
func guards(word string) bool {
	return word == policy.PrivateAddress.String() || word == policy.NetworkDenied.String() || word == policy.Loop.String()
}

// adjacent is how soon after another request of the same client a request is taken for its consequence.
const adjacent = 2 * time.Second

// follow counts which host the client had requested just before s. It proves nothing: the two requests may be of two
// programs.
func (g *Group) follow(s *Sighting, r *audit.Record) {
	c := g.Clients[r.Client]
	if c.last != "" && c.last != s.Host && r.Time.Sub(c.lastAt) <= adjacent {
		if s.before == nil {
			s.before = map[string]uint64{}
		}
		if _, known := s.before[c.last]; known || len(s.before) < beforeLimit {
			s.before[c.last]++
		}
	}
	c.last, c.lastAt = s.Host, r.Time
}

// Before returns the host that was most often requested just before s, and before which part of its hits; empty if before
// less than half.
func (s *Sighting) Before() (host string, part float64) {
	var most uint64
	for h, n := range s.before {
		if n > most || n == most && h < host {
			host, most = h, n
		}
	}
	if most < 3 || most*2 < s.Hits {
		return "", 0
	}
	return host, float64(most) / float64(s.Hits)
}
