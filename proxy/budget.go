package proxy

import (
	"errors"
	"net/netip"
	"sync"
)

// A budget is an amount that clients share: all together have no more of it than limit, and each no more
// than share, so that one client cannot take it from all others. The zero budget has nothing to give.
// It is safe for concurrent use.
type budget struct {
	limit, share int64 // do not change once the budget is in use

	mu   sync.Mutex // guards what follows
	used int64
	by   map[netip.Addr]int64 // of each payer; none is 0
}

// Why a budget gives nothing.
var (
	errBudgetSpent = errors.New("all of it is in use")
	errShareSpent  = errors.New("the client has its share of it")
)

// take gives n to client, who has to give it back. The error is errBudgetSpent or errShareSpent.
func (b *budget) take(client netip.Addr, n int64) error {
	p := payer(client)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.by[p]+n > b.share:
		return errShareSpent
	case b.used+n > b.limit:
		return errBudgetSpent
	}
	if b.by == nil {
		b.by = make(map[netip.Addr]int64)
	}
	b.used += n
	b.by[p] += n
	return nil
}

// give takes back n that client has taken.
func (b *budget) give(client netip.Addr, n int64) {
	p := payer(client)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	if b.by[p] -= n; b.by[p] <= 0 {
		delete(b.by, p)
	}
}

// inUse is how much was taken and not given back.
func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// payer is whom limits for each client count: the address, of IPv6 the /64 that it is in. A host has as many
// addresses of its /64 as it likes (RFC 4291, 2.5.1; RFC 7934).
func payer(client netip.Addr) netip.Addr {
	client = client.Unmap()
	if !client.Is6() {
		return client
	}
	p, err := client.WithZone("").Prefix(64)
	if err != nil { // not for an IPv6 address and 64
		return client
	}
	return p.Addr()
}
