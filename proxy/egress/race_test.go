package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A raceTrack is what a dialRace dials in a test.
type raceTrack struct {
	start   time.Time
	runners map[string]raceRunner

	mu      sync.Mutex // guards what follows
	dialled []string   // "address@time"
	open    int        // connections that nobody closed yet
}

// A raceRunner answers after a time, or fails.
type raceRunner struct {
	after time.Duration
	err   error
}

// A trackConn counts itself off when it is closed.
type trackConn struct {
	net.Conn
	track *raceTrack
}

func (c trackConn) Close() error {
	c.track.count(-1)
	return nil
}

func (tr *raceTrack) count(n int) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.open += n
}

func (tr *raceTrack) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	tr.mu.Lock()
	tr.dialled = append(tr.dialled, fmt.Sprintf("%v@%v", addr.Addr(), time.Since(tr.start)))
	tr.mu.Unlock()
	r := tr.runners[addr.Addr().String()]
	select {
	case <-time.After(r.after):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if r.err != nil {
		return nil, r.err
	}
	tr.count(1)
	return trackConn{track: tr}, nil
}

func TestDialRace(t *testing.T) {
	const ms = time.Millisecond
	dead := errors.New("dead")
	for _, tt := range []struct {
		name    string
		winner  string
		took    time.Duration
		dialled string
		runners map[string]raceRunner
	}{
		{"the first is quick", "10.0.0.1", 100 * ms, "[10.0.0.1@0s]",
			map[string]raceRunner{"10.0.0.1": {after: 100 * ms}}},
		{"the first is slow, the second gets 250 ms later", "10.0.0.2", 260 * ms, "[10.0.0.1@0s 10.0.0.2@250ms]",
			map[string]raceRunner{"10.0.0.1": {after: time.Hour}, "10.0.0.2": {after: 10 * ms}}},
		{"the first is slow but wins", "10.0.0.1", 300 * ms, "[10.0.0.1@0s 10.0.0.2@250ms]",
			map[string]raceRunner{"10.0.0.1": {after: 300 * ms}, "10.0.0.2": {after: 100 * ms}}},
		{"the first fails, the next follows at once", "10.0.0.2", 15 * ms, "[10.0.0.1@0s 10.0.0.2@5ms]",
			map[string]raceRunner{"10.0.0.1": {after: 5 * ms, err: dead}, "10.0.0.2": {after: 10 * ms}}},
		{"a tie: one wins, one is closed", "", 350 * ms, "[10.0.0.1@0s 10.0.0.2@250ms]",
			map[string]raceRunner{"10.0.0.1": {after: 350 * ms}, "10.0.0.2": {after: 100 * ms}}},
		{"all fail", "failed", 20 * ms, "[10.0.0.1@0s 10.0.0.2@5ms 10.0.0.3@10ms 10.0.0.4@15ms]",
			map[string]raceRunner{"10.0.0.1": {5 * ms, dead}, "10.0.0.2": {5 * ms, dead}, "10.0.0.3": {5 * ms, dead}, "10.0.0.4": {5 * ms, dead}}},
		{"time runs out, none is started after", "failed", 600 * ms, "[10.0.0.1@0s 10.0.0.2@250ms 10.0.0.3@500ms]",
			map[string]raceRunner{"10.0.0.1": {after: time.Hour}, "10.0.0.2": {after: time.Hour}, "10.0.0.3": {after: time.Hour}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				track := &raceTrack{start: time.Now(), runners: tt.runners}
				var addrs []netip.AddrPort
				for _, s := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"} {
					addrs = append(addrs, netip.AddrPortFrom(netip.MustParseAddr(s), 443))
				}
				ctx, cancel := context.WithTimeout(t.Context(), 600*ms)
				defer cancel()
				conn, addr, err := dialRace{dial: track.dial}.run(ctx, addrs)
				if (err != nil) != (tt.winner == "failed") || err == nil && tt.winner != "" && addr.Addr().String() != tt.winner {
					t.Errorf("winner %v, %v; want %s", addr, err, tt.winner)
				}
				if took := time.Since(track.start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if got := fmt.Sprint(track.dialled); got != tt.dialled {
					t.Errorf("dialled %s, want %s", got, tt.dialled)
				}
				if conn != nil {
					conn.Close()
				}
				if track.open != 0 { // run has waited for all
					t.Errorf("%d connections left open", track.open)
				}
			})
		})
	}
}
