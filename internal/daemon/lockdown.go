package daemon

import (
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/policy"
)

// graceUnder is how long exchanges go on that the policy of cfg forbids: under a lockdown they do not.
func graceUnder(cfg *config.Config) time.Duration {
	if _, on := cfg.Live.Lockdown(time.Now()); on {
		return 0
	}
	return cfg.Reload.Wait()
}

// relock puts the lockdown on disk in force when nothing else there can be. If it cannot be told either, what is in force
// stays. It returns the numbers of the records, and how many exchanges were cut.
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

// lockdownBroken reports whether set is under a lockdown without an end, which only a lockdown.yaml that cannot be read makes.
func lockdownBroken(set *policy.Set) bool {
	l, on := set.Lockdown(time.Now())
	return on && l.Until.IsZero()
}

// tellLockdown tells the operator's log of a lockdown that began or was ended.
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

// lockdownText says which lockdown is on; it is empty if none is.
func (d *daemon) lockdownText(now time.Time) string {
	if l, on := d.live.Load().Lockdown(now); on {
		return l.Text()
	}
	return ""
}

// startLockdown is what the record of a start says of a lockdown that is on.
func (d *daemon) startLockdown() string {
	if text := d.lockdownText(time.Now()); text != "" {
		return "; a lockdown is on " + text
	}
	return ""
}

// endLockdown records, once, that a lockdown has come to its end. Decisions know that by themselves.
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
