package doctor

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"webproxy/clientconfig"
	"webproxy/internal/wording"
	"webproxy/policy"
)

// Evaluate returns the finding about a target.
func Evaluate(t Target, seen Observation, o Options) Row {
	r := Row{Target: t, Seen: seen, Category: Success}
	switch {
	case t.Skip != "":
		r.skip(t.Skip)
	case r.evaluateDNS():
	case seen.NotTried != "" && !t.Policy.Permit:
		r.denied(t.Policy.Reason.String(), t.Host, t.Why, first(t.Fixes))
	case seen.NotTried != "":
		r.skip(seen.NotTried)
	case len(seen.Hops) == 0:
		r.skip("not tried")
	default:
		r.evaluateHops(o)
	}
	if r.Finding != nil {
		r.Category = r.Finding.Category
		r.Fix = cmp.Or(r.Fix, r.Finding.Fix)
	}
	return r
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func (r *Row) skip(why string) { r.Category, r.Detail = Skipped, why }

func (r *Row) find(f *Finding, detail string) { r.Finding, r.Detail = f, detail }

// evaluateDNS finds a private address of Azure Arc, whatever the response: even if a rule allows private addresses, the
// service is not there.
func (r *Row) evaluateDNS() bool {
	if !clientconfig.IsArcName(r.Host) {
		return false
	}
	i := slices.IndexFunc(r.Seen.Addrs, netip.Addr.IsPrivate)
	if i < 0 {
		return false
	}
	r.private(r.Seen.Addrs[i])
	return true
}

// private is the finding that the host has a private address.
func (r *Row) private(a netip.Addr) {
	detail := r.Host
	if a.IsValid() {
		detail += " -> " + a.String()
	}
	if !clientconfig.IsArcName(r.Host) {
		r.find(&findPriv, detail)
		return
	}
	r.find(&findPrivArc, detail)
	r.Fix = fmt.Sprintf("Azure Local has no Arc Private Link; this proxy's DNS answers from the zone %s. Resolve Arc names publicly on the proxy:  egress: { resolver: \"...\" }", clientconfig.ArcZone(r.Host))
}

// evaluateHops evaluates the requests that were made, the first fault first.
func (r *Row) evaluateHops(o Options) {
	for i := range r.Seen.Hops {
		hop := &r.Seen.Hops[i]
		if i == 0 {
			r.Issuer = issuerOf(hop.Chain)
		}
		r.evaluateHop(hop, i, o)
		if r.Finding != nil || r.Category == Skipped {
			return
		}
	}
	begin, last := &r.Seen.Hops[0], &r.Seen.Hops[len(r.Seen.Hops)-1]
	r.Detail = fmt.Sprintf("%d in %s", begin.Status, begin.FirstByte.Round(time.Millisecond))
	switch {
	case last.Location != "":
		r.find(&findLoop, fmt.Sprintf("%d redirects, the last to %s", len(r.Seen.Hops), clip(last.Location)))
	case r.Policy.Permit && r.Policy.Verdict != policy.Allow:
		r.find(&findLearn, r.Policy.Reason.String())
		r.Fix = first(r.Fixes)
	case r.slowest() >= cmp.Or(o.Slow, DefaultSlow):
		r.find(&findSlow, fmt.Sprintf("first byte after %s", r.slowest().Round(10*time.Millisecond)))
	}
}

func (r *Row) slowest() time.Duration {
	var most time.Duration
	for i := range r.Seen.Hops {
		most = max(most, r.Seen.Hops[i].FirstByte)
	}
	return most
}

// evaluateHop evaluates one request, the i-th.
func (r *Row) evaluateHop(hop *Hop, i int, o Options) {
	to := ""
	if i > 0 {
		to = "redirects to " + hop.URL.Scheme + "://" + hop.URL.Host + ", "
	}
	switch {
	case hop.Refused != "":
		r.refused(hop, i, o)
		return
	case hop.Trouble != "":
		r.trouble(hop, to)
		return
	case hop.Late:
		r.find(&findSilent, to+"the proxy took the request, and then "+hop.Err)
		r.Fix, r.cause = "try a longer --timeout: what the proxy cannot resolve or reach it says by itself, after its own timeouts", hop.Err
		return
	case hop.Stage == ToProxy, hop.Stage == ToOrigin && hop.Status == 0:
		r.find(&findProxy, hop.Err)
		return
	case hop.Stage == ToOrigin:
		r.find(&findMiddlebox, to+fmt.Sprintf("the response to CONNECT, %d, is not webproxy's", hop.Status))
		return
	case hop.Stage == InTLS:
		r.find(&findTLS, to+hop.Err)
		return
	}
	if hop.URL.Scheme == "https" && !(i == 0 && r.Policy.Inspect()) {
		if fault := evaluateChain(hop.URL.Hostname(), hop.Chain, o); fault != nil {
			r.find(fault.finding, to+fault.detail)
			return
		}
	}
	if hop.Stage == InRequest {
		r.find(&findSilent, to+hop.Err)
		r.cause = hop.Err
		return
	}
	if who := middlebox(hop); who != "" {
		r.find(&findMiddlebox, to+who)
		return
	}
	r.evaluateRange(hop, to)
}

// refused evaluates a refusal of this proxy.
func (r *Row) refused(hop *Hop, i int, o Options) {
	host := hop.URL.Hostname()
	switch hop.Refused {
	case policy.Overloaded.String(), policy.RateLimited.String(), policy.AuditUnavailable.String():
		r.find(&findBusy, hop.Refused)
		return
	}
	if i > 0 {
		if slices.Contains(forPeople, r.Host) {
			return
		}
		r.find(&findRedirect, fmt.Sprintf("redirects to %s, %s", host, hop.Refused))
		r.Fix = fmt.Sprintf("add to %s:  %s reason=TICKET", cmp.Or(o.List, "a list file"), entryFor(hop))
		return
	}
	if hop.Refused == policy.PrivateAddress.String() {
		var a netip.Addr
		if i := slices.IndexFunc(r.Seen.Addrs, netip.Addr.IsPrivate); i >= 0 {
			a = r.Seen.Addrs[i]
		}
		r.private(a)
		return
	}
	if r.Policy.Permit && o.Group != "" && o.As != o.Group {
		r.skip(fmt.Sprintf("the policy lets %s reach it; this machine may not, so it could not be tried", o.Group))
		return
	}
	r.denied(hop.Refused, host, r.Why, first(r.Fixes))
}

// entryFor is the list entry that allows the request of a hop.
func entryFor(hop *Hop) string {
	port := hop.URL.Port()
	switch {
	case hop.URL.Scheme == "http":
		return "http://" + hop.URL.Host
	case port == "":
		return hop.URL.Hostname() + ":443"
	}
	return hop.URL.Host
}

func (r *Row) denied(reason, host, why, fix string) {
	f := &findDenied
	if r.Scheme == policy.HTTP && isRevocation(host) {
		f = &findCRL
	}
	r.find(f, reason)
	if r.Policy.Permit { // by the configuration on disk; the running proxy decides otherwise
		r.Fix = "webproxy check: the running proxy has another policy than the configuration"
		return
	}
	r.Fix = fix
	if fix == "" && why != "" {
		r.Fix = why
	}
}

// troubles are the findings for the proxy error types of RFC 9209 that are not TCP's.
var troubles = map[string]*Finding{
	"dns_error": &findDNS, "dns_timeout": &findDNS, "tls_protocol_error": &findTLS, "tls_alert_received": &findTLS, "tls_certificate_error": &findCert,
	"http_response_timeout": &findSilent, "connection_read_timeout": &findSilent, "http_response_incomplete": &findSilent, "http_protocol_error": &findMiddlebox,
	"http_request_denied": &findUpstream, "http_request_error": &findUpstream, "connection_limit_reached": &findBusy,
}

// trouble evaluates the error that this proxy reports about the connection to the origin.
func (r *Row) trouble(hop *Hop, to string) {
	f := troubles[hop.Trouble]
	if f == nil {
		f = &findTCP
	}
	if hop.Upstream != "" {
		f = &findUpstream
		to += hop.Upstream + ": "
	}
	if r.Example() && (f == &findDNS || f == &findTCP) {
		r.skip(fmt.Sprintf("the example %s of %s is not there (%s)", r.Host, r.Listed, hop.Trouble))
		return
	}
	r.find(f, to+fmt.Sprintf("%s after %s", hop.Trouble, hop.FirstByte.Round(100*time.Millisecond)))
	r.cause = strings.TrimSpace(hop.Upstream + " " + hop.Trouble)
	if f == &findDNS {
		r.asked()
	}
}

// asked adds the responses of the DNS servers for a name that the proxy could not resolve.
func (r *Row) asked() {
	if len(r.Seen.Asked) == 0 {
		return
	}
	r.Detail += ", " + wording.Plural(len(r.Seen.Asked), "resolver") + " asked"
	said := make([]string, 0, len(r.Seen.Asked))
	for _, a := range r.Seen.Asked {
		said = append(said, strings.TrimSuffix(a.Server, ":53")+": "+a.Answer)
	}
	r.Fix = strings.Join(said, "; ") + ". Have these resolve the name, or name others: egress.resolver"
}

// middleboxes are words in Server and Via of devices that respond instead of the host.
var middleboxes = []string{
	"zscaler", "bluecoat", "blue coat", "proxysg", "fortigate", "fortiproxy", "websense", "netskope", "mcafee web gateway", "ironport", "squid", "sophos", "barracuda", "captive",
}

// middlebox is the device that responded instead of the host; empty if none is known.
func middlebox(hop *Hop) string {
	if want, ok := contents[hop.URL.Hostname()+hop.URL.Path]; ok && hop.Status == 200 && !strings.HasPrefix(hop.Body, want) {
		return fmt.Sprintf("want %q, the response begins %q", want, clip(hop.Body))
	}
	if hop.URL.Scheme == "https" {
		return "" // the certificate authenticates the host
	}
	for _, field := range [][2]string{{"Server", hop.Server}, {"Via", hop.Via}} {
		for _, word := range middleboxes {
			if strings.Contains(strings.ToLower(field[1]), word) {
				return fmt.Sprintf("the response has %s: %s", field[0], clip(field[1]))
			}
		}
	}
	if hop.Status == 407 || hop.Status == 511 {
		return fmt.Sprintf("status %d: a proxy on the way wants a login", hop.Status)
	}
	return ""
}

// evaluateRange evaluates the response to a range request.
func (r *Row) evaluateRange(hop *Hop, to string) {
	part := hop.Range
	if part == nil {
		return
	}
	want := part.To - part.From + 1
	switch {
	case part.Err != "":
		r.find(&findRange, to+"a request for a part: "+part.Err)
	case part.Status == 200:
		r.find(&findRange, to+"a request for a part was answered with the whole (200)")
	case part.Status != 206:
		r.find(&findRange, to+fmt.Sprintf("a request for a part was answered with %d", part.Status))
	case !strings.HasPrefix(part.ContentRange, fmt.Sprintf("bytes %d-%d/", part.From, part.To)) || part.Length != want:
		r.find(&findRange, to+fmt.Sprintf("206 with %q and %d bytes, want bytes %d-%d", clip(part.ContentRange), part.Length, part.From, part.To))
	default:
		r.Ranged = true
	}
}

// clip makes data from the network one short line.
func clip(s string) string {
	const most = 80
	text := []rune(strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e {
			return '?'
		}
		return r
	}, s))
	if len(text) > most {
		return string(text[:most]) + "..."
	}
	return string(text)
}
