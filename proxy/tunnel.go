package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
	"webproxy/proxy/internal/clienthello"
)

// A tunnel copies bytes both ways after a CONNECT. Its fields are set before run and not changed after.
//
// While nothing moves it holds two descriptors, two goroutines and no buffer.
type tunnel struct {
	client, origin net.Conn
	// buffered is what the client sent together with the CONNECT head.
	buffered []byte
	// idle ends the tunnel when no byte has moved for that time, or up to a quarter longer. If zero, silence does not
	// end it: TCP keep-alive finds peers that are gone.
	idle time.Duration
	// halfCloseTimeout is idle for a tunnel of which one direction has ended. Without it, a client that disconnected
	// and an origin that sends nothing would stay for ever. If zero, it is idle.
	halfCloseTimeout time.Duration
	// stall ends the tunnel when one side reads nothing of what is to be delivered to it for that time, or up to
	// twice as long. If zero, there is no limit.
	stall time.Duration
	// pools lends buffers and pipes. If nil, the tunnel has its own.
	pools *tunnelPools
	// pace slows both directions down. over, which stop closes, ends its waits; if nil, there is no pace.
	pace pace
	over chan struct{}
	// checkHello checks the first bytes from the client, before any of them is delivered. An error refuses the
	// tunnel. If nil, bytes are not checked. See client_hello.go.
	checkHello func(*clienthello.Hello) *clientHelloRefusal
	// clientHelloTimeout bounds the time from the first byte of a ClientHello to its last; 0 is no limit.
	clientHelloTimeout time.Duration

	out, in atomic.Int64 // bytes delivered, client to origin and back; may be read at any time
	halves  atomic.Int32 // directions whose stream has ended
	running atomic.Int32 // directions that have not ended, parked or not
	ended   func()       // called when none is left

	// lot parks directions in which nothing moves. If nil, they keep their goroutines.
	lot        *parkingLot
	prev, next *tunnel // in it
	watched    bool    // it is in it; guarded by its mu, as the links
	settled    bool    // one look has seen it; guarded by mu, as flows and their states
	flows      [2]*tunnelFlow

	once    sync.Once
	mu      sync.Mutex    // guards end, watches and what says so above
	end     tunnelEnd     // why it is over; tunnelOpen until then
	watches []*time.Timer // for silence
}

// A tunnelEnd is why a tunnel ended.
type tunnelEnd uint8

const (
	tunnelOpen    tunnelEnd = iota // it has not
	tunnelClosed                   // both directions came to their end
	tunnelFailed                   // one side failed
	tunnelIdle                     // nothing moved
	tunnelStalled                  // one side read nothing for too long
	tunnelCut                      // cut was called
	tunnelRefused                  // checkHello refused it; the client's end is still open
)

// run copies bytes until both directions have ended, the tunnel has been idle for t.idle, one side fails or reads
// nothing for t.stall, t.checkHello refuses it, or cut is called. It closes both ends before it returns what was
// delivered, and why it ended; but after tunnelRefused the client's end is for the caller to close, so that the
// client can read why. It must be called once.
func (t *tunnel) run() (out, in int64, end tunnelEnd) {
	if t.pools == nil {
		t.pools = &tunnelPools{}
		defer t.pools.close()
	}
	over := make(chan struct{})
	t.begin(func() { close(over) })
	<-over
	return t.out.Load(), t.in.Load(), t.end
}

// begin is run without the wait for the end of the tunnel: ended is called then, once. It copies bytes from the
// client to the origin in the caller's goroutine, until that direction has ended or is parked.
func (t *tunnel) begin(ended func()) {
	if t.idle > 0 {
		t.stopWhenSilent(t.idle)
	}
	t.ended = ended
	t.running.Store(int32(len(t.flows)))
	toOrigin := &tunnelFlow{tunnel: t, dst: t.origin, src: t.client, moved: &t.out, pools: t.pools, stall: t.stall, pace: t.pace, seen: -1}
	toClient := &tunnelFlow{tunnel: t, dst: t.client, src: t.origin, moved: &t.in, pools: t.pools, stall: t.stall, pace: t.pace, seen: -1}
	t.mu.Lock()
	t.flows = [2]*tunnelFlow{toOrigin, toClient}
	t.mu.Unlock()
	toOrigin.prepare()
	toClient.prepare()
	if t.lot != nil {
		t.lot.watch(t)
	}
	go t.copy(toClient, nil)
	t.copy(toOrigin, t.open)
}

