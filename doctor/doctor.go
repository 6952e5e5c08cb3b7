// Package doctor finds out why a client cannot reach the endpoints that it needs through this proxy. It is
// pure: package probe requests the endpoints; this package evaluates the observations, names the cause and writes the report.
//
//	row := doctor.Evaluate(target, observation, options)
//	report := doctor.NewReport(head, rows)
//	report.WriteText(os.Stdout, false)
//
// A finding has an id that never changes its meaning; Findings explains each.
package doctor

import (
	"crypto/x509"
	"net/netip"
	"net/url"
	"time"

	"webproxy/policy"
)

// A Target is an endpoint to test.
type Target struct {
	URL         string // "https://gbl.his.arc.azure.com:443/"
	Host        string
	Port        uint16
	Scheme      policy.Scheme
	Path        string // as the list has it; "/" if it has none
	Listed      string // the endpoint as the list has it: a wildcard, of which URL is an example
	Source      string // the list that has it
	Description string
	Required    bool
	// Skip says why it is not tested; empty if it is.
	Skip string
	// Policy is what the policy of the configuration decides for the group; Why and Fixes explain it.
	Policy policy.Decision
	Why    string
	Fixes  []string
}

// Example reports whether the host is an example of a wildcard in the list.
func (t *Target) Example() bool { return t.Listed != "" && t.Listed != t.Host }

// An Observation is the result of testing a Target.
type Observation struct {
	At    time.Time
	Took  time.Duration
	Hops  []Hop        // the first request, and those that redirects led to
	Addrs []netip.Addr // of the name in DNS; nil if that was not asked
	// Asked has the response of each DNS server of the proxy, for a name that the proxy could not resolve; nil if none was asked.
	Asked []Asked
	// NotTried says why there are no hops.
	NotTried string
}

// Asked is the response of a DNS server.
type Asked struct {
	Server string // host:port
	Answer string // in a few words
}

// A Hop is one request through the proxy.
type Hop struct {
	URL *url.URL
	// Refused is the reason by which this proxy refused; ID names the record.
	Refused, ID string
	// Trouble is the proxy error type of RFC 9209 by which this proxy said that the origin was not reached.
	// Upstream is the upstream proxy that it is about.
	Trouble, Upstream string
	// Err is why there is no response, in plain words: the proxy was not reached, TLS failed, a timeout.
	Err string
	// Late is set if the proxy was reached and sent nothing before the timeout: it may still be resolving the name or connecting.
	Late bool
	// Stage is how far the request got.
	Stage Stage
	// Connect is the time until the tunnel was open, TLS until the handshake was done, FirstByte until the response began; all from
	// the start of the request. 0 if it did not get that far.
	Connect, TLS, FirstByte time.Duration
	Chain                   []*x509.Certificate // as it was sent, the leaf first
	Status                  int
	Server, Via, Location   string
	ContentRange            string
	Date                    time.Time
	Body                    string // the beginning
	Length                  int64  // of the body, announced or read; -1 if unknown
	AcceptsRanges           bool
	Range                   *Range // the result of a range request; nil if none was made
}

// A Stage is how far a request got.
type Stage uint8

// The stages of a request.
const (
	ToProxy   Stage = iota // the proxy was not reached
	ToOrigin               // no tunnel, no response
	InTLS                  // the tunnel is open
	InRequest              // TLS is set up, or not needed
	Responded              // there is a response
)

// A Range is the response to a request for bytes From to To of a body.
type Range struct {
	From, To     int64
	Status       int
	ContentRange string
	Length       int64 // of the received body
	Err          string
}

// A Category is an outcome in the terms of Test-AzureLocalConnectivity.
type Category string

// The categories.
const (
	Success             Category = "Success"
	ConnectivityFailure Category = "ConnectivityFailure"
	ConfigGap           Category = "ConfigGap"
	SSLInspected        Category = "SSLInspected"
	PrivateLink         Category = "PrivateLink"
	Skipped             Category = "Skipped"
)

// A Row is the evaluation of one Target.
type Row struct {
	Target
	Seen     Observation
	Category Category
	Finding  *Finding // nil if there is none
	Detail   string   // of the finding, or of the response, in a few words
	Fix      string   // what to do; empty if nothing is known
	Issuer   string   // who signed the origin's certificate
	Ranged   bool     // a range request succeeded

	cause string // why the endpoint is not reached, without figures; endpoints with the same cause are shown together
}

// Failed reports whether there is a finding.
func (r *Row) Failed() bool { return r.Finding != nil }

// Options are the other inputs of an evaluation.
type Options struct {
	Now time.Time
	// Roots are the authorities to trust. Published says that they are an operating system's, so that a
	// chain to one of them must also be of a known publisher: an inspecting proxy's root is often installed there.
	Roots     *x509.CertPool
	Published bool
	// Own are authorities that the operator expects: certificates from them are not a finding. It may be nil.
	Own *x509.CertPool
	// Slow is the time to the first byte from which it is a finding. 0 is DefaultSlow.
	Slow time.Duration
	// List is the list file to add missing entries to; empty if none is known.
	List string
	// Group is the client group that is tested; As is the group of this machine, empty if it is in none.
	Group, As string
}

// DefaultSlow is the default of Options.Slow.
const DefaultSlow = 5 * time.Second
