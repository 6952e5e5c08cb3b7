package daemon

import (
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/policy"
)

// graceUnder is how long exchanges that the policy of cfg forbids may go on: not at all under a lockdown.
func graceUnder(cfg *config.Config) time.Duration {
	if _, on := cfg.Live.Lockdown(time.Now()); on {
		return 0
	}
	return cfg.Reload.Wait()
}

// relock puts the lockdown on disk in force if the rest of the configuration is invalid. If it cannot be read either, nothing
// changes. It returns the numbers of the records, and how many exchanges were cut.
func (d *daemon) relock() (seqs [2]uint64, cut int) {
	was := d.current.Load()
	if was.Path == "" {
		return seqs, 0
	}
	next, err := config.Relock(was)
	if err != nil {
		d.log.Error("lockdown not read, what is in force stays", zap.Error(err))
		return seqs, 0
	}
	if was.Lockdown.Same(next.Lockdown) && !lockdownBroken(d.live.Load()) {
		return seqs, 0
	}
	d.live.Swap(next.Live)
	d.current.Store(next)
	forbidden := d.proxy.Recheck(next.Live, graceUnder(next))
	seqs = d.recordDecisions(was, next)
	d.tellLockdown(was, next, len(forbidden))
	return seqs, len(forbidden)
}

// lockdownBroken reports whether set is under a lockdown without an end, which means that lockdown.yaml could not be read.
func lockdownBroken(set *policy.Set) bool {
	l, on := set.Lockdown(time.Now())
	return on && l.Until.IsZero()
}

// tellLockdown logs that a lockdown began or was ended.
func (d *daemon) tellLockdown(was, cfg *config.Config, cut int) {
	now := time.Now()
	switch l, on := cfg.Live.Lockdown(now); {
	case was.Lockdown.Same(cfg.Lockdown):
	case on:
		d.log.Warn("lockdown", zap.String("on", l.Text()), zap.Int("exchanges_cut", cut))
	case was.Lockdown.IsOn(now):
		by := ""
		if cfg.Lockdown != nil {
			by = cfg.Lockdown.Ended.By
		}
		d.log.Warn("lockdown ended", zap.String("by", by))
	}
}

// lockdownText describes the lockdown that is on; empty without a lockdown.
func (d *daemon) lockdownText(now time.Time) string {
	if l, on := d.live.Load().Lockdown(now); on {
		return l.Text()
	}
	return ""
}

// startLockdown is the text about a lockdown in the record of a start.
func (d *daemon) startLockdown() string {
	if text := d.lockdownText(time.Now()); text != "" {
		return "; a lockdown is on " + text
	}
	return ""
}

// endLockdown records, once, that a lockdown has expired. Decisions do not depend on this call.
func (d *daemon) endLockdown(now time.Time) {
	l := d.current.Load().Lockdown
	over := l != nil && l.Ended.At.IsZero() && !now.Before(l.Until) && !l.Until.Before(d.began)
	if !over || l.Same(d.lockdownOver) {
		return
	}
	d.lockdownOver = l
	d.log.Warn("lockdown ended", zap.Time("until", l.Until))
	d.record(&audit.Record{Type: audit.TypeLockdown, Policy: d.live.Load().Digest(), Detail: "the lockdown ended by itself, at " + l.Until.UTC().Format(time.RFC3339)})
}
