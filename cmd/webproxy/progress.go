package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"webproxy/audit"
	"webproxy/review"
)

// A doctorProgress shows how many endpoints are done: in place on a terminal, else every ten seconds.
type doctorProgress struct {
	w        io.Writer
	terminal bool
	n, total int
	said     time.Time
}

func newDoctorProgress(w io.Writer, total int) *doctorProgress {
	return &doctorProgress{w: w, terminal: isTerminal(w), total: total, said: time.Now()}
}

// done counts one endpoint. It is called by one goroutine at a time.
func (p *doctorProgress) done() {
	p.n++
	switch {
	case p.terminal:
		fmt.Fprintf(p.w, "\r\x1b[K%d/%d endpoints", p.n, p.total)
	case time.Since(p.said) >= 10*time.Second:
		p.said = time.Now()
		fmt.Fprintf(p.w, "webproxy: %d of %d endpoints\n", p.n, p.total)
	}
}

func (p *doctorProgress) end() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// watchReading shows on stderr the progress of a reading of the log, and what could not be read.
func watchReading(stderr io.Writer) review.Watch {
	return func(what string, p *audit.Progress) func(*audit.Stats) {
		stop := showProgress(stderr, what, p)
		return func(stats *audit.Stats) {
			stop()
			sayIncomplete(stderr, stats)
		}
	}
}

// showProgress shows the progress of a reading on stderr, until the returned function is called: on a terminal in one line that
// changes, elsewhere in a line every ten seconds.
func showProgress(w io.Writer, what string, p *audit.Progress) (stop func()) {
	every, terminal := 10*time.Second, isTerminal(w)
	if terminal {
		every = 200 * time.Millisecond
	}
	began := time.Now()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				if terminal {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			case <-tick.C:
			}
			read, total := p.Bytes()
			share := min(float64(read)/float64(max(total, 1)), 1)
			took := time.Since(began).Round(time.Second)
			if terminal {
				full := int(share * 20)
				fmt.Fprintf(w, "\r\x1b[K[%s%s] %s %s  %s", strings.Repeat("#", full), strings.Repeat(" ", 20-full),
					what, millions(p.Records()), took)
			} else {
				fmt.Fprintf(w, "webproxy: %s: %s records, %.0f%%, %s\n", what, millions(p.Records()), share*100, took)
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// millions is a short form of a number: 9.8M.
func millions(n int64) string {
	switch {
	case n >= 1_000_000:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	case n >= 10_000:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}
