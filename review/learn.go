package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/config"
	"webproxy/internal/wording"
	"webproxy/learn"
	"webproxy/policy"
)

// LearnOptions say which part of the log is learnt from.
type LearnOptions struct {
	Dir          string    // of the log; empty for the configuration's
	Group        string    // only this client group; empty for all
	Since, Until time.Time // zero for no bound
	Watch        Watch
	// Progress, if not nil, is told how far the reading is, instead of the one that Watch gets.
	Progress *audit.Progress
}

// A LearnInput is what proposals are made from: the log and earlier decisions. It is for one goroutine.
type LearnInput struct {
	Config    *config.Config
	Seen      *learn.Observations
	Decisions learn.Decisions
	Now       time.Time
	Groups    []*learn.Group // the groups chosen by LearnOptions, in the order of the configuration

	known   *learn.Known
	options LearnOptions
}

// A NoGroupError says that a configuration has no client group of that name.
type NoGroupError struct {
	Name  string
	There []string
}

func (e *NoGroupError) Error() string {
	return fmt.Sprintf("%q: no such client group; there are %s", e.Name, strings.Join(e.There, ", "))
}

// LogDir returns the directory of the audit log: dir or, if that is empty, the one that cfg names.
func LogDir(cfg *config.Config, dir string) string {
	return cmp.Or(dir, cfg.Audit.WithDefaults().Dir)
}

// Learn reads the log and the earlier decisions. The error is a *NoGroupError if there is no group of that name.
func Learn(cfg *config.Config, o LearnOptions) (*LearnInput, error) {
	o.Dir = LogDir(cfg, o.Dir)
	l := &LearnInput{Config: cfg, Now: time.Now(), options: o}
	var err error
	if l.Decisions, err = readDecisions(cfg); err != nil {
		return nil, err
	}
	if l.known, err = learn.OpenKnown(cfg.Place()); err != nil {
		return nil, err
	}
	scan := audit.ScanOptions{Since: o.Since, Until: o.Until}
	var done func(*audit.Stats)
	scan.Progress, done = o.Watch.begin("learn")
	if o.Progress != nil {
		scan.Progress = o.Progress
	}
	seen, stats, err := learn.Observe(o.Dir, scan, learn.NewPathRules(cfg.Set, l.known))
	done(&stats)
	if err != nil {
		return nil, err
	}
	l.Seen = seen
	return l, l.choose(o.Group)
}

// choose selects the groups of the configuration, in its order, or the one of that name.
func (l *LearnInput) choose(name string) error {
	var names []string
	for _, g := range l.Config.Set.Groups() {
		names = append(names, g.Name)
		if name == "" || name == g.Name {
			l.Groups = append(l.Groups, l.Seen.Group(g.Name))
		}
	}
	if len(l.Groups) == 0 {
		return &NoGroupError{name, names}
	}
	return nil
}

// PassedOver returns a sentence for each group that asked for more names than are remembered.
func (l *LearnInput) PassedOver() []string {
	var all []string
	for _, g := range l.Groups {
		if g.Beyond > 0 {
			all = append(all, fmt.Sprintf("group %s asked for more names than are remembered: %s were passed over%s",
				g.Name, wording.Amount(g.Beyond, "request"), noisy(g)))
		}
	}
	return all
}

func noisy(g *learn.Group) string {
	if len(g.Noisy) == 0 {
		return ""
	}
	var names []string
	for _, c := range g.Noisy {
		names = append(names, c.String())
	}
	slices.Sort(names)
	return "; the most by " + strings.Join(names[:min(len(names), 4)], ", ")
}

// Params returns the parameters for the proposals of any of the groups.
func (l *LearnInput) Params() learn.Params {
	return learn.Params{Policy: l.Config.Set, Known: l.known, Now: l.Now, Decisions: l.Decisions}
}

// Proposals returns the proposals to all of Groups.
func (l *LearnInput) Proposals() (list []*learn.Proposal, withheld []learn.Withheld) {
	for _, g := range l.Groups {
		p := g.Propose(l.Params())
		list = append(list, p.List...)
		withheld = append(withheld, p.Withheld...)
	}
	return list, withheld
}

// Replay evaluates under candidate the requests that were learnt from; if q is not nil, only those that it matches.
func (l *LearnInput) Replay(candidate *policy.Set, q *audit.Query) (*replay.Replay, error) {
	o := audit.ScanOptions{Since: l.options.Since, Until: l.options.Until, Where: q}
	var done func(*audit.Stats)
	o.Progress, done = l.options.Watch.begin("replay")
	r, stats, err := replay.Log(l.options.Dir, o, candidate)
	done(&stats)
	return r, err
}

// readDecisions returns the earlier decisions.
func readDecisions(cfg *config.Config) (learn.Decisions, error) {
	decisions, err := learn.ParseDecisions(cfg.Decisions)
	if err != nil {
		return decisions, fmt.Errorf("%s: %w", config.DecisionsPath(cfg.Path), err)
	}
	return decisions, nil
}
