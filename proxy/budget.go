package proxy

import (
	"errors"
	"net/netip"
	"sync"
)

// A budget is an amount that clients share. All together have at most limit, each at most share, so that one client
// cannot use it up for all others. The zero budget is empty. It is safe for concurrent use.
type budget struct {
	limit, share int64 // set before the first use

	mu   sync.Mutex // guards what follows
	used int64
	by   map[netip.Addr]int64 // what each payer has taken; no entry is 0
}

// Why a budget refuses a request for more.
var (
	errBudgetSpent = errors.New("all of it is in use")
	errShareSpent  = errors.New("the client has its share of it")
)

// take takes n on behalf of client, who must give it back. The error is errBudgetSpent or errShareSpent.
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

// give returns n that client has taken.
func (b *budget) give(client netip.Addr, n int64) {
	p := payer(client)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	if b.by[p] -= n; b.by[p] <= 0 {
		delete(b.by, p)
	}
}

// inUse is how much is taken now.
func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// payer is the address that limits for each client count by: an IPv4 address, or the /64 of an IPv6 address. A host
// can use as many addresses of its /64 as it likes (RFC 4291, 2.5.1; RFC 7934).
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
