//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"

	"webproxy/bundle"
	"webproxy/config"
	"webproxy/internal/notekey"
)

// A publisher is a running `webproxy bundle serve` of one bundle, and the two keys that sign it.
type publisher struct {
	dir     string
	url     string
	keys    []note.Signer
	publics []string
	serial  uint64
	*process
}

func startPublisher(ctx context.Context, o *options, name string) (*publisher, error) {
	p := &publisher{dir: filepath.Join(o.dir, name)}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return nil, err
	}
	for _, who := range []string{"alice", "bob"} {
		key, public, err := notekey.Make(filepath.Join(p.dir, who+".key"), who)
		if err != nil {
			return nil, err
		}
		p.keys, p.publics = append(p.keys, key), append(p.publics, public)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	p.url = "http://" + addr + "/stable.bundle"
	if _, err := p.publish(); err != nil {
		return nil, err
	}
	if p.process, err = start(filepath.Join(o.dir, name+".log"), o.webproxy, "bundle", "serve", p.dir, "--listen", addr); err != nil {
		return nil, err
	}
	return p, answers(ctx, p.url, p.process)
}

// publish replaces the bundle by the next one, with a list of 500 hosts, and returns when.
func (p *publisher) publish() (time.Time, error) {
	p.serial++
	var list strings.Builder
	for i := range 500 {
		fmt.Fprintf(&list, "host-%d-%d.example.com\n", p.serial, i)
	}
	b, err := bundle.New(bundle.Manifest{Name: "stable", Serial: p.serial, Sites: []string{"*"}, Made: time.Now().Truncate(time.Second), By: "bench"}, map[string][]byte{
		bundle.PolicyFile: []byte("rules: [{ id: approved, file: approved.txt, for: [nodes] }]\n"), "approved.txt": []byte(list.String()),
	})
	if err != nil {
		return time.Time{}, err
	}
	for _, key := range p.keys {
		if err := b.Sign(key); err != nil {
			return time.Time{}, err
		}
	}
	file := filepath.Join(p.dir, "stable.bundle")
	if err := os.WriteFile(file+".new", b.Bytes(), 0o644); err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	return at, os.Rename(file+".new", file)
}

// A taker is a site that takes bundles: it fetches and verifies each, compiles it with its own settings, stores and loads it.
type taker struct {
	source bundle.Source
	path   string // of its configuration
	cfg    *config.Config
	serial atomic.Uint64 // of the bundle in force
}

func newTaker(o *options, p *publisher, n int) (*taker, error) {
	dir := filepath.Join(o.dir, "publish", fmt.Sprintf("site-%d", n))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	s := &taker{path: filepath.Join(dir, config.FileName)}
	text := fmt.Sprintf(`audit: { dir: audit, site: site-%d }
policy:
  clients: { nodes: [10.0.1.0/24] }
  bundle: { from: %q, name: stable, keys: [%q, %q] }
`, n, p.url, p.publics[0], p.publics[1])
	if err := os.WriteFile(s.path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	// A connection of its own, as a site has.
	s.source = bundle.Source{From: p.url, Client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}}
	var err error
	s.cfg, err = config.Load(s.path)
	return s, err
}

// run takes bundles until ctx ends, and calls taken for each that is in force.
func (s *taker) run(ctx context.Context, taken func(serial uint64, at time.Time)) error {
	defer s.source.Client.CloseIdleConnections()
	for ctx.Err() == nil {
		data, err := s.source.Fetch(ctx)
		if err == nil && data != nil {
			err = s.take(data)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case data != nil:
			taken(s.serial.Load(), time.Now())
		}
	}
	return nil
}

// take is what a running proxy does with a bundle, up to the policy that is in force.
func (s *taker) take(data []byte) error {
	b, err := config.VerifyBundle(s.cfg, data, "1.0.0")
	if err != nil {
		return err
	}
	file := config.BundleFile(s.path)
	store := bundle.NewStore(filepath.Dir(file))
	if again, err := store.Admit(b); err != nil || again {
		return err
	}
	if _, err := config.LoadWith(s.path, map[string][]byte{file: data}); err != nil {
		return err
	}
	if err := store.Take(b, bundle.State{Taken: time.Now().UTC()}); err != nil {
		return err
	}
	if s.cfg, err = config.Load(s.path); err != nil {
		return err
	}
	s.serial.Store(s.cfg.Bundle.Serial)
	return nil
}

