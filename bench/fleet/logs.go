//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// deliveryPatience bounds the wait until all that was written is confirmed.
const deliveryPatience = 10 * time.Minute

// workKills has VictoriaLogs killed with -9 while all sites write and ship: half of the times at a random moment, half of
// them within a second of an acknowledgement. Then every record of every site must be there.
func workKills(ctx context.Context, o *options) error {
	rng := rand.New(rand.NewPCG(o.seed, 9))
	c, err := startCentre(ctx, o, "centre-killed")
	if err != nil {
		return err
	}
	defer func() { c.end(syscall.SIGKILL) }()
	sites, closeSites, err := openSites(o, "kills", o.sites, c)
	defer closeSites()
	if err != nil {
		return err
	}
	writing, stop := context.WithCancel(ctx)
	defer stop()
	var writers sync.WaitGroup
	failed := make(chan error, len(sites))
	for i, s := range sites {
		s.ship()
		own := rand.New(rand.NewPCG(o.seed, uint64(100+i)))
		writers.Go(func() {
			for writing.Err() == nil {
				if err := s.write(1, time.Now); err != nil {
					failed <- err
					return
				}
				sleep(writing, time.Duration(own.ExpFloat64()/o.rate*float64(time.Second)))
			}
		})
	}
	began := time.Now()
	for kill := range o.kills {
		wait := time.Duration(rng.Int64N(int64(8 * time.Second)))
		if kill%2 == 1 {
			if err := acknowledged(ctx, sites); err != nil {
				return err
			}
			wait = time.Duration(rng.Int64N(int64(time.Second)))
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		c.end(syscall.SIGKILL)
		if err := sleep(ctx, time.Duration(rng.Int64N(int64(2*time.Second)))); err != nil {
			return err
		}
		if err := c.start(ctx); err != nil {
			return err
		}
	}
	stop()
	writers.Wait()
	killed := time.Since(began)
	select {
	case err := <-failed:
		return err
	default:
	}
	for _, s := range sites {
		if err := s.log.Seal(); err != nil {
			return err
		}
	}
	began = time.Now()
	if err := delivered(ctx, sites, deliveryPatience); err != nil {
		return err
	}
	caughtUp := time.Since(began)
	var resent int64
	for _, s := range sites {
		resent += s.shipper.Stats().Resent
	}
	p, err := verify(ctx, c, sites)
	if err != nil {
		return err
	}
	say("kills", fmt.Sprintf("kill -9 during the traffic of %d sites, times / in", len(sites)), "%d / %v", o.kills, round(killed))
	say("kills", "everything confirmed after the last of them", "%v", round(caughtUp))
	say("kills", "records / sent again / there twice / missing or altered", "%d / %d / %d / %d", p.records, resent, p.again, len(p.wrong))
	return p.ok()
}

// acknowledged waits until the centre has acknowledged something more.
func acknowledged(ctx context.Context, sites []*site) error {
	count := func() (n int64) {
		for _, s := range sites {
			st := s.shipper.Stats()
			n += st.Shipped + st.Unconfirmed
		}
		return n
	}
	for before := count(); count() <= before; {
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// openSites makes sites of a centre. The returned function closes them, also those before an error.
func openSites(o *options, work string, n int, c *centre) (sites []*site, closeAll func(), err error) {
	closeAll = func() {
		var all sync.WaitGroup
		for _, s := range sites {
			all.Go(func() { s.close() })
		}
		all.Wait()
	}
	for i := range n {
		s, err := newSite(o, work, i, c)
		if err != nil {
			return sites, closeAll, err
		}
		sites = append(sites, s)
	}
	return sites, closeAll, nil
}

// workApart has a site write for three weeks without the centre, and catch up.
func workApart(ctx context.Context, o *options) error {
	c, err := startCentre(ctx, o, "centre-apart")
	if err != nil {
		return err
	}
	c.end(syscall.SIGKILL)
	sites, closeSites, err := openSites(o, "apart", 1, c)
	defer closeSites()
	if err != nil {
		return err
	}
	s := sites[0]
	s.ship()
	const weeks = 21 * 24 * time.Hour
	at, step := time.Now().Add(-weeks), weeks/time.Duration(o.apart)
	began := time.Now()
	if err := s.write(o.apart, func() time.Time { at = at.Add(step); return at }); err != nil {
		return err
	}
	wrote := time.Since(began)
	if err := s.log.Seal(); err != nil {
		return err
	}
	if err := c.start(ctx); err != nil {
		return err
	}
	defer func() { c.end(syscall.SIGKILL) }()
	began = time.Now()
	if err := delivered(ctx, sites, deliveryPatience); err != nil {
		return err
	}
	caughtUp := time.Since(began)
	p, err := verify(ctx, c, sites)
	if err != nil {
		return err
	}
	say("apart", "records of three weeks without the centre / written in", "%d / %v", o.apart, round(wrote))
	say("apart", "all of them confirmed after / missing or altered", "%v / %d", round(caughtUp), len(p.wrong))
	return p.ok()
}

// workQuery asks all sites' logs in the centre what audit query asks one site's files, and measures what a record takes.
func workQuery(ctx context.Context, o *options) error {
	c, err := startCentre(ctx, o, "centre-asked")
	if err != nil {
		return err
	}
	defer func() { c.end(syscall.SIGTERM) }()
	sites, closeSites, err := openSites(o, "query", min(o.sites, 20), c)
	defer closeSites()
	if err != nil {
		return err
	}
	each := max(o.records/len(sites), 1)
	began := time.Now()
	var all sync.WaitGroup
	failed := make(chan error, len(sites))
	for _, s := range sites {
		s.ship()
		all.Go(func() {
			at, step := time.Now().Add(-7*24*time.Hour), 7*24*time.Hour/time.Duration(each)
			if err := s.write(each, func() time.Time { at = at.Add(step); return at }); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
	}
	if err := delivered(ctx, sites, 6*deliveryPatience); err != nil {
		return err
	}
	n := each * len(sites)
	took := time.Since(began)
	say("query", fmt.Sprintf("%d records of %d sites written, shipped and confirmed in", n, len(sites)), "%v, %.0f a second", round(took), float64(n)/took.Seconds())
	settings := filepath.Join(o.dir, "fleet.yaml")
	if err := os.WriteFile(settings, []byte("victorialogs: "+c.url()+"\n"), 0o600); err != nil {
		return err
	}
	if err := sleep(ctx, 10*time.Second); err != nil { // VictoriaLogs makes larger parts of small ones
		return err
	}
	stored, err := size(filepath.Join(c.dir, "data"))
	if err != nil {
		return err
	}
	say("query", "bytes a record in VictoriaLogs", "%.0f", float64(stored)/float64(n))
	const expression = "decision=would_deny host=*.windows.net"
	for _, q := range []struct {
		what string
		args []string
	}{
		{"fleet query of all of them, by site and host", []string{"fleet", "query", expression, "--fleet", settings, "--since", "10d", "--by", "site,host", "-o", "json"}},
		{"audit query of one site, by host", []string{"audit", "query", expression, "--dir", sites[0].log.Dir(), "--since", "10d", "--by", "host", "-o", "json"}},
	} {
		began := time.Now()
		cmd := exec.CommandContext(ctx, o.webproxy, q.args...)
		var told bytes.Buffer
		cmd.Stderr = &told
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(q.args, " "), err, told.String())
		}
		if len(bytes.TrimSpace(out)) == 0 {
			return errors.New(q.what + ": no answer")
		}
		say("query", q.what, "%v", round(time.Since(began)))
	}
	return nil
}
