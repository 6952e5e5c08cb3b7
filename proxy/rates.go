package proxy

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"webproxy/internal/setting"
	"webproxy/policy"
	"webproxy/proxy/egress"
)

// rates are the optional limits on what a client may begin and move in a second. The zero rates limit nothing, at no
// cost. They are safe for concurrent use.
type rates struct {
	requests, dials int   // a second; 0 is no limit
	bytes           int64 // both ways together

	mu sync.Mutex // guards by
	by map[netip.Addr]*clientRates

	counts rateCounts
}

// rateCounts count how often limits applied.
type rateCounts struct {
	Requests, Dials atomic.Int64 // refused
	Waits           atomic.Int64 // of transfers
}

// clientRates are the limiters of one payer. A nil limiter limits nothing.
type clientRates struct {
	requests, dials, bytes *rate.Limiter
	used                   time.Time // guarded by rates.mu
}

const (
	// rateBurst is the burst of a client that was quiet, in seconds of its rate.
	rateBurst = 5
	// maxRated bounds the clients whose rates are remembered; rateLooks bounds how many are examined to find one to
	// forget.
	maxRated  = 1 << 16
	rateLooks = 16
	// minPace bounds how small the pieces of a transfer get.
	minPace = 4 << 10
)

// of returns client's rates, which are kept until it has been quiet for long.
func (r *rates) of(client netip.Addr) *clientRates {
	p, now := payer(client), time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.by[p]
	if c == nil {
		if r.by == nil {
			r.by = make(map[netip.Addr]*clientRates)
		}
		if len(r.by) >= maxRated {
			r.forget()
		}
		c = &clientRates{
			requests: newLimiter(int64(r.requests), rateBurst),
			dials:    newLimiter(int64(r.dials), rateBurst),
			bytes:    newLimiter(r.bytes, 1),
		}
		r.by[p] = c
	}
	c.used = now
	return c
}

func newLimiter(perSecond, seconds int64) *rate.Limiter {
	if perSecond == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), int(min(perSecond*seconds, 1<<30)))
}

// forget makes room: of the clients examined, it drops the one that has been quiet longest. r.mu is held.
func (r *rates) forget() {
	var quiet netip.Addr
	looks := 0
	for p, c := range r.by { // in random order
		if !quiet.IsValid() || c.used.Before(r.by[quiet].used) {
			quiet = p
		}
		if looks++; looks == rateLooks {
			break
		}
	}
	delete(r.by, quiet)
}

// request reports whether client may make one more request now.
func (r *rates) request(client netip.Addr) bool {
	if r.requests == 0 || r.of(client).requests.Allow() {
		return true
	}
	r.counts.Requests.Add(1)
	return false
}

// dial reports whether one more connection may be opened for client now.
func (r *rates) dial(client netip.Addr) bool {
	if r.dials == 0 || r.of(client).dials.Allow() {
		return true
	}
	r.counts.Dials.Add(1)
	return false
}

// clientKey is the context key of the client that a dial is for; not set if dials are not limited.
type clientKey struct{}

// dialsFor returns a context in which connections are opened on behalf of client.
func (r *rates) dialsFor(ctx context.Context, client netip.Addr) context.Context {
	if r.dials == 0 {
		return ctx
	}
	return context.WithValue(ctx, clientKey{}, client)
}

// mayDial returns nil, or the refusal of one more connection for the client in ctx, which d permits.
func (r *rates) mayDial(ctx context.Context, d *policy.Decision) error {
	client, ok := ctx.Value(clientKey{}).(netip.Addr)
	if !ok || r.dial(client) {
		return nil
	}
	return &egress.RefusedError{Decision: d.Refused(policy.RateLimited)}
}

// A pace slows the transfers of a client down to its bytes a second. The zero pace does not.
type pace struct {
	limiter *rate.Limiter
	waits   *atomic.Int64
	stop    <-chan struct{} // ends a wait
}

// pace returns the pace of client's transfers; a wait ends when stop is closed.
func (r *rates) pace(client netip.Addr, stop <-chan struct{}) pace {
	if r.bytes == 0 {
		return pace{}
	}
	return pace{limiter: r.of(client).bytes, waits: &r.counts.Waits, stop: stop}
}

// most is how many of n bytes may be moved at once: a client should get a little often, rather than much seldom.
func (p *pace) most(n int) int {
	if p.limiter == nil {
		return n
	}
	return min(n, max(p.limiter.Burst()/4, minPace))
}

// spend waits until n more bytes, which have been moved, are within the limit, or until stop is closed.
func (p *pace) spend(n int) {
	if p.limiter == nil {
		return
	}
	for n > 0 {
		piece := min(n, p.limiter.Burst())
		n -= piece
		delay := p.limiter.ReserveN(time.Now(), piece).Delay()
		if delay == 0 {
			continue
		}
		p.waits.Add(1)
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-p.stop:
			timer.Stop()
			return
		}
	}
}

// checkRates returns what is wrong with the limits on rates.
func (o Options) checkRates() []error {
	var problems []error
	for _, r := range []struct {
		field string
		value int
	}{{"client_requests", o.ClientRequests}, {"client_dials", o.ClientDials}} {
		if r.value < 0 {
			problems = append(problems, &setting.OptionError{Field: r.field, Msg: "a negative number a second"})
		}
	}
	if o.ClientBytes != 0 && o.ClientBytes != setting.SizeOff && o.ClientBytes < minClientBytes {
		problems = append(problems, &setting.OptionError{Field: "client_bytes", Msg: o.ClientBytes.String() + " a second is less than " + minClientBytes.String()})
	}
	return problems
}

// minClientBytes is the least that client_bytes may be.
const minClientBytes = setting.Size(16 << 10)
