//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A load is denied requests at a steady rate, each with a record.
type load struct {
	mu   sync.Mutex // guards all below
	took []time.Duration
	err  error
}

const (
	loadConns = 50
	loadHosts = 500
)

// run sends requests until ctx is done.
func (l *load) run(ctx context.Context, addr string, rate int) {
	var wg sync.WaitGroup
	for i := range loadConns {
		wg.Go(func() {
			took, err := ask(ctx, addr, i, time.Duration(loadConns)*time.Second/time.Duration(rate))
			l.mu.Lock()
			defer l.mu.Unlock()
			l.took = append(l.took, took...)
			l.err = errors.Join(l.err, err)
		})
	}
	wg.Wait()
}

// ask sends requests on one connection at intervals; late ones are skipped.
func ask(ctx context.Context, addr string, i int, every time.Duration) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := i; ; n++ {
		select {
		case <-ctx.Done():
			return took, nil
		case <-tick.C:
		}
		at := time.Now()
		fmt.Fprintf(conn, "GET http://host%03d.example.com/ HTTP/1.1\r\nHost: host%03d.example.com\r\n\r\n", n%loadHosts, n%loadHosts)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return took, err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return took, err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			return took, errors.New(resp.Status)
		}
		if resp.Close {
			conn.Close()
			if conn, err = net.Dial("tcp", addr); err != nil {
				return took, err
			}
			defer conn.Close()
			r.Reset(conn)
		}
		took = append(took, time.Since(at))
	}
}

// filters are the filters of viewers.
var filters = []string{"", "decision = deny", "host = host001.example.com", "group = nodes", "client = 127.0.0.1", "decision = allow", "reason = host_not_listed", "port = 80"}

