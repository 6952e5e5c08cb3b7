package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/bundle"
	"webproxy/config"
	"webproxy/internal/adminrecord"
	"webproxy/internal/wording"
	"webproxy/policy"
	"webproxy/proxy"
)

// watch reloads the configuration when its files change, until the returned function is called. The
// built-in configuration has no files, and cannot change.
func (d *daemon) watch(ctx context.Context, c control) (stop func()) {
	if d.cfg.Path == "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	w := config.Watch(ctx, d.cfg.Path, config.WatchOptions{Current: d.current.Load(), Log: d.log}, d.reload)
	d.watcher = w
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-c.reload:
				tellReloading()
				w.Reload()
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		w.Close()
		wg.Wait()
	}
}

// reload puts the policy of cfg in force; if it could not be loaded, the policy in force stays. The watcher calls it, one call at a
// time.
func (d *daemon) reload(cfg *config.Config, err error) {
	defer func() { tellReady(d.summary()) }()
	old, was := d.live.Load(), d.current.Load()
	var with authorities
	if err == nil {
		with, err = readAuthorities(cfg)
	}
	if err != nil {
		d.refuseReload(old, err)
		return
	}
	for _, w := range cfg.Warnings {
		d.log.Warn("configuration", zap.String("warning", w.String()))
	}
	changed := config.NeedRestart(d.cfg, cfg)
	if len(changed) > 0 {
		d.log.Warn("changed settings hold only after a restart", zap.Strings("settings", changed))
	}
	added, removed := policy.Diff(old, cfg.Set)
	d.install(cfg.Live, with)
	d.current.Store(cfg)
	grace := graceUnder(cfg)
	forbidden := d.proxy.Recheck(cfg.Live, grace)
	d.status.Installed(policy.ShortDigest(cfg.Set.Digest()), time.Now(), changed, cfg.Unsteady)
	d.metrics.lists(cfg.Policy.Rules)
	d.metrics.reloaded(true)
	if len(cfg.Unsteady) > 0 {
		d.metrics.configOK.Set(0) // not all that is on disk is in force
	}
	ofBundle := bundleDetail(was, cfg)
	seqs := d.recordDecisions(was, cfg)
	d.tellLockdown(was, cfg, len(forbidden))
	by := d.reloads.installed(old, cfg, added, removed, changed, len(forbidden), grace, seqs)
	if len(added)+len(removed) == 0 && ofBundle == "" {
		d.log.Info("configuration read, the policy is unchanged", zap.String("policy", policy.ShortDigest(cfg.Set.Digest())))
		return
	}
	d.log.Info("policy installed", zap.String("policy", policy.ShortDigest(cfg.Set.Digest())), zap.String("before", policy.ShortDigest(old.Digest())),
		zap.Int("added", len(added)), zap.Int("removed", len(removed)), zap.Int("tunnels_forbidden", len(forbidden)))
	d.record(&audit.Record{
		Type: audit.TypeReload, Policy: cfg.Set.Digest(), PolicyOld: old.Digest(), Added: added, Removed: removed,
		Detail: reloadDetail(forbidden) + unsteadyDetail(cfg.Unsteady) + ofBundle, By: by,
	})
}

// recordDecisions records the decisions of people between was and cfg. It returns the numbers of the first and the last record,
// zeros without records.
func (d *daemon) recordDecisions(was, cfg *config.Config) (seqs [2]uint64) {
	records, err := adminrecord.Between(was, cfg, time.Now())
	if err != nil {
		d.log.Warn("decisions about proposals not read", zap.Error(err))
	}
	for i := range records {
		d.record(&records[i])
		if seqs[0] == 0 {
			seqs[0] = records[i].Seq
		}
		seqs[1] = max(seqs[1], records[i].Seq)
	}
	return seqs
}

// refuseReload keeps the policy in force and reports that: in the log, in /readyz, in a metric, and in a record. A
// lockdown begins and ends nevertheless.
func (d *daemon) refuseReload(old *policy.Set, err error) {
	d.status.Refused(err.Error(), time.Now())
	d.metrics.reloaded(false)
	d.log.Error("configuration refused, the policy in force stays", zap.String("policy", policy.ShortDigest(old.Digest())), zap.Error(err))
	detail := err.Error()
	var problems config.Problems
	if errors.As(err, &problems) {
		detail = fmt.Sprintf("%s; first: %s", wording.Plural(len(problems), "problem"), problems[0])
	}
	seqs, cut := d.relock()
	by := d.reloads.refused(old, err, seqs, cut)
	d.record(&audit.Record{Type: audit.TypeReload, Policy: old.Digest(), PolicyOld: old.Digest(), Detail: "refused: " + detail, By: by})
}

// bundleDetail names the bundle of cfg if it differs from that of old, and who rolled back to it or took it by hand.
func bundleDetail(old, cfg *config.Config) string {
	if bundleName(old) == bundleName(cfg) {
		return ""
	}
	detail := fmt.Sprintf("; bundle %s after %s", bundleName(cfg), bundleName(old))
	if st, err := bundle.NewStore(filepath.Dir(config.BundleFile(cfg.Path))).State(); err == nil && st.By != "" && st.Of(cfg.Bundle) {
		detail += fmt.Sprintf(", by %s: %s", st.By, st.Reason)
	}
	return detail
}

// startedBundle names the bundle that cfg starts with, if it has one, for the record of the start, which fleet commands read.
func startedBundle(cfg *config.Config) string {
	if cfg.Bundle == nil {
		return ""
	}
	return "; bundle " + bundleName(cfg)
}

// unsteadyDetail names the files whose changes were not applied.
func unsteadyDetail(files []string) string {
	if len(files) == 0 {
		return ""
	}
	return "; without what changes all the time: " + strings.Join(files, " ")
}

// reloadDetail says which open exchanges the new policy forbids: they end after the grace period.
func reloadDetail(forbidden []proxy.Open) string {
	if len(forbidden) == 0 {
		return "installed"
	}
	const most = 20
	ids := make([]string, 0, most)
	for _, x := range forbidden[:min(len(forbidden), most)] {
		ids = append(ids, x.ID)
	}
	more := ""
	if len(forbidden) > most {
		more = fmt.Sprintf(" and %d more", len(forbidden)-most)
	}
	return fmt.Sprintf("installed; %s no longer permitted: %s%s", wording.Plural(len(forbidden), "open exchange"), strings.Join(ids, " "), more)
}
