//go:build linux

package main

import (
	"slices"
	"sync"
	"time"
)

// A load is the result of a number of clients, each of which did one thing after another.
type load struct {
	ops    int
	took   time.Duration
	cpu    time.Duration // of the proxy
	waits  []time.Duration
	failed int
	err    error // the first
}

// drive runs workers until the time is over. Each worker gets its own function to repeat, and one to call
// at the end.
func drive(p *process, workers int, d time.Duration, begin func() (do func() error, end func(), err error)) (*load, error) {
	type worker struct {
		do  func() error
		end func()
	}
	all := make([]worker, workers)
	for i := range all {
		do, end, err := begin()
		if err != nil {
			return nil, err
		}
		defer end()
		all[i] = worker{do, end}
	}
	var (
		l  load
		mu sync.Mutex
		wg sync.WaitGroup
	)
	cpu, began := p.cpu(), time.Now()
	for _, w := range all {
		wg.Go(func() {
			var mine load
			for time.Since(began) < d {
				start := time.Now()
				if err := w.do(); err != nil {
					mine.failed++
					mine.err = err
					continue
				}
				mine.waits = append(mine.waits, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			l.waits = append(l.waits, mine.waits...)
			l.failed += mine.failed
			if l.err == nil {
				l.err = mine.err
			}
		})
	}
	wg.Wait()
	l.took = time.Since(began)
	// What a proxy does after its client has left belongs to the measurement.
	time.Sleep(50 * time.Millisecond)
	l.cpu = p.cpu() - cpu
	l.ops = len(l.waits)
	slices.Sort(l.waits)
	return &l, nil
}

// quantile is a quantile of all waits.
func (l *load) quantile(q float64) time.Duration {
	if len(l.waits) == 0 {
		return 0
	}
	return l.waits[int(q*float64(len(l.waits)-1))]
}

// once is for workers without setup.
func once(do func() error) func() (func() error, func(), error) {
	return func() (func() error, func(), error) { return do, func() {}, nil }
}
