package policy

import (
	"fmt"
	"net/netip"
	"time"
)

// A Verdict is what the rules say about a request.
type Verdict uint8

const (
	Deny Verdict = iota // the zero value: an unset verdict permits nothing
	Allow
)

// String returns "deny" or "allow".
func (v Verdict) String() string {
	if v == Allow {
		return "allow"
	}
	return "deny"
}

// A Mode says what happens to a request that no rule permits.
type Mode uint8

const (
	Enforce Mode = iota // it is refused
	Learn               // it is let through and recorded as would_deny
)

// String returns the word used in the configuration and in the audit log.
func (m Mode) String() string {
	if m == Learn {
		return "learn"
	}
	return "enforce"
}

// MarshalText implements encoding.TextMarshaler.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText accepts "enforce" and "learn".
func (m *Mode) UnmarshalText(b []byte) error {
	switch string(b) {
	case "enforce":
		*m = Enforce
	case "learn":
		*m = Learn
	default:
		return fmt.Errorf("mode %q: want enforce or learn", b)
	}
	return nil
}

// A Reason is why, in one word. The words are a public format: they are in the audit log, in the client's response
// and in metrics. Add to them, never change one.
type Reason uint8

const (
	reasonUnset        Reason = iota
	AllowedByRule             // a rule permits it
	HostNotListed             // no rule names this host
	PortNotAllowed            // a rule names the host, but not this port
	SchemeNotAllowed          // ... not in this form: plain HTTP, or CONNECT
	PathNotAllowed            // ... not this path
	MethodNotAllowed          // ... not this method
	ClientNotAllowed          // ... not for this client's group
	PhaseInactive             // ... only in a phase that is not on now
	RuleExpired               // ... until a date that has passed
	DeniedByRule              // a deny rule names it
	ClientUnknown             // guard: the client's address is in no group
	IPLiteral                 // guard: an IP address that no rule names
	PrivateAddress            // guard: the address is not a public one
	ServiceTagMismatch        // the address is not in the rule's service tag
	SNIMismatch               // the TLS name is not one this client may reach
	BadTarget                 // guard: the authority is not a host and a port
	BadRequest                // guard: not a well-formed HTTP/1.1 request
	Loop                      // guard: the request came from, or leads to, this proxy
	Overloaded                // guard: a limit on connections is reached
	AuditUnavailable          // guard: the decision could not be recorded
	TLSRequired               // the tunnel does not begin with TLS, and must on this port
	SNIRequired               // its ClientHello names no host, and must on this port
	BadHello                  // guard: it begins like TLS, but the host cannot be determined
	NetworkDenied             // guard: the address is in one of deny_networks
	RateLimited               // guard: the client has reached a limit on its rate
	LockedDown                // guard: a lockdown is on, and does not spare this
	numReasons
)

var reasonWords = [numReasons]string{
	reasonUnset:        "unset",
	AllowedByRule:      "allowed_by_rule",
	HostNotListed:      "host_not_listed",
	PortNotAllowed:     "port_not_allowed",
	SchemeNotAllowed:   "scheme_not_allowed",
	PathNotAllowed:     "path_not_allowed",
	MethodNotAllowed:   "method_not_allowed",
	ClientNotAllowed:   "client_not_allowed",
	PhaseInactive:      "phase_inactive",
	RuleExpired:        "rule_expired",
	DeniedByRule:       "denied_by_rule",
	ClientUnknown:      "client_unknown",
	IPLiteral:          "ip_literal",
	PrivateAddress:     "private_address",
	ServiceTagMismatch: "service_tag_mismatch",
	SNIMismatch:        "sni_mismatch",
	BadTarget:          "bad_target",
	BadRequest:         "bad_request",
	Loop:               "loop",
	Overloaded:         "overloaded",
	AuditUnavailable:   "audit_unavailable",
	TLSRequired:        "tls_required",
	SNIRequired:        "sni_required",
	BadHello:           "bad_hello",
	NetworkDenied:      "network_denied",
	RateLimited:        "rate_limited",
	LockedDown:         "lockdown",
}

// String returns the reason's word; no word is empty.
func (r Reason) String() string {
	if r >= numReasons {
		return reasonWords[reasonUnset]
	}
	return reasonWords[r]
}

// MarshalText implements encoding.TextMarshaler.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Reasons lists every Reason in the order of its constant.
func Reasons() []Reason {
	all := make([]Reason, 0, numReasons-1)
	for r := AllowedByRule; r < numReasons; r++ {
		all = append(all, r)
	}
	return all
}

// lifted reports whether learn mode lets a request through that is denied for r: it lifts only the denial of what no
// rule permits. Deny rules and the guards hold in every mode.
func (r Reason) lifted() bool {
	switch r {
	case HostNotListed, PortNotAllowed, SchemeNotAllowed, PathNotAllowed, MethodNotAllowed,
		ClientNotAllowed, PhaseInactive, RuleExpired, ServiceTagMismatch, TLSRequired, SNIRequired:
		return true
	}
	return false
}

