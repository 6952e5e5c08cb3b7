package proxy

import (
	"net/http"

	"webproxy/policy"
)

// denials holds, for each Reason that refuses, what the client is told: the status, the proxy error
// type of RFC 9209 (2.3), and one sentence. A test keeps it complete.
var denials = map[policy.Reason]struct {
	status int
	word   string
	text   string
}{
	policy.HostNotListed:      {http.StatusForbidden, wordDenied, "No rule lists this host."},
	policy.PortNotAllowed:     {http.StatusForbidden, wordDenied, "A rule lists this host, but not on this port."},
	policy.SchemeNotAllowed:   {http.StatusForbidden, wordDenied, "This host may not be reached in this form: plain HTTP and CONNECT are allowed separately, and https:// needs CONNECT."},
	policy.PathNotAllowed:     {http.StatusForbidden, wordDenied, "A rule lists this host, but not this path."},
	policy.MethodNotAllowed:   {http.StatusForbidden, wordDenied, "This method is not allowed here."},
	policy.ClientNotAllowed:   {http.StatusForbidden, wordDenied, "A rule lists this host, but not for this client."},
	policy.PhaseInactive:      {http.StatusForbidden, wordDenied, "A rule lists this host, but only during a phase that is not active now."},
	policy.RuleExpired:        {http.StatusForbidden, wordDenied, "The rule that listed this host has expired."},
	policy.DeniedByRule:       {http.StatusForbidden, wordDenied, "A rule denies this host."},
	policy.ClientUnknown:      {http.StatusForbidden, wordDenied, "This client's address is in no client group."},
	policy.IPLiteral:          {http.StatusForbidden, wordDenied, "The request names an IP address, and no rule lists it."},
	policy.PrivateAddress:     {http.StatusForbidden, wordProhibited, "The address of this host is not a public one."},
	policy.NetworkDenied:      {http.StatusForbidden, wordProhibited, "The address of this host is in a network that nothing may lead to."},
	policy.ServiceTagMismatch: {http.StatusForbidden, wordProhibited, "The address of this host is not in the service tag that the rule demands."},
	policy.SNIMismatch:        {http.StatusForbidden, wordDenied, "The TLS session inside the tunnel names a host that this client may not reach."},
	policy.BadTarget:          {http.StatusBadRequest, wordBadRequest, "The request does not name a host and port to reach through this proxy."},
	policy.BadRequest:         {http.StatusBadRequest, wordBadRequest, "The request is not well-formed HTTP/1.1."},
	policy.Loop:               {http.StatusForbidden, wordLoop, "The request has been through this proxy before."},
	policy.Overloaded:         {http.StatusServiceUnavailable, wordLimitReached, "The proxy cannot take another connection now."},
	policy.AuditUnavailable:   {http.StatusServiceUnavailable, wordInternal, "The request could not be recorded, and what is not recorded is not let through."},
	policy.TLSRequired:        {http.StatusForbidden, wordDenied, "A tunnel to this port must begin with TLS."},
	policy.SNIRequired:        {http.StatusForbidden, wordDenied, "The TLS session inside a tunnel to this port must name its host."},
	policy.BadHello:           {http.StatusForbidden, wordDenied, "The tunnel begins like a TLS session, but not with a hello that can be judged."},
}
