package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit/replay"
	"webproxy/internal/wording"
	"webproxy/learn"
	"webproxy/review"
)

func newLearn() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "learn",
		Short: "Turn requests in learn mode into a small allowlist",
		Long: `The commands below read the audit log, by client group, and propose entries for a list: those of the built-in
lists first, then single hosts, and a wildcard only for a family of names below a domain that has one owner. A
person decides; see docs/learning.md. They work whether the proxy runs or not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLearnStatus(), newLearnReview(), newLearnExport(), newLearnReject(), newLearnApply(), newLearnNarrow())
	return cmd
}

// learnFlags say which part of the log is learnt from.
type learnFlags struct {
	auditLog
	group  *string
	window window
}

func addLearnFlags(cmd *cobra.Command) learnFlags {
	return learnFlags{
		auditLog: auditLogFlags(cmd),
		group:    cmd.Flags().String("group", "", "only this client `GROUP`"),
		window:   windowFlags(cmd),
	}
}

// A learnInput is what was read to learn from.
type learnInput struct{ *review.LearnInput }

// read reads the configuration, the log, and earlier decisions.
func (f learnFlags) read(cmd *cobra.Command) (*learnInput, error) {
	cfg, err := loadConfig(*f.config)
	if err != nil {
		return nil, err
	}
	o := review.LearnOptions{Dir: *f.dir, Group: *f.group, Watch: watchReading(cmd.ErrOrStderr())}
	if o.Since, o.Until, err = f.window.times(time.Now()); err != nil {
		return nil, err
	}
	l, err := review.Learn(cfg, o)
	var unknown *review.NoGroupError
	if errors.As(err, &unknown) {
		return nil, usageError{fmt.Errorf("--group %w", err)}
	}
	if err != nil {
		return nil, err
	}
	for _, w := range l.PassedOver() {
		sayWarning(cmd.ErrOrStderr(), w)
	}
	return &learnInput{l}, nil
}

func newLearnStatus() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the state of learning of each client group",
		Args:  cobra.NoArgs,
	}
	f := addLearnFlags(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		l, err := f.read(cmd)
		if err != nil {
			return err
		}
		params := l.Params()
		if params.WhatIf, err = l.whatIf(cmd); err != nil {
			return err
		}
		ready := make([]learn.Readiness, 0, len(l.Groups))
		for _, g := range l.Groups {
			ready = append(ready, g.Ready(params))
		}
		if asJSON {
			return writeJSON(cmd.OutOrStdout(), ready)
		}
		return l.statusTable(cmd.OutOrStdout(), ready)
	})
	return cmd
}

// whatIf replays the log under the policy with all groups enforcing.
func (l *learnInput) whatIf(cmd *cobra.Command) (*replay.Replay, error) {
	candidate, err := review.Enforcing(l.Config)
	if err != nil { // such as a test of the policy that expects learn mode
		sayWarning(cmd.ErrOrStderr(), "no what-if: "+err.Error())
		return nil, nil
	}
	return l.Replay(candidate, nil)
}

func (l *learnInput) statusTable(w io.Writer, ready []learn.Readiness) error {
	rows := [][]string{{"GROUP", "MODE", "STATE", "SINCE", "REQUESTS", "COVERED", "NEW HOSTS", "LAST NEW", "READY"}}
	modes := map[string]string{}
	for _, g := range l.Config.Set.Groups() {
		modes[g.Name] = g.Mode.String()
	}
	for _, r := range ready {
		row := []string{r.Group, modes[r.Group], string(r.State), "-", wording.Comma(r.Requests), "-", fmt.Sprint(r.NewHosts), "-", "no: " + strings.Join(r.Missing, "; ")}
		if r.Requests > 0 {
			row[3], row[5] = days(l.Now.Sub(r.Since)), fmt.Sprintf("%.1f%%", 100*r.Covered)
		}
		if !r.LastNew.IsZero() {
			row[7] = days(l.Now.Sub(r.LastNew)) + " ago"
		}
		if r.Ready() {
			row[8] = "yes"
			if len(r.Missing) > 0 {
				row[8] += ", but: " + strings.Join(r.Missing, "; ")
			}
		}
		rows = append(rows, row)
	}
	if err := writeTable(w, rows, "SINCE", "COVERED", "LAST NEW"); err != nil {
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
