package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/config"
	"webproxy/learn"
)

func newLearn() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "learn",
		Short: "Turn what was let through in learn mode into a small allowlist",
		Long: `The commands below read the audit log, by client group, and propose entries for a list: those of the built-in
lists first, then single hosts, and a wildcard only for a family of names below a domain that has one owner. A
person decides; see docs/learning.md. They work whether the proxy runs or not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLearnStatus(), newLearnReview(), newLearnExport(), newLearnReject(), newLearnApply(), newLearnNarrow())
	return cmd
}

// learnFlags say what of the log is learnt from.
type learnFlags struct {
	config, dir *string
	group       *string
	window      window
}

func addLearnFlags(cmd *cobra.Command) learnFlags {
	f := learnFlags{
		config: configFlag(cmd),
		dir:    cmd.Flags().String("dir", "", "`DIR` of the log, instead of the one in the configuration"),
		group:  cmd.Flags().String("group", "", "only this client `GROUP`"),
		window: windowFlags(cmd),
	}
	return f
}

// A lesson is what was read to learn from.
type lesson struct {
	cfg  *config.Config
	seen *learn.Observations
	past learn.Past
	now  time.Time

	known  *learn.Known
	groups []*learn.Group // those that are asked for
}

// read reads the configuration, the log, and what was decided before.
func (f learnFlags) read(cmd *cobra.Command) (*lesson, error) {
	l := &lesson{now: time.Now()}
	var err error
	if l.cfg, err = loadConfig(*f.config); err != nil {
		return nil, err
	}
	o := audit.ScanOptions{Progress: new(audit.Progress)}
	if o.Since, o.Until, err = f.window.times(l.now); err != nil {
		return nil, err
	}
	if l.past, err = readPast(l.cfg); err != nil {
		return nil, err
	}
	if l.known, err = learn.OpenKnown(place(l.cfg)); err != nil {
		return nil, err
	}
	stop := showProgress(cmd.ErrOrStderr(), "learn", o.Progress)
	seen, stats, err := learn.Observe(f.logDir(l.cfg), o, learn.NewPathRules(l.cfg.Set, l.known))
	stop()
	sayIncomplete(cmd.ErrOrStderr(), &stats)
	if err != nil {
		return nil, err
	}
	l.seen = seen
	return l, l.choose(*f.group, cmd.ErrOrStderr())
}

// logDir is the directory of the log.
func (f learnFlags) logDir(cfg *config.Config) string {
	return cmp.Or(*f.dir, cfg.Audit.WithDefaults().Dir)
}

// choose takes the groups of the configuration, in its order, or the one of that name.
func (l *lesson) choose(name string, stderr io.Writer) error {
	var names []string
	for _, g := range l.cfg.Set.Groups() {
		names = append(names, g.Name)
		if name == "" || name == g.Name {
			l.groups = append(l.groups, l.seen.Group(g.Name))
		}
	}
	if len(l.groups) == 0 {
		return usageError{fmt.Errorf("--group %q: no such client group; there are %s", name, strings.Join(names, ", "))}
	}
	for _, g := range l.groups {
		if g.Beyond > 0 {
			sayWarning(stderr, fmt.Sprintf("group %s asked for more names than are remembered: %s were passed over%s",
				g.Name, requests(g.Beyond), noisy(g)))
		}
	}
	return nil
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

// params are for the proposals of one group.
func (l *lesson) params() learn.Params {
	return learn.Params{Policy: l.cfg.Set, Known: l.known, Now: l.now, Past: l.past}
}

// proposals are those of all groups asked for.
func (l *lesson) proposals() (list []*learn.Proposal, withheld []learn.Withheld) {
	for _, g := range l.groups {
		p := g.Propose(l.params())
		list = append(list, p.List...)
		withheld = append(withheld, p.Withheld...)
	}
	return list, withheld
}

func newLearnStatus() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how far the learning of each client group is",
		Args:  cobra.NoArgs,
	}
	f := addLearnFlags(cmd)
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		asJSON, err := isJSON(*output)
		if err != nil {
			return err
		}
		l, err := f.read(cmd)
		if err != nil {
			return err
		}
		params := l.params()
		if params.WhatIf, err = f.whatIf(cmd, l); err != nil {
			return err
		}
		ready := make([]learn.Readiness, 0, len(l.groups))
		for _, g := range l.groups {
			ready = append(ready, g.Ready(params))
		}
		if asJSON {
			return writeJSON(cmd.OutOrStdout(), ready)
		}
		return l.statusTable(cmd.OutOrStdout(), ready)
	}
	return cmd
}

// whatIf replays the log under the policy with all groups enforcing.
func (f learnFlags) whatIf(cmd *cobra.Command, l *lesson) (*replay.Replay, error) {
	candidate, err := enforcing(l.cfg)
	if err != nil { // such as the tests of the policy, which may be about learn mode
		sayWarning(cmd.ErrOrStderr(), "no what-if: "+err.Error())
		return nil, nil
	}
	o := audit.ScanOptions{}
	if o.Since, o.Until, err = f.window.times(l.now); err != nil {
		return nil, err
	}
	return replayLog(cmd, f.logDir(l.cfg), o, candidate)
}

func (l *lesson) statusTable(w io.Writer, ready []learn.Readiness) error {
	rows := [][]string{{"GROUP", "MODE", "STATE", "SINCE", "REQUESTS", "COVERED", "NEW HOSTS", "LAST NEW", "READY"}}
	modes := map[string]string{}
	for _, g := range l.cfg.Set.Groups() {
		modes[g.Name] = g.Mode.String()
	}
	for _, r := range ready {
		row := []string{r.Group, modes[r.Group], string(r.State), "-", thousands(r.Requests), "-", fmt.Sprint(r.NewHosts), "-", "no: " + strings.Join(r.Missing, "; ")}
		if r.Requests > 0 {
			row[3], row[5] = days(l.now.Sub(r.Since)), fmt.Sprintf("%.1f%%", 100*r.Covered)
		}
		if !r.LastNew.IsZero() {
			row[7] = days(l.now.Sub(r.LastNew)) + " ago"
		}
		if r.Ready() {
			row[8] = "yes"
			if len(r.Missing) > 0 {
				row[8] += ", but: " + strings.Join(r.Missing, "; ")
			}
		}
		rows = append(rows, row)
	}
	if err := writeTable(w, rows); err != nil {
		return err
	}
	for _, r := range ready {
		if r.Entries > 0 {
			never := ""
			if len(r.Unused) > 0 {
				never = "; never: " + strings.Join(r.Unused[:min(len(r.Unused), 4)], ", ")
			}
			fmt.Fprintf(w, "%s: %d of %d required hosts of the built-in lists in force were asked for%s\n", r.Group, r.Used, r.Entries, never)
		}
	}
	return nil
}

// days is a length of time, for people.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
