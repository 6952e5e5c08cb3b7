//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/fleet"
	"webproxy/internal/setting"
	"webproxy/internal/simsite"
	"webproxy/policy"
	"webproxy/ship"
)

// A site writes an audit log and ships it to the centre.
type site struct {
	name    string
	log     *audit.Log
	shipper *ship.Shipper
	traffic *simsite.Site
	set     *policy.Set
	day     int
	pending []audit.Record // of the traffic, not written yet

	stop    context.CancelFunc
	running sync.WaitGroup
}

// readbackAfter is the minimum of the setting; VictoriaLogs has its data on disk after 5 s.
const readbackAfter = setting.Duration(12 * time.Second)

func newSite(o *options, work string, n int, c *centre) (*site, error) {
	s, err := newWriter(o, work, fmt.Sprintf("%s-%d", work, n), n)
	if err != nil {
		return nil, err
	}
	s.shipper, err = ship.New(ship.Config{Name: "centre", Log: s.log, Logger: zap.NewNop(),
		Spec: ship.ReceiverSpec{VictoriaLogs: c.url(), From: ship.Oldest, ReadbackAfter: readbackAfter}})
	return s, err
}

// newWriter makes a site that ships nothing.
func newWriter(o *options, work, name string, n int) (*site, error) {
	s := &site{name: name}
	var err error
	if s.traffic, err = simsite.New(o.seed + uint64(n)); err != nil {
		return nil, err
	}
	s.set, err = policy.Compile(&policy.Spec{
		Clients: map[string][]string{"nodes": {simsite.Clients}}, Modes: map[string]policy.Mode{"nodes": policy.Learn},
	}, nil, policy.Env{})
	if err != nil {
		return nil, err
	}
	s.log, err = audit.Open(audit.Options{Dir: filepath.Join(o.dir, work, s.name, "audit"), Site: s.name, Retain: setting.Off})
	return s, err
}

// ship sends until close.
func (s *site) ship() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.running.Go(func() { s.shipper.Run(ctx) })
}

func (s *site) close() error {
	if s.stop != nil {
		s.stop()
		s.running.Wait()
	}
	return s.log.Close()
}

// write writes n more records of the site's traffic, with the times that at returns.
func (s *site) write(n int, at func() time.Time) error {
	for range n {
		for len(s.pending) == 0 {
			for _, r := range s.traffic.Day(s.day) {
				decision, end, err := r.Records(s.set, "")
				if err != nil {
					return err
				}
				s.pending = append(s.pending, decision)
				if end != nil {
					s.pending = append(s.pending, *end)
				}
			}
			s.day++
		}
		r := s.pending[0]
		s.pending = s.pending[1:]
		r.Time = at()
		if err := s.log.Append(&r); err != nil {
			return err
		}
	}
	return nil
}

// delivered waits until the centre is known to have every record of the sites.
func delivered(ctx context.Context, sites []*site, patience time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not delivered within %v", patience))
	defer cancel()
	for _, s := range sites {
		for s.shipper.Stats().LagRecords > 0 {
			if err := sleep(ctx, 100*time.Millisecond); err != nil {
				st := s.shipper.Stats()
				return fmt.Errorf("%w: %s waits with %d of %d records", err, s.name, st.LagRecords, s.log.LastSeq())
			}
		}
	}
	return nil
}

// A proof is the result of fleet verify for sites.
type proof struct {
	records, again uint64
	wrong          []error
}

// verify has fleet verify prove the copy of each site by its signed checkpoints, up to its last record.
func verify(ctx context.Context, c *centre, sites []*site) (p proof, err error) {
	client, err := fleet.NewClient(&fleet.Config{VictoriaLogs: c.url()})
	if err != nil {
		return p, err
	}
	for _, s := range sites {
		key, err := audit.ReadPublicKey(filepath.Join(s.log.Dir()+"-key", "audit.pub"))
		if err != nil {
			return p, err
		}
		v, err := s.verify(ctx, client, key)
		if err != nil {
			return p, err
		}
		p.records += v.LastSeq
		p.again += v.Again
		for _, problem := range v.Problems {
			p.wrong = append(p.wrong, fmt.Errorf("%s: %v", s.name, problem))
		}
	}
	return p, nil
}

// checkpointPatience bounds the wait for the checkpoint that covers the last record, which is shipped after it.
const checkpointPatience = 2 * time.Minute

func (s *site) verify(ctx context.Context, client *fleet.Client, key string) (*audit.Verification, error) {
	last := s.log.LastSeq()
	for end := time.Now().Add(checkpointPatience); ; {
		v, err := client.Verify(ctx, fleet.VerifyOptions{Site: s.name, Keys: []string{key}})
		if err != nil {
			return nil, err
		}
		if !v.OK() || v.Sealed == last {
			return v, nil
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%s: the copy is proven up to %d of %d", s.name, v.Sealed, last)
		}
		if err := sleep(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

// ok is the error of a proof; it names some of the faults.
func (p *proof) ok() error {
	if len(p.wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%d problems: %w", len(p.wrong), errors.Join(p.wrong[:min(len(p.wrong), 5)]...))
}
