//go:build linux

// Command fleet simulates the sites of docs/fleet.md in one process, and measures what many sites need: real bundles over
// HTTP from the real server of bundles, real records by OTLP in a real VictoriaLogs that is killed again and again.
//
//	make build && scripts/victorialogs.sh build
//	go run ./bench/fleet
//	go run ./bench/fleet -works load,ask -data DIR -records 100000000     many records; load can be interrupted, and goes on
//
// A site is everything of webproxy but its sockets: an audit log with keys, records of a simulated site, a shipper that
// reads back, a configuration that takes bundles. Each work prints one line for each figure; the process fails if what
// must hold does not: a record is missing, a site is without the newest bundle.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what a run is asked for.
type options struct {
	webproxy, victoriaLogs string // binaries
	sites, polls, kills    int
	publications           int
	rate                   float64 // records of a site in a second
	apart                  int     // records that a site writes while it is cut off
	records                int     // of all sites, that are asked about
	data                   string  // what the work load fills, and the work ask asks about
	progress               string  // where load says how far it is; empty for nowhere
	dir                    string
	seed                   uint64
}

// A work is one thing that is measured.
type work struct {
	name string
	run  func(ctx context.Context, o *options) error
}

// works are what is done, in this order.
var works = []work{
	{"publish", workPublish},
	{"polls", workPolls},
	{"kills", workKills},
	{"apart", workApart},
	{"query", workQuery},
}

// asked are works that are done only if they are named.
var asked = []work{
	{"load", workLoad},
	{"ask", workAsk},
}

func main() {
	o := options{}
	flag.StringVar(&o.webproxy, "webproxy", "bin/webproxy", "the binary to measure")
	flag.StringVar(&o.victoriaLogs, "victorialogs", "bin/victoria-logs", "made by scripts/victorialogs.sh build")
	flag.IntVar(&o.sites, "sites", 200, "how many sites there are")
	flag.IntVar(&o.polls, "polls", 2000, "how many sites wait for a bundle, in the work polls")
	flag.IntVar(&o.publications, "publications", 5, "how many bundles are published")
	flag.IntVar(&o.kills, "kills", 10, "how often VictoriaLogs is killed")
	flag.Float64Var(&o.rate, "rate", 2, "records that each site writes in a second while VictoriaLogs is killed")
	flag.IntVar(&o.apart, "apart", 200_000, "records that a site writes in three weeks without the centre")
	flag.IntVar(&o.records, "records", 1_000_000, "records of all sites that questions are about")
	flag.Uint64Var(&o.seed, "seed", 1, "another seed, other traffic and other moments")
	flag.StringVar(&o.data, "data", "", "`DIR` that the work load fills, with -records of -sites, and the work ask asks about")
	flag.StringVar(&o.progress, "progress", "", "`FILE` in which load says how far it is")
	only := flag.String("works", "", "only these, by comma: publish, polls, kills, apart, query; or load, ask")
	quick := flag.Bool("quick", false, "little of each, to see that it runs")
	flag.Parse()
	if *quick {
		o.sites, o.polls, o.publications, o.kills, o.apart, o.records = 8, 50, 2, 2, 2000, 4000
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, &o, *only); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options, only string) error {
	var err error
	if o.dir, err = os.MkdirTemp("", "fleet"); err != nil {
		return err
	}
	defer os.RemoveAll(o.dir)
	if err := manyFiles(); err != nil {
		return err
	}
	fmt.Printf("%s; %d processors; %d sites, seed %d; %s\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"), runtime.NumCPU(), o.sites, o.seed, runtime.Version())
	chosen := works
	if only != "" {
		chosen = nil
		for name := range strings.SplitSeq(only, ",") {
			all := slices.Concat(works, asked)
			i := slices.IndexFunc(all, func(w work) bool { return w.name == name })
			if i < 0 {
				return fmt.Errorf("-works %q: there is none of that name", name)
			}
			chosen = append(chosen, all[i])
		}
	}
	var errs []error
	for _, w := range chosen {
		began := time.Now()
		if err := w.run(ctx, o); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", w.name, err))
		}
		if ctx.Err() != nil {
			return errors.Join(append(errs, ctx.Err())...)
		}
		fmt.Fprintf(os.Stderr, "fleet: %s took %.0f s\n", w.name, time.Since(began).Seconds())
	}
	return errors.Join(errs...)
}

// manyFiles lets the process, and those that it starts, open as many files as the system permits.
func manyFiles() error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	l.Cur = l.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
}

// say prints one figure.
func say(work, what, format string, args ...any) {
	fmt.Printf("%-8s  %-58s  %s\n", work, what, fmt.Sprintf(format, args...))
}

// percentile is the p-th of 100 of the sorted times; 0 of none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

// round is d in a form that is short.
func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(100 * time.Microsecond)
}
