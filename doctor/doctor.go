// Package doctor says what is wrong with the way from a client, through this proxy, to the endpoints that it needs. It is
// pure: package probe tries the endpoints, this one evaluates what was observed, names the cause and puts it into words.
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

// A Target is an endpoint to try.
type Target struct {
	URL         string // "https://gbl.his.arc.azure.com:443/"
	Host        string
	Port        uint16
	Scheme      policy.Scheme
	Path        string // as the list has it; "/" if it has none
	Listed      string // the endpoint as the list has it: a wildcard, of which URL is an example
	Source      string // where it is listed
	Description string
	Required    bool
	// Skip says why it is not tried; empty if it is.
	Skip string
	// Policy is what the policy of the configuration decides for the group; Why and Fixes explain it.
	Policy policy.Decision
	Why    string
	Fixes  []string
}

// Example reports whether the list has a wildcard in place of the host that is tried.
func (t *Target) Example() bool { return t.Listed != "" && t.Listed != t.Host }

// An Observation is what was seen of a Target.
type Observation struct {
	At    time.Time
	Took  time.Duration
	Hops  []Hop        // the first request, and those that redirects led to
	Addrs []netip.Addr // what the name has in DNS; nil if nobody asked
	// Asked is what each DNS server of the proxy says to a name that the proxy could not resolve; nil if nobody asked.
	Asked []Asked
	// NotTried says why there are no hops.
	NotTried string
}

// Asked is what a DNS server says to a name.
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
	// Upstream is the proxy behind this one that it is about.
	Trouble, Upstream string
	// Err is why there is no response, in plain words: the proxy itself was not reached, TLS failed, time ran out.
	Err string
	// Stage is how far the request came.
	Stage Stage
	// Connect is the time until a tunnel stood, TLS until the handshake was done, FirstByte until a response began; all from
	// the start of the request. 0 if it did not come so far.
	Connect, TLS, FirstByte time.Duration
	Chain                   []*x509.Certificate // as it was sent, the leaf first
	Status                  int
	Server, Via, Location   string
	ContentRange            string
	Date                    time.Time
	Body                    string // the beginning
	Length                  int64  // of the body as far as it was said or read; -1 if unknown
	AcceptsRanges           bool
	Range                   *Range // what came of a request for a part; nil if none was made
}

// A Stage is how far a request came.
type Stage uint8

// The stages of a request.
const (
	ToProxy   Stage = iota // the proxy was not reached
	ToOrigin               // no tunnel, no response
	InTLS                  // the tunnel stands
	InRequest              // TLS stands, or none is needed
	Answered               // there is a response
)

// A Range is the response to a request for bytes From to To of a body.
type Range struct {
	From, To     int64
	Status       int
	ContentRange string
	Length       int64 // of the body that came
	Err          string
}

// A Category is the word that Test-AzureLocalConnectivity has for an outcome.
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

// A Row is what was found out about one Target.
type Row struct {
	Target
	Seen     Observation
	Category Category
	Finding  *Finding // nil if there is none
	Detail   string   // of the finding, or what came back, in half a sentence
	Fix      string   // what to do; empty if nothing is known
	Issuer   string   // who signed the origin's certificate
	Ranged   bool     // a part of a body was asked for, and came

	cause string // why the endpoint is not reached, without figures; endpoints with the same are told together
}

// Failed reports whether there is a finding.
func (r *Row) Failed() bool { return r.Finding != nil }

// Options are what an evaluation depends on.
type Options struct {
	Now time.Time
	// Roots are the authorities to trust. Published says that they are an operating system's, so that a
	// chain to one of them must also be of a known publisher: an inspecting proxy's root is often installed there.
	Roots     *x509.CertPool
	Published bool
	// Own are authorities that the operator named: whatever they sign is as it should be. It may be nil.
	Own *x509.CertPool
	// Slow is the time to the first byte from which it is a finding. 0 is DefaultSlow.
	Slow time.Duration
	// List is the list file that what is missing belongs in; empty if none is known.
	List string
	// Group is the client group that is asked about, and As the one that this machine is in; empty if it is in none.
	Group, As string
}

// DefaultSlow is when a first byte is slow.
const DefaultSlow = 5 * time.Second