// A Decision is the result of one Set for one Request. The zero Decision permits nothing. Decisions are plain values:
// copy them freely, from any goroutine.
type Decision struct {
	// Permit says whether the request goes ahead. It is the only field that egress acts on.
	Permit bool
	// Verdict is what the rules say; in learn mode a denied request may still be permitted.
	Verdict Verdict
	// Mode is the mode of the client's group.
	Mode Mode
	// Reason is why; never unset in a Decision made by this package.
	Reason Reason
	// Target is what was decided about, and the only thing that may be dialled for it.
	Target Target
	// Group is the client's group; empty if it is in none.
	Group string
	// PathEnforced is false if the deciding entry names a path (or a query) that could not be seen.
	PathEnforced bool

	inspect bool // see Inspect

	set        *Set
	entry      *entry // the one that Rule names; nil if none
	outsideTag bool
	asked      asked
}

// asked is what else a deny on an address must know of the Request.
type asked struct {
	time                time.Time
	group               *group
	method, path, query string
}

// Outcome is the audit log's word for the decision.
func (d Decision) Outcome() Outcome {
	switch {
	case d.Permit && d.Verdict == Allow:
		return Allowed
	case d.Permit:
		return WouldDeny
	}
	return Denied
}

// Rule is the id of the deciding rule, with that of its entry where it has one, such as "arc/his": the one that
// allows or denies or, if there is none, the one that names the host and is nearest. It is empty if no rule names the
// host.
func (d Decision) Rule() string {
	if d.entry == nil {
		return ""
	}
	return d.entry.name()
}

// Source is where the deciding entry is written: "lists/approved.txt:4", "webproxy.yaml:23" or "catalog arc, entry
// 15"; empty if no rule matched.
func (d Decision) Source() string {
	if d.entry == nil {
		return ""
	}
	return d.entry.source()
}

// Phase is the phase the deciding entry is bound to; empty if it is bound to none.
func (d Decision) Phase() string {
	if d.entry == nil || d.entry.terms().phase == nil {
		return ""
	}
	return d.entry.terms().phase.name
}

// ServiceTag is the tag that the deciding entry ties the address to; empty if none.
func (d Decision) ServiceTag() string {
	if d.entry == nil || d.entry.block.tag == nil {
		return ""
	}
	return d.entry.block.tag.name
}

// OutsideTag reports whether CheckAddr was called with an address that is not in the entry's service tag.
func (d Decision) OutsideTag() bool { return d.outsideTag }

// Inspect reports whether the tunnel that d permits must be inspected, and each request inside decided: a rule about
// it, an allow or a deny, asks for that.
func (d Decision) Inspect() bool { return d.inspect && d.Permit }

// Policy is the digest of the Set that decided, see Set.Digest; empty if none did.
func (d Decision) Policy() string {
	if d.set == nil {
		return ""
	}
	return d.set.Digest()
}

// An AddrClass says which addresses a Decision may be dialled to. Connections may be shared between Decisions of one
// Set whose Target and AddrClass are equal.
type AddrClass struct {
	private bool
	tag     *serviceTag
	set     *Set
}

// AddrClass returns d's class of addresses.
func (d Decision) AddrClass() AddrClass {
	c := AddrClass{set: d.set}
	if d.entry != nil && d.Verdict == Allow {
		c.private, c.tag = d.entry.block.private, d.entry.block.tag
	}
	return c
}

// Refusal is the Decision of a guard: reason must be one that no mode lifts. It permits nothing. Use it for what
// never became a Request, or must not go on.
func Refusal(reason Reason) Decision { return Decision{Reason: reason} }

// Refused returns d as refused by the guard reason, keeping what was known: target, group, mode, policy.
func (d Decision) Refused(reason Reason) Decision {
	d.Permit, d.Verdict, d.Reason, d.entry = false, Deny, reason, nil
	return d
}

// denied returns d as denied by the rules for reason, with e as the entry to name. In learn mode it may still be
// permitted.
func (d Decision) denied(reason Reason, e *entry) Decision {
	d.Verdict, d.Reason, d.entry = Deny, reason, e
	d.Permit = d.Mode == Learn && reason.lifted()
	return d
}

// CheckAddr evaluates the address that d is about to be dialled to, whatever DNS said. It returns d if the address is
// permitted, with OutsideTag as it is for that address, else a Decision with its own Reason, which permits nothing
// unless learn mode lifts that Reason. Egress calls it for each address, just before connecting.
func (d Decision) CheckAddr(addr netip.AddrPort) Decision {
	if !d.Permit {
		return d
	}
	c := d.AddrClass()
	if reason := guardAddr(d.set, addr, c.private); reason != reasonUnset {
		return d.Refused(reason)
	}
	if e := d.denyFor(addr.Addr().Unmap()); e != nil {
		return d.denied(DeniedByRule, e)
	}
	d.outsideTag = c.tag != nil && !c.tag.prefixes.Contains(addr.Addr().Unmap())
	if !d.outsideTag || c.tag.check == TagWarn {
		return d
	}
	return d.denied(ServiceTagMismatch, d.entry)
}
