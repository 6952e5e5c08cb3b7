package daemon

import (
	"errors"
	"strings"
	"sync"
	"time"

	"webproxy/config"
	"webproxy/policy"
)

// mostLines bounds the lists in a Reloaded.
const mostLines = 200

// justNow is how long after an automatic reload a requested one still reports its changes.
const justNow = 5 * time.Second

// Reloaded is the result of reading a configuration again.
type Reloaded struct {
	// Installed says whether it is in force; if not, Problem and Lines say why, and the policy before it stays.
	Installed bool      `json:"installed"`
	Time      time.Time `json:"time"`
	Policy    string    `json:"policy"`     // digest of the policy in force now
	PolicyOld string    `json:"policy_old"` // digest of the policy before
	Since     time.Time `json:"since"`      // when the policy in force was installed
	Problem   string    `json:"problem,omitempty"`
	Lines     []string  `json:"lines,omitempty"` // the problems as webproxy check prints them

	Added   []string `json:"added,omitempty"` // at most mostLines of AddedN
	Removed []string `json:"removed,omitempty"`
	AddedN  int      `json:"added_count"`
	// RemovedN is how many of the policy's lines are gone.
	RemovedN int `json:"removed_count"`
	// Forbidden is how many open exchanges the new policy forbids: they end after Grace.
	Forbidden int           `json:"forbidden"`
	Grace     time.Duration `json:"grace_ns"`
	// NeedRestart names settings that changed and hold only after a restart.
	NeedRestart []string `json:"need_restart,omitempty"`
	Warnings    []string `json:"warnings,omitempty"`
	// FirstSeq and LastSeq are the numbers of the records of decisions of people, such as an approval; 0 without such records.
	FirstSeq uint64 `json:"first_seq,omitempty"`
	LastSeq  uint64 `json:"last_seq,omitempty"`
	// Unsteady names files that change faster than they can be read: their earlier content stays in force.
	Unsteady []string `json:"unsteady,omitempty"`
}

// reloads keeps the result of the last reload, and who asked for the next. The zero reloads is ready to use.
type reloads struct {
	mu    sync.Mutex // guards what follows
	asker string
	done  Reloaded
}

// ask stores who requested the next reload, for its record.
func (r *reloads) ask(who string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asker = who
}

func (r *reloads) last() Reloaded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done
}

// installed stores that cfg has replaced old. It returns who requested the reload; empty if nobody did.
func (r *reloads) installed(old *policy.Set, cfg *config.Config, added, removed, restart []string, forbidden int, grace time.Duration, seqs [2]uint64) (by string) {
	done := Reloaded{
		Installed: true, Time: time.Now(), Policy: cfg.Set.Digest(), PolicyOld: old.Digest(),
		Added: added[:min(len(added), mostLines)], Removed: removed[:min(len(removed), mostLines)], AddedN: len(added), RemovedN: len(removed),
		Forbidden: forbidden, Grace: grace, NeedRestart: restart, Unsteady: cfg.Unsteady, FirstSeq: seqs[0], LastSeq: seqs[1],
	}
	for _, w := range cfg.Warnings[:min(len(cfg.Warnings), mostLines)] {
		done.Warnings = append(done.Warnings, w.String())
	}
	return r.note(done)
}

// refused stores that old stays in force because of err; seqs and cut are of a lockdown that began or ended nevertheless.
func (r *reloads) refused(old *policy.Set, err error, seqs [2]uint64, cut int) (by string) {
	done := Reloaded{
		Time: time.Now(), Policy: old.Digest(), PolicyOld: old.Digest(), Problem: err.Error(),
		FirstSeq: seqs[0], LastSeq: seqs[1], Forbidden: cut,
	}
	var problems config.Problems
	if errors.As(err, &problems) {
		var b strings.Builder
		problems[:min(len(problems), mostLines)].Write(&b)
		done.Lines = strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	}
	return r.note(done)
}

func (r *reloads) note(done Reloaded) (by string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before := &r.done; done.Installed == before.Installed && done.AddedN+done.RemovedN == 0 && done.LastSeq == 0 &&
		done.Policy == before.Policy && done.Time.Sub(before.Time) < justNow {
		// The files were read automatically before the reload was requested: it is the same change. A lockdown can be one even
		// if the configuration is refused.
		done.Added, done.Removed, done.AddedN, done.RemovedN = before.Added, before.Removed, before.AddedN, before.RemovedN
		done.PolicyOld, done.Forbidden, done.FirstSeq, done.LastSeq = before.PolicyOld, before.Forbidden, before.FirstSeq, before.LastSeq
	}
	by, r.asker, r.done = r.asker, "", done
	return by
}
