// Package probe requests endpoints through a proxy, as a client would, and returns its observations to package doctor. It
// evaluates nothing.
//
//	p := probe.Prober{Proxy: "10.0.1.5:9090"}
//	seen := p.All(ctx, targets, nil)
package probe

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"webproxy/clientconfig"
	"webproxy/doctor"
	"webproxy/policy"
)

const (
	defaultTimeout  = 20 * time.Second
	defaultParallel = 8
	maxHops         = 6               // a request and five redirects
	dnsTimeout      = 5 * time.Second // for each DNS server, as the proxy's own egress.dns_timeout is by default
)

// A Prober makes requests through a proxy. Its methods do not change it, and are safe for concurrent use.
type Prober struct {
	// Proxy is host:port.
	Proxy string
	// Source is the address of this machine that requests come from. If not valid, the system chooses.
	Source netip.Addr
	// Resolver is the DNS server to ask, host:port. If empty, the system's.
	Resolver string
	// Servers are the DNS servers of the proxy, host:port. Each is asked for a name that the proxy cannot resolve. It may be empty.
	Servers []string
	// Timeout bounds one request. If zero, it is 20 seconds.
	Timeout time.Duration
	// Parallel is how many endpoints are tried at a time. If zero, it is 8.
	Parallel int
}

// All tests all targets and returns an Observation of each, in their order. done, if not nil, is called after each, by one
// goroutine at a time. After ctx ends, the rest is not tested.
func (p *Prober) All(ctx context.Context, targets []doctor.Target, done func()) []doctor.Observation {
	seen := make([]doctor.Observation, len(targets))
	next := make(chan int)
	var mu sync.Mutex // one call of done at a time
	var wg sync.WaitGroup
	for range min(cmp.Or(p.Parallel, defaultParallel), len(targets)) {
		wg.Go(func() {
			for i := range next {
				seen[i] = p.Try(ctx, &targets[i])
				if done != nil {
					mu.Lock()
					done()
					mu.Unlock()
				}
			}
		})
	}
	for i := range targets {
		next <- i
	}
	close(next)
	wg.Wait()
	return seen
}

// Try tests one target: the request, its redirects, and a range request where the server offers that.
func (p *Prober) Try(ctx context.Context, t *doctor.Target) doctor.Observation {
	o := doctor.Observation{At: time.Now()}
	if t.Skip != "" {
		return o
	}
	if ctx.Err() != nil {
		o.NotTried = "it was interrupted"
		return o
	}
	if clientconfig.IsArcName(t.Host) {
		o.Addrs = p.Lookup(ctx, t.Host)
	}
	u, err := url.Parse(t.URL)
	if err != nil {
		o.NotTried = "the endpoint makes no URL"
		return o
	}
	for {
		hop := p.request(ctx, u, "")
		if p.wantsRange(t, &hop) {
			hop.Range = p.part(ctx, u)
		}
		o.Hops = append(o.Hops, hop)
		if hop.Location == "" || len(o.Hops) == maxHops {
			break
		}
		to, err := u.Parse(hop.Location)
		if err != nil || to.Hostname() == "" || to.Scheme != "http" && to.Scheme != "https" {
			o.Hops[len(o.Hops)-1].Location = ""
			break
		}
		u = to
	}
	if o.Addrs == nil && o.Hops[0].Refused == policy.PrivateAddress.String() {
		o.Addrs = p.Lookup(ctx, t.Host)
	}
	if last := &o.Hops[len(o.Hops)-1]; last.Upstream == "" && (last.Trouble == "dns_error" || last.Trouble == "dns_timeout") {
		o.Asked = p.ask(ctx, last.URL.Hostname())
	}
	o.Took = time.Since(o.At)
	return o
}

// ask asks each of the proxy's DNS servers for host, at the same time.
func (p *Prober) ask(ctx context.Context, host string) []doctor.Asked {
	ctx, cancel := context.WithTimeout(ctx, min(p.timeout(), dnsTimeout))
	defer cancel()
	all := make([]doctor.Asked, len(p.Servers))
	var wg sync.WaitGroup
	for i, server := range p.Servers {
		wg.Go(func() {
			found, err := resolverAt(server).LookupNetIP(ctx, "ip", host+".")
			all[i] = doctor.Asked{Server: server, Answer: answerText(found, err)}
		})
	}
	wg.Wait()
	return all
}

// answerText is a DNS server's response in a few words.
func answerText(found []netip.Addr, err error) string {
	var dns *net.DNSError
	switch {
	case err == nil && len(found) > 0:
		return "has it, " + found[0].Unmap().String()
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such name"
	case errors.As(err, &dns) && dns.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		return "does not answer"
	}
	return "fails"
}

// resolverAt asks one DNS server, host:port, not those of the system.
func resolverAt(server string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
}

// The range of a body that is requested.
const partFrom, partTo = 1, 4

// wantsRange reports whether a range of the response to hop can be requested, and matters.
func (p *Prober) wantsRange(t *doctor.Target, hop *doctor.Hop) bool {
	long := hop.Length < 0 || hop.Length > partTo
	return hop.Status == 200 && long && (hop.AcceptsRanges || doctor.IsPayload(t.Host))
}

// Lookup returns the addresses of host from the DNS of the proxy; nil if there are none, or on errors.
func (p *Prober) Lookup(ctx context.Context, host string) []netip.Addr {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout())
	defer cancel()
	r := &net.Resolver{PreferGo: true}
	if p.Resolver != "" {
		r = resolverAt(p.Resolver)
	}
	found, err := r.LookupNetIP(ctx, "ip", host+".")
	if err != nil {
		return nil
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return slices.Compact(found)
}

func (p *Prober) timeout() time.Duration { return cmp.Or(p.Timeout, defaultTimeout) }