// flowEnded is called at the end of f's last goroutine.
func (t *tunnel) flowEnded(f *tunnelFlow) {
	t.mu.Lock()
	f.state = flowEnded
	t.mu.Unlock()
	if t.running.Add(-1) > 0 {
		return
	}
	t.stop(tunnelClosed) // it is over already; this waits until both ends are closed
	if t.lot != nil {
		t.lot.leave(t)
	}
	t.ended()
}

// cut ends the tunnel at once; run then returns. It may be called at any time, by any goroutine, also
// before run. When it returns both ends are closed.
func (t *tunnel) cut() { t.stop(tunnelCut) }

// stop closes both ends, once; the first caller says why, and the others wait for it.
func (t *tunnel) stop(why tunnelEnd) {
	t.once.Do(func() {
		t.mu.Lock()
		t.end = why
		for _, w := range t.watches {
			w.Stop()
		}
		t.mu.Unlock()
		if t.over != nil {
			close(t.over)
		}
		if why == tunnelFailed || why == tunnelStalled || why == tunnelCut {
			// A stream that failed must not look finished at the other side.
			resetOnClose(t.client)
			resetOnClose(t.origin)
		}
		if why != tunnelRefused {
			t.client.Close()
		}
		t.origin.Close()
		if t.lot != nil {
			t.unparkAll() // to their end
		}
	})
}

// copy copies one direction's bytes to its end, or until it is parked. open, if any, copies the first bytes.
func (t *tunnel) copy(f *tunnelFlow, open func(*tunnelFlow) error) {
	var err error
	if open != nil {
		err = open(f)
	}
	if err == nil {
		t.opened(f)
	}
	for err == nil {
		f.pay()
		if err = f.move(); err != nil {
			parked, goesOn := t.park(f, err)
			if parked {
				return
			}
			if goesOn {
				err = nil
			}
		}
	}
	t.finish(f, err)
	t.flowEnded(f)
}

// opened notes that f may be parked from now on.
func (t *tunnel) opened(f *tunnelFlow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.state == flowOpening {
		f.state = flowMoving
	}
}

// finish tells f.dst that no more bytes will come, if err is the end of the stream; the other direction may go on.
// Any other error ends the tunnel.
func (t *tunnel) finish(f *tunnelFlow, err error) {
	switch {
	case errors.Is(err, errStalled):
		t.stop(tunnelStalled)
		return
	case !errors.Is(err, io.EOF):
		t.stop(tunnelFailed)
		return
	}
	half, ok := f.dst.(interface{ CloseWrite() error })
	if t.halves.Add(1) == 2 || !ok {
		// This is the last direction, or dst cannot be closed by halves: closing it has the same effect.
		t.stop(tunnelClosed)
		return
	}
	if half.CloseWrite() != nil {
		t.stop(tunnelFailed)
		return
	}
	if t.halfCloseTimeout > 0 {
		t.stopWhenSilent(t.halfCloseTimeout)
	}
}

// stopWhenSilent ends the tunnel when no byte has moved for limit. It checks four times in that time, so that copying
// bytes costs neither a clock reading nor a timer. The watch ends with the tunnel.
func (t *tunnel) stopWhenSilent(limit time.Duration) {
	const looks = 4
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.end != tunnelOpen {
		return
	}
	var (
		watch *time.Timer
		seen  = t.out.Load() + t.in.Load()
		quiet int
	)
	watch = time.AfterFunc(limit/looks, func() {
		if moved := t.out.Load() + t.in.Load(); moved != seen {
			seen, quiet = moved, 0
		} else if quiet++; quiet == looks {
			t.stop(tunnelIdle)
			return
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.end == tunnelOpen {
			watch.Reset(limit / looks)
		}
	})
	t.watches = append(t.watches, watch)
}

// resetOnClose makes Close send a reset and drop what was not sent yet, where the connection can.
func resetOnClose(c net.Conn) {
	switch c := c.(type) {
	case interface{ SetLinger(int) error }:
		c.SetLinger(0)
	case *tls.Conn:
		// A close_notify would say that the stream has ended regularly.
		resetOnClose(c.NetConn())
		c.NetConn().Close()
	}
}
