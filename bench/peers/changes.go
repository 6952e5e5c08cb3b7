//go:build linux

package main

import (
	"fmt"
	"time"
)

// workNames compares CONNECTs with a short list and with a long one.
func workNames(b *bench, _ string) {
	const name = "CONNECT with 100,000 allowed names against 100, CPU"
	b.each(tunnels, func(p *peer) error {
		if p.most < 100_000 {
			b.report.note(name, "%.2fx", p.name, fmt.Sprintf("%d names at most", p.most))
			return nil
		}
		var procs [2]*process
		for i, count := range []int{100, 100_000} {
			proc, _, err := b.start(p, count)
			if err != nil {
				return err
			}
			defer proc.stop()
			procs[i] = proc
		}
		for range b.rounds {
			var cost [2]float64
			for i, proc := range procs {
				l, err := drive(proc, clients, b.duration, once(b.shortTunnel(proc.addr)))
				if err != nil {
					return err
				}
				if err := l.sound(); err != nil {
					return err
				}
				cost[i] = l.perOp()
			}
			b.report.add(name, "%.2fx", p.name, cost[1]/cost[0])
		}
		return nil
	})
}

// workReload changes a list of 10,000 names repeatedly while tunnels are made.
func workReload(b *bench, _ string) {
	const name = "requests failed during 24 reloads of 10,000 names"
	reloads, pause := 24, 500*time.Millisecond
	if b.quick {
		reloads = 2
	}
	b.each(tunnels, func(p *peer) error {
		if p.fixed || p.most < 10_000 {
			b.report.note(name, "%.0f", p.name, "not measured")
			return nil
		}
		proc, s, err := b.start(p, 10_000)
		if err != nil {
			return err
		}
		defer proc.stop()
		changed, err := b.changing(p, proc, s, reloads, pause)
		if err != nil {
			return err
		}
		l, err := drive(proc, clients/2, time.Duration(reloads+1)*pause, once(b.shortTunnel(proc.addr)))
		if err != nil {
			return err
		}
		if err := <-changed; err != nil {
			return err
		}
		b.report.add(name, "%.0f", p.name, float64(l.failed))
		b.report.add("of", "%.0f", p.name, float64(l.failed+l.ops))
		return nil
	})
}

// changing changes the list of p repeatedly, in the background, and reports each change.
func (b *bench) changing(p *peer, proc *process, s *setup, times int, pause time.Duration) (<-chan error, error) {
	changed := make(chan error, 1)
	s.dry = true
	for range 2 { // make the lists now: that needs the processor that the load runs on
		s.count ^= 1
		if err := p.names(s); err != nil {
			return nil, err
		}
	}
	s.dry = false
	go func() {
		for range times {
			time.Sleep(pause)
			s.count ^= 1
			if err := b.change(p, proc, s); err != nil {
				changed <- err
				return
			}
		}
		changed <- nil
	}()
	return changed, nil
}

// change writes the list of s for p, and has p read it.
func (b *bench) change(p *peer, proc *process, s *setup) error {
	if err := p.names(s); err != nil {
		return err
	}
	if p.reload == 0 {
		return nil
	}
	return proc.signal(p.reload)
}

func workStart(b *bench, _ string) {
	for range b.rounds {
		b.each(all, func(p *peer) error {
			proc, _, err := b.start(p, 100)
			if err != nil {
				return err
			}
			defer proc.stop()
			b.report.add("start to listening, ms", "%.0f", p.name, proc.start.Seconds()*1e3)
			time.Sleep(300 * time.Millisecond)
			b.report.add("memory at rest, MB", "%.0f", p.name, float64(proc.memory())/1e6)
			return nil
		})
	}
}
