package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/bundle"
	"webproxy/config"
	"webproxy/internal/setting"
	"webproxy/internal/wording"
)

const (
	defaultWhatIf  = 7 * 24 * time.Hour
	whatIfPatience = 2 * time.Minute // for reading the log, whose disk may hang
	whatIfHosts    = 3               // hosts that a refusal names
)

// errWhatIf says that a what-if could not be made; a later one may succeed.
var errWhatIf = errors.New("what-if not made")

// A whatIf is the result of a what-if that runs in a goroutine.
type whatIf chan error

// whatIf returns an error if next, the configuration with the bundle, would decide more of the recent requests differently than
// policy.bundle.refuse_if allows, or errWhatIf if that is not known. It reads the log for whatIfPatience at most.
func (b *bundles) whatIf(ctx context.Context, cfg, next *config.Config, of *bundle.Bundle) error {
	spec := cfg.Policy.Bundle
	limit, err := setting.ParseLimit(spec.RefuseIf, setting.WhatIfNames())
	if err != nil || limit.Name == "" {
		return err
	}
	compare := replay.Compare(cfg.Set, next.Set)
	if cfg.Bundle == nil { // everything is refused now: compare with what was permitted before
		if limit.Name == setting.NewlyAllowed {
			return nil
		}
		compare = replay.New(next.Set)
	}
	if b.asking != nil {
		select {
		case <-b.asking:
			b.asking = nil
		default:
			return fmt.Errorf("%v: %w: the log is still being read for the one before: does its disk hang?", of, errWhatIf)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, whatIfPatience, fmt.Errorf("the log was not read within %v: policy.bundle.what_if may ask for less of it", whatIfPatience))
	defer cancel()
	back := cmp.Or(spec.WhatIf, defaultWhatIf)
	asking := make(whatIf, 1)
	b.asking = asking
	go func() { asking <- scanWhatIf(ctx, cfg.Audit.Dir, back, compare) }()
	select {
	case err = <-asking:
		b.asking = nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%v: %w: %w", of, errWhatIf, err)
	}
	if n := compare.Count(limit); limit.Exceeded(n, compare.Requests) {
		return fmt.Errorf("%v: what-if: %s: %d of %s of the last %s, %s", of, limit, n, wording.Amount(compare.Requests, "request"),
			setting.Duration(back), whatIfExamples(compare, limit.Name == setting.NewlyDenied))
	}
	return nil
}

// scanWhatIf lets compare evaluate the recent requests, with only one worker, since the proxy serves meanwhile.
func scanWhatIf(ctx context.Context, dir string, back time.Duration, compare *replay.Replay) error {
	where, err := audit.ParseQuery("type in (egress.decision, egress.repeat, egress.close)")
	if err != nil {
		return err
	}
	_, err = audit.ScanLines(dir, audit.ScanOptions{Since: time.Now().Add(-back), Where: where, Workers: 1}, func(r *audit.Record, _ string) error {
		compare.Add(r)
		return ctx.Err()
	})
	return err
}

// whatIfExamples names the hosts with the most requests that would be decided differently.
func whatIfExamples(r *replay.Replay, denied bool) string {
	var hosts []string
	for _, c := range r.Finish() {
		host := audit.Printable(c.Host)
		if c.Denied() != denied || slices.Contains(hosts, host) {
			continue
		}
		if hosts = append(hosts, host); len(hosts) == whatIfHosts {
			break
		}
	}
	return "most of them " + strings.Join(hosts, ", ")
}
