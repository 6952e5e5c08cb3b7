// Package probe tries endpoints through a proxy, as a client would, and tells package doctor what it saw. It
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

// A Prober makes requests through a proxy. It is not changed by its methods, which are safe for concurrent use.
type Prober struct {
	// Proxy is host:port.
	Proxy string
	// Source is the address of this machine that requests come from. If not valid, the system chooses.
	Source netip.Addr
	// Resolver is the DNS server to ask, host:port. If empty, the system's.
	Resolver string
	// Servers are the DNS servers that the proxy asks, host:port. Each is asked for a name that the proxy cannot resolve; if empty, none is.
	Servers []string
	// Timeout bounds one request. If zero, it is 20 seconds.
	Timeout time.Duration
	// Parallel is how many endpoints are tried at a time. If zero, it is 8.
	Parallel int
}

// All tries all targets and returns what it saw of each, in their order. done, if not nil, is called after each, by one
// goroutine at a time. It returns when all are done; after ctx ends, the rest is not tried.
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

// Try tries one target: the request, where redirects lead, and a request for a part where that can be asked for.
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

// answerText says in a few words what a DNS server answered.
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

// resolverAt asks one DNS server, host:port, whatever the system says.
func resolverAt(server string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
}

// The part of a body that is asked for.
const partFrom, partTo = 1, 4

// wantsRange reports whether a part of what hop got can be asked for, and matters.
func (p *Prober) wantsRange(t *doctor.Target, hop *doctor.Hop) bool {
	long := hop.Length < 0 || hop.Length > partTo
	return hop.Status == 200 && long && (hop.AcceptsRanges || doctor.IsPayload(t.Host))
}

// Lookup returns the addresses of host, as the DNS of the proxy has them; nil if there are none, or none could be learnt.
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