// publishPatience bounds the wait until all sites have a bundle.
const publishPatience = 2 * time.Minute

// workPublish measures how long after its publication a bundle is in force at the sites, which wait for it by long poll.
func workPublish(ctx context.Context, o *options) error {
	p, err := startPublisher(ctx, o, "publisher")
	if err != nil {
		return err
	}
	defer p.end(syscall.SIGTERM)
	type arrival struct {
		serial uint64
		at     time.Time
	}
	arrivals := make(chan arrival, o.sites)
	failed := make(chan error, o.sites)
	taking, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	for n := range o.sites {
		s, err := newTaker(o, p, n)
		if err != nil {
			return err
		}
		all.Go(func() {
			if err := s.run(taking, func(serial uint64, at time.Time) { arrivals <- arrival{serial, at} }); err != nil {
				failed <- fmt.Errorf("site %d: %w", n, err)
			}
		})
	}
	everywhere := func(published time.Time) (times []time.Duration, err error) {
		end := time.NewTimer(publishPatience)
		defer end.Stop()
		for len(times) < o.sites {
			select {
			case a := <-arrivals:
				if a.serial == p.serial {
					times = append(times, a.at.Sub(published))
				}
			case err := <-failed:
				return nil, err
			case <-end.C:
				return nil, fmt.Errorf("after %v %d of %d sites have bundle %d", publishPatience, len(times), o.sites, p.serial)
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		return times, nil
	}
	if _, err := everywhere(time.Now()); err != nil { // the first bundle, which all fetch at once
		return err
	}
	var times []time.Duration
	for range o.publications {
		if err := sleep(ctx, 500*time.Millisecond); err != nil { // until all of them wait again
			return err
		}
		at, err := p.publish()
		if err != nil {
			return err
		}
		one, err := everywhere(at)
		if err != nil {
			return err
		}
		times = append(times, one...)
	}
	slices.Sort(times)
	say("publish", fmt.Sprintf("%d bundles in force at %d sites after, median / p99 / most", o.publications, o.sites), "%v / %v / %v",
		round(percentile(times, 50)), round(percentile(times, 99)), round(times[len(times)-1]))
	if p99 := percentile(times, 99); p99 > 5*time.Second {
		return fmt.Errorf("p99 is %v, more than 5 s", p99)
	}
	return nil
}

// workPolls measures the cost of waiting sites for the server of bundles.
func workPolls(ctx context.Context, o *options) error {
	p, err := startPublisher(ctx, o, "polled")
	if err != nil {
		return err
	}
	defer p.end(syscall.SIGTERM)
	before, err := p.memory()
	if err != nil {
		return err
	}
	polling, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	results := make(chan error, o.polls)
	var have sync.WaitGroup // the first bundle
	have.Add(o.polls)
	gate := make(chan struct{}, 64) // limits simultaneous connects: the listener's backlog is not measured here
	for range o.polls {
		all.Go(func() {
			s := bundle.Source{From: p.url, Client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}}
			defer s.Client.CloseIdleConnections()
			gate <- struct{}{}
			_, err := s.Fetch(polling)
			<-gate
			have.Done()
			for err == nil {
				var data []byte
				if data, err = s.Fetch(polling); data != nil {
					break
				}
			}
			results <- err
		})
	}
	have.Wait()
	if err := sleep(ctx, 3*time.Second); err != nil { // all of them wait
		return err
	}
	waiting, err := p.memory()
	if err != nil {
		return err
	}
	at, err := p.publish()
	if err != nil {
		return err
	}
	for range o.polls {
		if err := <-results; err != nil {
			return errors.Join(errors.New("a site did not get the bundle"), err)
		}
	}
	last := time.Since(at)
	after, err := p.memory()
	if err != nil {
		return err
	}
	say("polls", fmt.Sprintf("memory of bundle serve, alone / %d wait / after, MB", o.polls), "%.0f / %.0f / %.0f", mb(before), mb(waiting), mb(after))
	say("polls", "the last of them has the next bundle after", "%v", round(last))
	if waiting > 400<<20 || after > 400<<20 {
		return fmt.Errorf("more than 400 MB")
	}
	return nil
}

func mb(n int64) float64 { return float64(n) / (1 << 20) }
