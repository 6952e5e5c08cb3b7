package account

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits on guessing. A user is locked out for one network place, never for all: somebody who knows a name cannot lock its owner
// out.
const (
	// lockAfter failures in a row for a user from a place, the last within lockFor, lock that user out there for lockFor.
	lockAfter = 5
	lockFor   = 15 * time.Minute
	// placeBurst logins may be tried from one place at once, then one each placeEvery.
	placeBurst = 10
	placeEvery = 6 * time.Second
	// userBurst and userEvery are the same for one user from all places, allBurst and allEvery for everybody from everywhere. Neither
	// holds for a user at a place where that user has logged in before.
	userBurst = 20
	userEvery = 10 * time.Second
	allBurst  = 20
	allEvery  = 500 * time.Millisecond
	// most bounds each of the tables; the oldest item is removed first.
	most = 4096
)

// A Guard limits the guessing of passwords. The zero Guard is ready for use. It is safe for concurrent use.
type Guard struct {
	mu     sync.Mutex // guards all below
	pairs  map[pair]*failures
	places map[netip.Prefix]*paced
	users  map[string]*paced
	known  map[pair]time.Time // when the user last logged in from there
	all    *rate.Limiter
}

// A pair is a user, by name in lower case, at a place.
type pair struct {
	user  string
	place netip.Prefix
}

type failures struct {
	n    int
	last time.Time
}

type paced struct {
	*rate.Limiter
	last time.Time
}

// placeOf is the place of an address: itself, or its /64 network for IPv6.
func placeOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// Try returns how long to wait before a login of user may be tried from an address; 0 if it may be tried now. locked reports
// whether the user is locked out there, and not only slowed down.
func (g *Guard) Try(user string, from netip.Addr, now time.Time) (wait time.Duration, locked bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := pair{strings.ToLower(user), placeOf(from)}
	if f := g.pairs[p]; f != nil && f.n >= lockAfter {
		if left := lockFor - now.Sub(f.last); left > 0 {
			return left, true
		}
		delete(g.pairs, p)
	}
	if wait := limited(&g.places, p.place, placeEvery, placeBurst, now); wait > 0 {
		return wait, false
	}
	if _, ok := g.known[p]; ok {
		return 0, false
	}
	if wait := limited(&g.users, p.user, userEvery, userBurst, now); wait > 0 {
		return wait, false
	}
	if g.all == nil {
		g.all = rate.NewLimiter(rate.Every(allEvery), allBurst)
	}
	return take(g.all, now), false
}

// limited takes a token of k, or returns how long to wait for one.
func limited[K comparable](table *map[K]*paced, k K, every time.Duration, burst int, now time.Time) time.Duration {
	if *table == nil {
		*table = map[K]*paced{}
	}
	l := (*table)[k]
	if l == nil {
		makeRoom(*table, func(p *paced) time.Time { return p.last })
		l = &paced{Limiter: rate.NewLimiter(rate.Every(every), burst)}
		(*table)[k] = l
	}
	l.last = now
	return take(l.Limiter, now)
}

// take takes a token, or returns how long to wait for one.
func take(l *rate.Limiter, now time.Time) time.Duration {
	r := l.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait
	}
	return 0
}

// makeRoom removes the oldest item of a full table.
func makeRoom[K comparable, V any](table map[K]V, at func(V) time.Time) {
	if len(table) < most {
		return
	}
	var oldest K
	var when time.Time
	for k, v := range table {
		if t := at(v); when.IsZero() || t.Before(when) {
			oldest, when = k, t
		}
	}
	delete(table, oldest)
}

// Failed counts a wrong password. It reports whether the user is locked out there from now on.
func (g *Guard) Failed(user string, from netip.Addr, now time.Time) (locked bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := pair{strings.ToLower(user), placeOf(from)}
	f := g.pairs[p]
	if f == nil || now.Sub(f.last) >= lockFor {
		if g.pairs == nil {
			g.pairs = map[pair]*failures{}
		}
		makeRoom(g.pairs, func(f *failures) time.Time { return f.last })
		f = &failures{}
		g.pairs[p] = f
	}
	f.n++
	f.last = now
	return f.n == lockAfter
}

// Passed records that a user has logged in.
func (g *Guard) Passed(user string, from netip.Addr, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := pair{strings.ToLower(user), placeOf(from)}
	delete(g.pairs, p)
	if g.known == nil {
		g.known = map[pair]time.Time{}
	}
	if _, there := g.known[p]; !there {
		makeRoom(g.known, func(t time.Time) time.Time { return t })
	}
	g.known[p] = now
}
