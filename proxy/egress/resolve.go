package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxAddrs bounds the addresses taken from one answer: a name must not make this proxy probe hundreds of
	// addresses.
	maxAddrs = 16
	// maxAnswerAge bounds how long an answer is used, whatever its TTL.
	maxAnswerAge = time.Minute
	// shortAnswerAge is for answers without a TTL, those of the hosts file, and the bound for "no such name".
	shortAnswerAge = 5 * time.Second
)

// A nameCache resolves names and caches the answers for their TTL, a minute at most. A name is looked up once for all
// callers that ask for it at the same time. It has no goroutines of its own; it is safe for concurrent use.
type nameCache struct {
	static  map[string][]netip.Addr // never changed
	server  string                  // the DNS server; empty for the system's
	network string                  // "ip", "ip4" or "ip6", for net.Resolver
	timeout time.Duration           // of one lookup
	delay   time.Duration           // see resolutionDelay
	limit   int                     // of answers
	now     func() time.Time
	files   admission // of sockets

	mu      sync.RWMutex // guards answers, flights and what they point to
	answers map[string]nameAnswer
	flights map[string]*nameFlight
}

// A nameAnswer is what a name resolves to: addresses, or an error that says there are none.
type nameAnswer struct {
	addrs   []netip.Addr // never changed
	err     error
	expires time.Time
	rest    string // the network whose addresses were not waited for; empty if none
}

// A nameFlight is a lookup in progress.
type nameFlight struct {
	done    chan struct{} // closed by the caller that looks up
	answer  nameAnswer    // not to be read before done is closed
	waiting int           // callers; guarded by nameCache.mu
	cancel  context.CancelFunc
}

func newNameCache(o Options, static map[string][]netip.Addr) *nameCache {
	return &nameCache{
		static:  static,
		server:  o.Resolver,
		network: o.Family.network(),
		timeout: o.DNSTimeout,
		delay:   resolutionDelay,
		limit:   o.MaxNames,
		now:     time.Now,
		answers: make(map[string]nameAnswer),
		flights: make(map[string]*nameFlight),
	}
}

// lookup returns the addresses of host, a normal name, in the order to try them: at least one and
// at most maxAddrs. The slice is shared; it must not be changed. An error is ctx's own, or a
// *net.DNSError.
func (c *nameCache) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	a := c.find(ctx, host)
	return a.addrs, a.err
}

// find is lookup, and also returns which network's addresses were not waited for.
func (c *nameCache) find(ctx context.Context, host string) nameAnswer {
	if addrs, ok := c.static[host]; ok {
		return nameAnswer{addrs: addrs}
	}
	c.mu.RLock()
	a, ok := c.answers[host]
	c.mu.RUnlock()
	if ok && c.now().Before(a.expires) {
		return a
	}
	return c.share(ctx, host)
}

// share joins the lookup of host that is in progress, or else becomes the one that looks up.
func (c *nameCache) share(ctx context.Context, host string) nameAnswer {
	c.mu.Lock()
	if f, ok := c.flights[host]; ok {
		f.waiting++
		c.mu.Unlock()
		select {
		case <-f.done:
			return f.answer
		case <-ctx.Done():
			c.leave(host, f)
			return nameAnswer{err: ctx.Err()}
		}
	}
	// The lookup is shared. It has its own time limit, and the caller that does it may leave without failing the
	// others. It then ends only when nobody waits any more.
	shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
	defer cancel()
	f := &nameFlight{done: make(chan struct{}), waiting: 1, cancel: cancel}
	c.flights[host] = f
	c.mu.Unlock()

	stop := context.AfterFunc(ctx, func() { c.leave(host, f) })
	defer stop()
	answer, age := c.ask(shared, host, c.network)

	c.mu.Lock()
	if age > 0 {
		c.remember(host, answer, age)
	}
	if c.flights[host] == f {
		delete(c.flights, host)
	}
	f.answer = answer
	c.mu.Unlock()
	close(f.done)
	if answer.err != nil && ctx.Err() != nil {
		return nameAnswer{err: ctx.Err()}
	}
	return answer
}

// leave removes one caller from f. The last one ends it; later callers start another.
func (c *nameCache) leave(host string, f *nameFlight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.waiting--
	if f.waiting > 0 {
		return
	}
	f.cancel()
	if c.flights[host] == f {
		delete(c.flights, host)
	}
}

// remember keeps an answer. If the cache is full, expired answers are dropped, or else any other: that costs one more
// lookup, whichever it is. The caller holds c.mu.
func (c *nameCache) remember(host string, a nameAnswer, age time.Duration) {
	now := c.now()
	if _, ok := c.answers[host]; !ok && len(c.answers) >= c.limit {
		victim, seen := "", 0
		for name, old := range c.answers { // in random order
			victim = name
			if seen++; !now.Before(old.expires) || seen == 16 {
				break
			}
		}
		delete(c.answers, victim)
	}
	a.expires = now.Add(age)
	c.answers[host] = a
}

// ask looks up the addresses of host in network, and returns how long the answer may be cached; zero if it must not
// be.
func (c *nameCache) ask(ctx context.Context, host, network string) (nameAnswer, time.Duration) {
	note := &dnsNote{patience: c.delay, files: c.files}
	var dials atomic.Int32 // it may ask for several record types at a time
	resolver := net.Resolver{
		PreferGo: true, // the system's resolver would hide the TTL and obey GODEBUG
		Dial: func(attempt context.Context, network, address string) (net.Conn, error) {
			if c.server != "" {
				address = c.server
			} else {
				address = systemServer(address, int(dials.Add(1))-1)
			}
			// Two attempts must fit into the time limit: one lost packet is not a failed lookup.
			return note.dial(attempt, ctx, network, address, c.timeout*2/5)
		},
	}
	// The final dot: exactly the name decided about, no search domains.
	found, err := resolver.LookupNetIP(ctx, network, host+".")
	if err != nil {
		return nameAnswer{err: err}, note.negativeAge(err)
	}
	addrs := usableAddrs(found)
	if len(addrs) == 0 {
		return nameAnswer{err: &net.DNSError{Err: "no usable address", Name: host, IsNotFound: true}}, 0
	}
	return nameAnswer{addrs: addrs, rest: note.rest()}, note.age()
}

// usableAddrs returns a copy of addrs, each once, IPv4 as IPv4, without zones (they are valid on one machine only),
// families alternating (RFC 8305, section 4) beginning with the first one's, and no more than maxAddrs.
func usableAddrs(addrs []netip.Addr) []netip.Addr {
	var first, second []netip.Addr // of the first address's family, of the other
	for _, a := range addrs {
		a = a.Unmap()
		switch {
		case !a.IsValid(), a.Zone() != "", slices.Contains(first, a), slices.Contains(second, a):
		case len(first) == 0 || a.Is4() == first[0].Is4():
			if len(first) < maxAddrs {
				first = append(first, a)
			}
		case len(second) < maxAddrs:
			second = append(second, a)
		}
	}
	mixed := make([]netip.Addr, 0, min(maxAddrs, len(first)+len(second)))
	for i := 0; len(mixed) < cap(mixed); i++ {
		if i < len(first) {
			mixed = append(mixed, first[i])
		}
		if i < len(second) && len(mixed) < cap(mixed) {
			mixed = append(mixed, second[i])
		}
	}
	return mixed
}

// isNoSuchName reports whether err is DNS saying that the name does not exist.
func isNoSuchName(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}
