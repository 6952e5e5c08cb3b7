//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// workMany measures 100,000 names: memory and the first response after a start, how long a change takes, and memory after it. A change of
// 10,000 names is timed too.
func workMany(b *bench, _ string) {
	counts := [2]int{100_000, 10_000}
	if b.quick {
		counts = [2]int{1_000, 100}
	}
	for range min(b.rounds, 3) {
		b.each(all, func(p *peer) error {
			if p.most < 100_000 || p.fixed {
				b.report.note("memory with 100,000 names, MB", "%.0f", p.name, fmt.Sprintf("%d names at most", p.most))
				return nil
			}
			if err := b.many(p, counts[0]); err != nil {
				return err
			}
			return b.fewer(p, counts[1])
		})
	}
}

func (b *bench) many(p *peer, count int) error {
	began := time.Now()
	proc, s, err := b.start(p, count)
	if err != nil {
		return err
	}
	defer proc.stop()
	if _, err := denied(p, proc); err != nil {
		return err
	}
	b.report.add("list of 100,000 names written, start, first answer, s", "%.2f", p.name, time.Since(began).Seconds())
	b.report.add("start to listening with 100,000 names, s", "%.2f", p.name, proc.start.Seconds())
	time.Sleep(2 * time.Second)
	b.report.add("memory with 100,000 names, MB", "%.0f", p.name, float64(proc.memory())/1e6)
	took, err := b.inForce(p, proc, s)
	if err != nil {
		return err
	}
	b.report.add("a change of 100,000 names in force after, s", "%.2f", p.name, took.Seconds())
	time.Sleep(2 * time.Second)
	b.report.add("memory after that reload, MB", "%.0f", p.name, float64(proc.memory())/1e6)
	return nil
}

// fewer times a change of a list.
func (b *bench) fewer(p *peer, count int) error {
	proc, s, err := b.start(p, count)
	if err != nil {
		return err
	}
	defer proc.stop()
	if _, err := denied(p, proc); err != nil {
		return err
	}
	time.Sleep(time.Second)
	took, err := b.inForce(p, proc, s)
	if err != nil {
		return err
	}
	b.report.add("a change of 10,000 names in force after, s", "%.2f", p.name, took.Seconds())
	return nil
}

// inForce adds a name and returns the time until the first request for it is not refused.
func (b *bench) inForce(p *peer, proc *process, s *setup) (time.Duration, error) {
	s.added = true
	if err := b.change(p, proc, s); err != nil {
		return 0, err
	}
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Millisecond) {
		asked := time.Since(began)
		if refused, err := denied(p, proc); err == nil && !refused {
			return asked, nil
		}
	}
	return 0, fmt.Errorf("the change is not in force after %s", patience)
}

// denied requests a name that is not in the list at first, and does not exist: a proxy that resolves it may take long.
func denied(p *peer, proc *process) (bool, error) {
	refused := false
	err := withClient(proc.addr, func(c *client) error {
		c.SetDeadline(time.Now().Add(3 * time.Second))
		request := "CONNECT " + addedName + ":443 HTTP/1.1\r\nHost: " + addedName + ":443\r\n\r\n"
		if !p.tunnels {
			request = "GET http://" + addedName + "/ HTTP/1.1\r\nHost: " + addedName + "\r\n\r\n"
		}
		if _, err := io.WriteString(c, request); err != nil {
			return err
		}
		status, _, err := c.head()
		refused = status == 403
		if err != nil && strings.Contains(err.Error(), "timeout") {
			return nil // it resolves the name
		}
		return err
	})
	return refused, err
}

// workEven measures p99 of requests while 10,000 names reload, and without reloads: four
// clients, each with a pause between its requests, so that they wait for the proxy and not for each other.
func workEven(b *bench, _ string) {
	const during = "the same while 10,000 names reload twice a second, p99 ms"
	host := b.origin.at(b.origin.http)
	url := "http://" + host + "/1k"
	get := func(addr string) func() error {
		return func() error {
			return withClient(addr, func(c *client) error { return c.get(url, host, int64(len(kilobyte))) })
		}
	}
	for _, w := range []struct {
		name    string
		can     func(*peer) bool
		request func(addr string) func() error
	}{
		{"tunnels", tunnels, b.shortTunnel},
		{"GETs", plain, get},
	} {
		b.each(w.can, func(p *peer) error {
			if p.fixed || p.most < 10_000 {
				return nil
			}
			return b.even(p, w.name+" of 4 clients with pauses, p99 ms", w.name+": "+during, w.request)
		})
	}
}

// even measures the latency of request, without and during reloads.
func (b *bench) even(p *peer, steady, during string, request func(addr string) func() error) error {
	reloads, pause := 16, 500*time.Millisecond
	if b.quick {
		reloads = 1
	}
	proc, s, err := b.start(p, 10_000)
	if err != nil {
		return err
	}
	defer proc.stop()
	do := request(proc.addr)
	// This process is the load too: its other work must not be in the latency.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	wait, err := longWait(proc, time.Duration(reloads)*pause/2, do)
	if err != nil {
		return err
	}
	b.report.add(steady, "%.1f", p.name, wait.Seconds()*1e3)
	runtime.GC()
	changed, err := b.changing(p, proc, s, reloads, pause)
	if err != nil {
		return err
	}
	if wait, err = longWait(proc, time.Duration(reloads+1)*pause, do); err != nil {
		return err
	}
	if err := <-changed; err != nil {
		return err
	}
	b.report.add(during, "%.1f", p.name, wait.Seconds()*1e3)
	return nil
}

// longWait is p99 of the time that do takes.
func longWait(proc *process, d time.Duration, do func() error) (time.Duration, error) {
	all := make(chan time.Duration, 1<<16)
	_, err := drive(proc, 4, d, once(func() error {
		began := time.Now()
		err := do()
		if err == nil {
			all <- time.Since(began)
		}
		time.Sleep(4 * time.Millisecond)
		return err
	}))
	close(all)
	var sorted []time.Duration
	for w := range all {
		sorted = append(sorted, w)
	}
	slices.Sort(sorted)
	if err == nil && len(sorted) == 0 {
		err = errors.New("nothing done")
	}
	if err != nil {
		return 0, err
	}
	return sorted[(len(sorted)-1)*99/100], nil
}
