// Command sitelog writes the audit log of the simulated site of internal/simsite, all of it let through in learn
// mode, for trying webproxy learn on it:
//
//	go run ./bench/sitelog -dir /tmp/site/audit
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"

	"webproxy/audit"
	"webproxy/internal/simsite"
	"webproxy/policy"
)

func main() {
	dir := flag.String("dir", "", "directory to write; must not have a log in it")
	days := flag.Int("days", 60, "number of days, from 2026-06-01")
	seed := flag.Uint64("seed", 1, "another seed, another site")
	flag.Parse()
	if err := run(*dir, *days, *seed); err != nil {
		log.Fatal(err)
	}
}

func run(dir string, days int, seed uint64) error {
	if entries, err := os.ReadDir(dir); dir == "" || err == nil && len(entries) > 0 {
		return fmt.Errorf("-dir %q: want a new or an empty directory", dir)
	}
	set, err := policy.Compile(&policy.Spec{
		Clients: map[string][]string{"nodes": {simsite.Clients}}, Modes: map[string]policy.Mode{"nodes": policy.Learn},
	}, nil, policy.Env{})
	if err != nil {
		return err
	}
	site, err := simsite.New(seed)
	if err != nil {
		return err
	}
	l, err := audit.Open(audit.Options{Dir: dir, Sync: audit.AgeOff, RotateEvery: audit.AgeOff, Retain: audit.AgeOff})
	if err != nil {
		return err
	}
	n := 0
	for day := range days {
		for _, r := range site.Day(day) {
			n++
			decision, end, err := r.Records(set, fmt.Sprintf("S%d", n))
			if err == nil {
				err = l.Append(&decision)
			}
			if err == nil && end != nil {
				err = l.Append(end)
			}
			if err != nil {
				return errors.Join(err, l.Close())
			}
		}
	}
	return l.Close()
}
