//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"webproxy/audit"
)

// TestKill kills webproxy in mid-traffic, repeatedly. Whatever reached an origin must be in the
// audit log, whose numbers have no gaps.
func TestKill(t *testing.T) {
	rounds := number(t, "E2E_KILLS", 20)
	s, origin := newArrivals(t)
	moments := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		p := s.start()
		stop := make(chan struct{})
		var clients sync.WaitGroup
		for n := range 6 {
			clients.Go(func() { p.askUntil(stop, origin, fmt.Sprintf("r%dc%d", round, n)) })
		}
		// The moment is random: after some number of requests, at any point of the process.
		moment := origin.count.Load() + 1 + moments.Int64N(300)
		eventually(t, "requests reach the origin", func() bool { return origin.count.Load() >= moment })
		p.kill()
		close(stop)
		clients.Wait()
	}
	last := s.start()
	last.stop()
	kinds := origin.check(t, s)
	if kinds[audit.TypeStart] != rounds+1 || kinds[audit.TypeStop] != 1 {
		t.Errorf("%d starts and %d stops in the audit log, want %d and 1", kinds[audit.TypeStart], kinds[audit.TypeStop], rounds+1)
	}
}
