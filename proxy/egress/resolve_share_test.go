package egress

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
	"webproxy/internal/dnstest"

	"golang.org/x/net/dns/dnsmessage"
)

// waiting is how many callers wait for host.
func waiting(c *nameCache, host string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[host]; f != nil {
		return f.waiting
	}
	return 0
}

func TestResolveSharesALookup(t *testing.T) {
	release := make(chan struct{})
	s := dnstest.Start(t, func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool {
		<-release
		return dnstest.Zone(0, "10.0.0.1")(q, reply, tcp)
	})
	c, _ := cacheFor(s)
	c.timeout = time.Hour // no second try on a slow machine
	const callers = 10
	results := make(chan error, callers)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		_, err := c.lookup(ctx, "origin.test") // the one that looks up
		results <- err
	}()
	for waiting(c, "origin.test") != 1 {
		runtime.Gosched()
	}
	for range callers - 1 {
		go func() {
			_, err := c.lookup(t.Context(), "origin.test")
			results <- err
		}()
	}
	for waiting(c, "origin.test") != callers {
		runtime.Gosched()
	}
	leave() // must not fail the others
	for waiting(c, "origin.test") != callers-1 {
		runtime.Gosched()
	}
	close(release)
	for range callers {
		if err := <-results; err != nil {
			t.Errorf("lookup: %v", err)
		}
	}
	if n := s.Queries(); n != 2 {
		t.Errorf("%d callers asked %d times, want once for each type", callers, n)
	}
}

func TestResolveEndsWhenNobodyWaits(t *testing.T) {
	release := make(chan struct{})
	s := dnstest.Start(t, func(dnsmessage.Question, *dnsmessage.Message, bool) bool { <-release; return false })
	defer close(release)
	c, _ := cacheFor(s)
	first, leaveFirst := context.WithCancel(t.Context())
	second, leaveSecond := context.WithCancel(t.Context())
	results := make(chan error, 2)
	for i, ctx := range []context.Context{first, second} {
		go func() { _, err := c.lookup(ctx, "origin.test"); results <- err }()
		for waiting(c, "origin.test") != i+1 {
			runtime.Gosched()
		}
	}
	leaveSecond()
	leaveFirst()
	for range 2 { // long before c.timeout
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("lookup = %v, want context.Canceled", err)
		}
	}
	if len(c.flights) != 0 {
		t.Error("the lookup is still under way")
	}
}
