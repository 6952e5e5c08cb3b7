package proxy

import (
	"net/http"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
)

// denials holds, for each Reason that refuses, what the client is told: the status, the proxy error
// type of RFC 9209 (2.3), and one sentence. A test keeps it complete.
var denials = map[policy.Reason]struct {
	status int
	word   string
	text   string
}{
	policy.HostNotListed:      {http.StatusForbidden, proxystatus.Denied, "No rule lists this host."},
	policy.PortNotAllowed:     {http.StatusForbidden, proxystatus.Denied, "A rule lists this host, but not on this port."},
	policy.SchemeNotAllowed:   {http.StatusForbidden, proxystatus.Denied, "This host may not be reached in this form: plain HTTP and CONNECT are allowed separately, and https:// needs CONNECT."},
	policy.PathNotAllowed:     {http.StatusForbidden, proxystatus.Denied, "A rule lists this host, but not this path."},
	policy.MethodNotAllowed:   {http.StatusForbidden, proxystatus.Denied, "This method is not allowed here."},
	policy.ClientNotAllowed:   {http.StatusForbidden, proxystatus.Denied, "A rule lists this host, but not for this client."},
	policy.PhaseInactive:      {http.StatusForbidden, proxystatus.Denied, "A rule lists this host, but only during a phase that is not active now."},
	policy.RuleExpired:        {http.StatusForbidden, proxystatus.Denied, "The rule that listed this host has expired."},
	policy.DeniedByRule:       {http.StatusForbidden, proxystatus.Denied, "A rule denies this host."},
	policy.ClientUnknown:      {http.StatusForbidden, proxystatus.Denied, "This client's address is in no client group."},
	policy.IPLiteral:          {http.StatusForbidden, proxystatus.Denied, "The request names an IP address, and no rule lists it."},
	policy.PrivateAddress:     {http.StatusForbidden, proxystatus.Prohibited, "The address of this host is not a public one."},
	policy.NetworkDenied:      {http.StatusForbidden, proxystatus.Prohibited, "The address of this host is in a network that nothing may lead to."},
	policy.ServiceTagMismatch: {http.StatusForbidden, proxystatus.Prohibited, "The address of this host is not in the service tag that the rule demands."},
	policy.SNIMismatch:        {http.StatusForbidden, proxystatus.Denied, "The TLS session inside the tunnel names a host that this client may not reach."},
	policy.BadTarget:          {http.StatusBadRequest, proxystatus.BadRequest, "The request does not name a host and port to reach through this proxy."},
	policy.BadRequest:         {http.StatusBadRequest, proxystatus.BadRequest, "The request is not well-formed HTTP/1.1."},
	policy.Loop:               {http.StatusForbidden, proxystatus.Loop, "The request has been through this proxy before."},
	policy.Overloaded:         {http.StatusServiceUnavailable, proxystatus.LimitReached, "The proxy cannot take another connection now."},
	policy.AuditUnavailable:   {http.StatusServiceUnavailable, proxystatus.Internal, "The request could not be recorded, and only recorded requests are let through."},
	policy.TLSRequired:        {http.StatusForbidden, proxystatus.Denied, "A tunnel to this port must begin with TLS."},
	policy.SNIRequired:        {http.StatusForbidden, proxystatus.Denied, "The TLS session inside a tunnel to this port must name its host."},
	policy.BadHello:           {http.StatusForbidden, proxystatus.Denied, "The tunnel begins like a TLS session, but not with a ClientHello that can be checked."},
	policy.LockedDown:         {http.StatusForbidden, proxystatus.Denied, "A lockdown is on: for now only what it spares may be reached."},
	policy.RateLimited:        {http.StatusTooManyRequests, proxystatus.Denied, "This client has begun as much as it may for now."},
}
