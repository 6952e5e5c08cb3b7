//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"webproxy/audit"
)

// tunnels are in use all the time, each by its own goroutine.
type tunnels struct {
	once     sync.Once // closes stopping
	stopping chan struct{}
	users    sync.WaitGroup
	sent     []int64 // by tunnel, once stopped
}

// openTunnels opens n tunnels to an echoing origin, permitted by one file and the other in turn,
// and uses them until stop is called. The test fails if one of them is cut.
func (p *process) openTunnels(n, port int) *tunnels {
	p.t.Helper()
	ts := &tunnels{stopping: make(chan struct{}), sent: make([]int64, n)}
	p.t.Cleanup(ts.stop)
	for i := range n {
		conn, err := p.tunnel(fmt.Sprintf("%s:%d", tunnelHost(i), port))
		if err != nil {
			p.t.Fatal(err)
		}
		ts.users.Go(func() {
			defer conn.Close()
			var err error
			if ts.sent[i], err = keepTalking(conn, ts.stopping); err != nil {
				p.t.Errorf("tunnel %d: after %d bytes: %v", i, ts.sent[i], err)
			}
		})
	}
	return ts
}

func tunnelHost(i int) string {
	return fmt.Sprintf("t%d.%s.test", i, []string{"tunnel", "list-tunnel"}[i%2])
}

// keepTalking sends words and reads them back, with pauses, and once more when stop is closed. It
// returns the number of bytes sent.
func keepTalking(conn net.Conn, stop <-chan struct{}) (sent int64, err error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for last := false; ; {
		conn.SetDeadline(time.Now().Add(patience)) // an error shows below
		words := fmt.Sprintf("still here after %d", sent)
		if _, err := io.WriteString(conn, words); err != nil {
			return sent, err
		}
		sent += int64(len(words))
		back := make([]byte, len(words))
		if _, err := io.ReadFull(conn, back); err != nil {
			return sent, err
		}
		if string(back) != words {
			return sent, fmt.Errorf("%q comes back as %q", words, back)
		}
		if last {
			return sent, nil
		}
		select {
		case <-stop:
			last = true
		case <-tick.C:
		}
	}
}

// stop ends all tunnels.
func (ts *tunnels) stop() {
	ts.once.Do(func() { close(ts.stopping) })
	ts.users.Wait()
}

// check checks that the log has each tunnel once, without an error, with its number of bytes.
func (ts *tunnels) check(t *testing.T, all []audit.Record) {
	t.Helper()
	ends := make(map[string]audit.Record)
	for _, r := range all {
		if r.Type == audit.TypeClose {
			ends[r.Host] = r
		}
	}
	for i, sent := range ts.sent {
		if r := ends[tunnelHost(i)]; r.Error != "" || r.BytesOut != sent || r.BytesIn != sent {
			t.Errorf("tunnel %d: %d bytes each way; the log has %d out, %d in, error %q", i, sent, r.BytesOut, r.BytesIn, r.Error)
		}
	}
}