// watch watches Live with n viewers until ctx is done, and returns their total number of frames.
func watch(ctx context.Context, admin string, n int) (frames int64, err error) {
	var got atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			r, _ := http.NewRequestWithContext(ctx, "GET", "http://"+admin+"/live/events?q="+url.QueryEscape(filters[i%len(filters)]), nil)
			resp, e := http.DefaultTransport.RoundTrip(r)
			if e == nil && resp.StatusCode != http.StatusOK {
				e = errors.New(resp.Status)
			}
			if e == nil {
				defer resp.Body.Close()
				lines := bufio.NewScanner(resp.Body)
				lines.Buffer(nil, 1<<20)
				for lines.Scan() {
					if strings.HasPrefix(lines.Text(), "data:") {
						got.Add(1)
					}
				}
				e = lines.Err()
			}
			if e != nil && ctx.Err() == nil {
				mu.Lock()
				err = errors.Join(err, e)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return got.Load(), err
}

// A kind is one way to run the proxy under the same load.
type kind struct {
	name      string
	dashboard bool
	viewers   int
	// the measurements of all rounds
	cpu, wall time.Duration
	took      []time.Duration
	frames    int64
}

// measureCost measures the processor time of the proxy and the latency of requests under the same load: without a dashboard, with
// an idle one, and with viewers.
func (b *bench) measureCost() error {
	kinds := []*kind{{name: "no dashboard"}, {name: "a dashboard", dashboard: true}, {name: fmt.Sprintf("%d viewers of Live", b.viewers), dashboard: true, viewers: b.viewers}}
	for round := range b.rounds {
		for i := range kinds {
			k := kinds[(i+round)%len(kinds)]
			log.Printf("round %d: %s", round+1, k.name)
			if err := b.measureKind(k, fmt.Sprintf("cost-%d-%d", round, i)); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
	}
	fmt.Printf("%d requests a second were asked for, all denied and each recorded; %d rounds of %s of each kind, which took turns.\n\n", b.rate, b.rounds, b.round)
	fmt.Println("| | requests/s | processor, % of one | p50, ms | p99, ms | frames/s |\n|---|---|---|---|---|---|")
	for _, k := range kinds {
		fmt.Printf("| %s | %.0f | %.1f | %.2f | %.2f | %.0f |\n", k.name, float64(len(k.took))/k.wall.Seconds(), k.percent(), float64(quantile(k.took, 0.5))/1e6, float64(quantile(k.took, 0.99))/1e6, float64(k.frames)/k.wall.Seconds())
	}
	p99 := func(k *kind) float64 { return float64(quantile(k.took, 0.99)) / 1e6 }
	fmt.Printf("\n| | | goal |\n|---|---|---|\n| the follower and the feed, nobody looking | %.1f %% of a processor | 2 %% |\n", kinds[1].percent()-kinds[0].percent())
	fmt.Printf("| %d viewers: processor time of the proxy, beside the same load with none | x %.3f | x 1.05 |\n| p99 of a request, beside the same load with none | %+.2f ms | +1 ms |\n",
		b.viewers, kinds[2].percent()/kinds[1].percent(), p99(kinds[2])-p99(kinds[1]))
	return nil
}

func (k *kind) percent() float64 { return 100 * k.cpu.Seconds() / k.wall.Seconds() }

// measureKind runs one round, with a log of its own.
func (b *bench) measureKind(k *kind, name string) error {
	dir := filepath.Join(b.dir, name)
	path, err := b.configure(name, dir, k.dashboard)
	if err != nil {
		return err
	}
	p, err := b.start(path)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer p.stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	var frames int64
	var watching error
	if k.viewers > 0 {
		wg.Go(func() { frames, watching = watch(ctx, p.admin, k.viewers) })
	}
	warm := &load{}
	warmed, done := context.WithTimeout(ctx, b.round/5)
	warm.run(warmed, p.addr, b.rate)
	done()
	l := &load{}
	cpu, began := p.cpu(), time.Now()
	timed, done := context.WithTimeout(ctx, b.round)
	l.run(timed, p.addr, b.rate)
	done()
	k.wall += time.Since(began)
	k.cpu += p.cpu() - cpu
	cancel()
	wg.Wait()
	k.took = append(k.took, l.took...)
	k.frames += frames
	return errors.Join(warm.err, l.err, watching)
}

// measureStalled measures how much data the system holds for a viewer of Live that does not read, and when the viewer is dropped.
func (b *bench) measureStalled() error {
	path, err := b.configure("stalled", filepath.Join(b.dir, "stalled"), true)
	if err != nil {
		return err
	}
	p, err := b.start(path)
	if err != nil {
		return err
	}
	defer p.stop()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	}}
	conn, err := d.Dial("tcp", p.admin)
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /live/events HTTP/1.1\r\nHost: %s\r\n\r\n", p.admin)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { (&load{}).run(ctx, p.addr, b.rate) })
	defer wg.Wait()
	defer cancel()
	var most int64
	full := time.Now() // when the held data last grew
	limit := time.Now().Add(2 * time.Minute)
	for {
		held, there := queued(p.admin, conn.LocalAddr().String())
		if !there {
			break
		}
		if held > most {
			most, full = held, time.Now()
		}
		if time.Now().After(limit) {
			return errors.New("a viewer that does not read is still there after two minutes")
		}
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Printf("A viewer that does not read was gone %.1f s after the last byte that was taken from the proxy (goal 5 s); the system held at most %d KB for it (goal 64 KB).\n\n",
		time.Since(full).Seconds(), most>>10)
	return nil
}

// queued is how many bytes the system holds that were sent from one IPv4 address to another and not read; false if there is no open
// connection.
func queued(from, to string) (int64, bool) {
	text, _ := os.ReadFile("/proc/net/tcp")
	a, b := procAddr(from), procAddr(to)
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) > 4 && f[1] == a && f[2] == b && slices.Contains([]string{"01", "08"}, f[3]) { // ESTABLISHED, CLOSE_WAIT
			n, _ := strconv.ParseInt(strings.Split(f[4], ":")[0], 16, 64)
			return n, true
		}
	}
	return 0, false
}

// procAddr is an address as /proc/net/tcp has it.
func procAddr(s string) string {
	host, port, _ := net.SplitHostPort(s)
	ip := net.ParseIP(host).To4()
	n, _ := strconv.Atoi(port)
	if ip == nil {
		return ""
	}
	return fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], n)
}
