//go:build linux

// Peers measures webproxy beside other forward proxies: the same work for each, in turns, with an
// allowlist in force and every request logged. It prints Markdown tables and writes JSON.
//
//	make bench-peers              all of them, 15 minutes; Debian's are skipped where not installed
//	go run ./bench/peers -quick   webproxy alone, in seconds: does every work still run?
//
// Proxies run on processor 0, load and origin, which are this process, on processor 1, by taskset(1).
// The main figure is the processor time of the proxy and its children: on two cores the rate depends
// as much on the load generator. It needs Linux.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	quick    bool
	binary   string
	beside   string
	only     string
	works    string
	rounds   int
	duration time.Duration
	json     string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "serve" { // this program also implements two of the peers
		fail(serve(os.Args[2:]))
		return
	}
	var o options
	flag.BoolVar(&o.quick, "quick", false, "webproxy alone, each work for a moment")
	flag.StringVar(&o.binary, "webproxy", "bin/webproxy", "the binary to measure")
	flag.StringVar(&o.beside, "beside", "", "another binary of webproxy to measure in the same turns")
	flag.StringVar(&o.only, "peers", "", "only these, by comma")
	flag.StringVar(&o.works, "works", "", "only these, by comma")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each proxy does each work; the median counts")
	flag.DurationVar(&o.duration, "duration", time.Second, "how long each time")
	flag.StringVar(&o.json, "json", "", "write all numbers to this file")
	flag.Parse()
	if o.quick {
		o.only, o.rounds, o.duration = "webproxy", 1, 100*time.Millisecond
	}
	fail(run(&o))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run does all works with all peers.
func run(o *options) error {
	dir, err := os.MkdirTemp("", "webproxy-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stopOnSignal(dir)
	if err := os.Chmod(dir, 0o777); err != nil { // Squid and Apache drop root
		return err
	}
	origin, err := startOrigin()
	if err != nil {
		return err
	}
	b := &bench{options: o, dir: dir, origin: origin, report: newReport()}
	for _, p := range peers(o.binary, o.beside) {
		if !chosen(o.only, p.name) {
			continue
		}
		if _, err := exec.LookPath(p.program); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s is skipped: %v; bench/peers/install.sh installs Debian's\n", p.name, err)
			continue
		}
		b.peers = append(b.peers, p)
		b.report.version(p)
	}
	for _, w := range works {
		if !chosen(o.works, w.name) {
			continue
		}
		b.work = w.name
		began := time.Now()
		w.run(b, w.name)
		fmt.Fprintf(os.Stderr, "bench: %s took %.0f s\n", w.name, time.Since(began).Seconds())
	}
	b.report.print(os.Stdout, b.peers)
	if o.json != "" {
		text, err := json.MarshalIndent(b.report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if b.failed {
		return errors.New("webproxy did not do all works; see above")
	}
	return nil
}

// chosen reports whether name is in the list, or the list is empty.
func chosen(list, name string) bool {
	return list == "" || strings.Contains(","+list+",", ","+name+",")
}
