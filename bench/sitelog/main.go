// Command sitelog writes the audit log of a simulated site of internal/simsite in learn
// mode, for trying webproxy learn:
//
//	go run ./bench/sitelog -dir /tmp/site/audit
//	go run ./bench/sitelog -dir /tmp/site/audit -world campus
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"

	"webproxy/audit"
	"webproxy/internal/setting"
	"webproxy/internal/simsite"
	"webproxy/policy"
)

func main() {
	dir := flag.String("dir", "", "directory to write; must not have a log in it")
	days := flag.Int("days", 60, "number of days, from 2026-06-01")
	seed := flag.Uint64("seed", 1, "another seed, another site")
	world := flag.String("world", "", "a world of simsite.Worlds or HeldOut, instead of the older site")
	flag.Parse()
	if err := run(*dir, *world, *days, *seed); err != nil {
		log.Fatal(err)
	}
}

// newSite is the site of a world, or the older one if the name is empty.
func newSite(world string, seed uint64) (*simsite.Site, error) {
	if world == "" {
		return simsite.New(seed)
	}
	all := append(simsite.Worlds(), simsite.HeldOut()...)
	i := slices.IndexFunc(all, func(w simsite.World) bool { return w.Name == world })
	if i < 0 {
		return nil, fmt.Errorf("-world %q: there is none of that name", world)
	}
	return simsite.NewWorld(all[i], seed)
}

func run(dir, world string, days int, seed uint64) error {
	if entries, err := os.ReadDir(dir); dir == "" || err == nil && len(entries) > 0 {
		return fmt.Errorf("-dir %q: want a new or an empty directory", dir)
	}
	set, err := policy.Compile(&policy.Spec{
		Clients: map[string][]string{"nodes": {simsite.Clients}}, Modes: map[string]policy.Mode{"nodes": policy.Learn},
	}, nil, policy.Env{})
	if err != nil {
		return err
	}
	site, err := newSite(world, seed)
	if err != nil {
		return err
	}
	l, err := audit.Open(audit.Options{Dir: dir, Sync: setting.Off, RotateEvery: setting.Off, Retain: setting.Off})
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
