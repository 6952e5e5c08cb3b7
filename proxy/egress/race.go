package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
	"webproxy/internal/proxystatus"
)

// attemptDelay is how long one attempt has before the next address is tried in parallel (RFC 8305, section 5).
const attemptDelay = 250 * time.Millisecond

// A dialRace connects to the first of several addresses that accepts.
type dialRace struct {
	dial func(context.Context, netip.AddrPort) (net.Conn, error)
}

// A dialAttempt is the result of one dial.
type dialAttempt struct {
	conn net.Conn
	addr netip.AddrPort
	err  error
}

// run tries addrs in their order, each attemptDelay after the one before it or as soon as one has failed. The first
// connection wins. All other attempts have ended when run returns, and their connections are closed. Without a winner
// it returns the most informative failure and its address.
func (r dialRace) run(ctx context.Context, addrs []netip.AddrPort) (net.Conn, netip.AddrPort, error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan dialAttempt, len(addrs)) // buffered, so that no attempt blocks
	var running sync.WaitGroup
	defer func() { // the losers
		cancel()
		running.Wait()
		close(ended)
		for a := range ended {
			if a.conn != nil {
				a.conn.Close()
			}
		}
	}()
	started, failed := 0, 0
	start := func() {
		addr := addrs[started]
		started++
		running.Go(func() {
			conn, err := r.dial(ctx, addr)
			ended <- dialAttempt{conn, addr, err}
		})
	}

	var worst dialAttempt
	next := time.NewTimer(attemptDelay)
	defer next.Stop()
	start()
	for {
		select {
		case a := <-ended:
			if a.err == nil {
				return a.conn, a.addr, nil
			}
			failed++
			if worst.err == nil || saysLittle(worst.err) {
				worst = a
			}
		case <-next.C:
		}
		// Attempts share the context, so they all end with it: none is started after.
		if started < len(addrs) && ctx.Err() == nil {
			start()
			next.Reset(attemptDelay)
		} else if failed == started {
			return nil, worst.addr, worst.err
		}
	}
}

// saysLittle reports whether err only means that this machine has no route for an address family, as for IPv6 in most
// IPv4 networks: any other failure is more informative.
func saysLittle(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && errnoWord(errno) == proxystatus.Unroutable
}
