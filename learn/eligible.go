package learn

import (
	"net/netip"

	"webproxy/policy"
)

// An Objection is the reason why a sighting is not proposed. The words are printed.
type Objection string

const (
	Eligible     Objection = ""
	Literal      Objection = "an IP address, not a name"
	BadName      Objection = "not a valid name"
	Unlisted     Objection = "a name of one label"
	Refused      Objection = "was always refused, so it is not known to exist"
	Unreachable  Objection = "never responded"
	NotPublic    Objection = "has no public address, or leads back to the proxy"
	OtherName    Objection = "its ClientHello names another host"
	WrittenDeny  Objection = "a rule denies it"
	NoSuchMethod Objection = "its method is never forwarded"
)

// Object returns why s cannot be learnt from. Eligible means that a request reached its origin under the requested name.
func (s *Sighting) Object() Objection {
	if _, err := netip.ParseAddr(s.Host); err == nil {
		return Literal
	}
	t, err := policy.ParseTarget(s.Scheme, s.Endpoint().hostPort())
	switch {
	case err != nil || t.Host() != s.Host:
		return BadName
	case s.Method == "TRACE" || s.Scheme == policy.HTTPS && s.Method != "CONNECT":
		return NoSuchMethod
	case s.Reason == policy.DeniedByRule.String():
		return WrittenDeny
	case s.Misnamed > 0:
		return OtherName
	case s.Guarded > 0:
		return NotPublic
	case parent(s.Host) == "":
		return Unlisted
	case s.Allowed+s.WouldDeny == 0:
		return Refused
	case s.Reached == 0:
		return Unreachable
	}
	return Eligible
}
