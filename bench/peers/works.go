//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A bench is one run.
type bench struct {
	*options
	dir    string
	origin *origin
	peers  []*peer
	report *report
	work   string // in progress
	failed bool   // a measurement of webproxy failed
}

// works are the measurements, in order.
var works = []struct {
	name string
	run  func(b *bench, name string)
}{
	{"connect", workConnect},
	{"denied", workDenied},
	{"get", workGet},
	{"calls", workCalls},
	{"messages", workMessages},
	{"bulk", workBulk},
	{"large", workLarge},
	{"inspect", workInspect},
	{"idle", workIdle},
	{"names", workNames},
	{"reload", workReload},
	{"many", workMany},
	{"even", workEven},
	{"start", workStart},
}

// try runs f for p. An error is noted, and the other peers continue.
func (b *bench) try(p *peer, f func() error) (ok bool) {
	err := f()
	if err == nil {
		return true
	}
	b.report.Failures = append(b.report.Failures, fmt.Sprintf("%s, %s: %v", b.work, p.name, err))
	fmt.Fprintf(os.Stderr, "bench: %s\n", b.report.Failures[len(b.report.Failures)-1])
	if p.ours {
		b.failed = true
		b.said(p)
	}
	return false
}

// said prints the last output of the processes of p.
func (b *bench) said(p *peer) {
	logs, _ := filepath.Glob(filepath.Join(b.dir, p.name+"-*", "out"))
	for _, log := range logs {
		text, _ := os.ReadFile(log)
		lines := strings.SplitAfter(string(text), "\n")
		fmt.Fprintf(os.Stderr, "bench: %s:\n%s", log, strings.Join(lines[max(0, len(lines)-20):], ""))
	}
}

// each runs f with each peer that supports it, one after the other.
func (b *bench) each(can func(*peer) bool, f func(*peer) error) {
	for _, p := range b.peers {
		if can(p) {
			b.try(p, func() error { return f(p) })
		}
	}
}

// interleaved starts each peer that supports it, and then runs one turn of each, round by round; a peer whose turn fails is left out.
func (b *bench) interleaved(can func(*peer) bool, turn func(p *peer, proc *process) error) {
	b.interleavedBy(func(p *peer) (*process, error) {
		proc, _, err := b.start(p, 100)
		return proc, err
	}, can, turn)
}

// interleavedBy is interleaved with start to start the peers.
func (b *bench) interleavedBy(start func(*peer) (*process, error), can func(*peer) bool, turn func(p *peer, proc *process) error) {
	type runner struct {
		p    *peer
		proc *process
	}
	var all []runner
	b.each(can, func(p *peer) error {
		proc, err := start(p)
		if err == nil {
			all = append(all, runner{p, proc})
		}
		return err
	})
	for range b.rounds {
		all = slices.DeleteFunc(all, func(r runner) bool {
			ok := b.try(r.p, func() error { return turn(r.p, r.proc) })
			if !ok {
				r.proc.stop()
			}
			return !ok
		})
	}
	for _, r := range all {
		r.proc.stop()
	}
}

func all(*peer) bool       { return true }
func tunnels(p *peer) bool { return p.tunnels }
func plain(p *peer) bool   { return p.http }
