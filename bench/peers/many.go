//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// workMany is 100,000 names: memory and the first answer cold, when a change is in force, and memory after it.
func workMany(b *bench, _ string) error {
	count := 100_000
	if b.quick {
		count = 1_000
	}
	for range min(b.rounds, 3) {
		for _, p := range b.peers {
			if p.most < 100_000 || p.fixed {
				b.report.note("memory with 100,000 names, MB", "%.0f", p.name, fmt.Sprintf("%d names at most", p.most))
				continue
			}
			if err := b.many(p, count); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) many(p *peer, count int) error {
	began := time.Now()
	proc, s, err := b.start(p, count)
	if err != nil {
		return err
	}
	defer proc.stop()
	if _, err := denied(p, proc); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
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

// inForce adds a name, and returns the time from then to the first request for it that is not refused.
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
	return 0, fmt.Errorf("%s: the change is not in force after %s", p.name, patience)
}

// denied asks for a name that is not in the list at first, and does not exist: a proxy that looks for it may take long.
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
			return nil // it looks for the name
		}
		return err
	})
	return refused, err
}

// workEven is the longest that requests wait while 10,000 names reload, beside how long they do otherwise: four
// clients, each with a pause between its tunnels, so that they wait for the proxy and not for each other.
func workEven(b *bench, _ string) error {
	const name = "tunnels of 4 clients with pauses, p99 ms"
	reloads, pause := 24, 500*time.Millisecond
	if b.quick {
		reloads = 1
	}
	for _, p := range b.peers {
		if !p.tunnels || p.fixed || p.most < 10_000 {
			continue
		}
		proc, s, err := b.start(p, 10_000)
		if err != nil {
			return err
		}
		defer proc.stop()
		tunnel := b.shortTunnel(proc.addr)
		waits := func(d time.Duration) (time.Duration, error) {
			all := make(chan time.Duration, 1<<16)
			_, err := drive(proc, 4, d, once(func() error {
				began := time.Now()
				err := tunnel()
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
				err = fmt.Errorf("%s: no tunnel", p.name)
			}
			if err != nil {
				return 0, err
			}
			return sorted[(len(sorted)-1)*99/100], nil
		}
		steady, err := waits(time.Duration(reloads) * pause / 2)
		if err != nil {
			return err
		}
		b.report.add(name, "%.1f", p.name, steady.Seconds()*1e3)
		changed := b.changing(p, proc, s, reloads, pause)
		during, err := waits(time.Duration(reloads+1) * pause)
		if err != nil {
			return err
		}
		if err := <-changed; err != nil {
			return err
		}
		b.report.add("the same while 10,000 names reload twice a second, p99 ms", "%.1f", p.name, during.Seconds()*1e3)
	}
	return nil
}
