package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit/replay"
	"webproxy/internal/wording"
	"webproxy/learn"
	"webproxy/policy"
	"webproxy/review"
)

// enforceFlags are the flags of enforce.
type enforceFlags struct {
	learnFlags
	force, dry bool
	by, reason string
}

// An enforceAnswer is what enforce prints as JSON.
type enforceAnswer struct {
	Config   string           `json:"config"`
	Group    string           `json:"group"`
	State    string           `json:"state"`    // enforces, enforced already, dry run, or refused
	Learning *learn.Readiness `json:"learning"` // null if the group was in enforce mode already
	WhatIf   *replayAnswer    `json:"what_if"`  // what enforcing would have denied; null if no request of the group is in the log
	records
}

func newEnforce() *cobra.Command {
	var f enforceFlags
	cmd := &cobra.Command{
		Use:   "enforce GROUP",
		Short: "Switch a client group from learn mode to enforce mode, after a what-if",
		Long: `Enforce says what enforcing would have denied of the requests in the log, and sets policy.modes in the
configuration; nothing else of the file changes, and a running proxy reloads it within a second. It refuses as long as
the group's learning is not stable, unless --force is given. Exit code 4 means that it refused.`,
		Example: "  webproxy enforce nodes --dry-run\n  webproxy enforce nodes --reason CHG-1050",
		Args:    cobra.ExactArgs(1),
	}
	f.learnFlags = learnFlags{auditLog: auditLogFlags(cmd), window: windowFlags(cmd)}
	cmd.Flags().BoolVar(&f.force, "force", false, "switch even if the learning is not stable")
	cmd.Flags().BoolVar(&f.dry, "dry-run", false, "say what would change, and change nothing")
	cmd.Flags().StringVar(&f.by, "by", "", "who switches (default: the user who runs this)")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for the record")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		f.group = &args[0]
		return f.run(cmd, asJSON)
	})
	return cmd
}

func (f *enforceFlags) run(cmd *cobra.Command, asJSON bool) error {
	l, err := f.read(cmd)
	if err != nil {
		return err
	}
	if l.Config.Path == "" {
		return builtInLacks("mode to switch")
	}
	answer := enforceAnswer{Config: about(l.Config), Group: *f.group}
	return answerChange(cmd, asJSON, &answer, func(out io.Writer) error { return f.enforce(cmd, out, l, &answer) })
}

// enforce switches the group, unless it is a dry run; out is for people, answer for programs.
func (f *enforceFlags) enforce(cmd *cobra.Command, out io.Writer, l *learnInput, answer *enforceAnswer) error {
	group, stderr := *f.group, cmd.ErrOrStderr()
	if review.ModeOf(l.Config.Set, group) == policy.Enforce {
		answer.State = "enforced already"
		fmt.Fprintf(stderr, "group %s is enforcing already\n", group)
		return nil
	}
	change, err := review.SwitchMode(l.Config, group, policy.Enforce)
	if err != nil {
		return err
	}
	ready, replay, err := change.Ready(l.LearnInput)
	if err != nil {
		return err
	}
	answer.Learning = &ready
	if ready.Requests > 0 { // otherwise there is nothing to replay; the state says so
		if err := whatIfText(out, replay, &ready); err != nil {
			return err
		}
		whatIf := newReplayAnswer(replay, change.Candidate.Set)
		answer.WhatIf = &whatIf
	}
	if !ready.Ready() && !f.force {
		answer.State = "refused"
		sayError(stderr, fmt.Sprintf("group %s is %s: %s", group, ready.State, strings.Join(ready.Missing, "; ")))
		sayHint(stderr, "webproxy learn review shows what is new; --force switches anyway")
		return noError{}
	}
	if f.dry {
		answer.State = "dry run"
		return nil
	}
	if err := change.Sign(who(f.by), f.reason); err != nil {
		return err
	}
	if answer.records, err = commitChange(cmd, &change.Change); err != nil {
		return err
	}
	answer.State = "enforces"
	fmt.Fprintf(stderr, "group %s enforces now: policy.modes in %s is changed\n", group, filepath.Base(l.Config.Path))
	return nil
}

// whatIfText is "what-if over 14d: 1,241,882 requests, would deny 37 (5 hosts, 2 clients)", and which.
func whatIfText(w io.Writer, replay *replay.Replay, ready *learn.Readiness) error {
	changes := replay.Finish()
	hosts, clients := map[string]bool{}, map[string]bool{}
	for _, c := range changes {
		if c.Denied() {
			hosts[c.Host], clients[c.Client.String()] = true, true
		}
	}
	fmt.Fprintf(w, "what-if over %s: %s, would deny %s", days(ready.Until.Sub(ready.Since)), wording.Amount(replay.Requests, "request"), wording.Comma(replay.NewlyDenied))
	if replay.NewlyDenied > 0 {
		fmt.Fprintf(w, " (%s, %s)", wording.Plural(len(hosts), "host"), wording.Plural(len(clients), "client"))
	}
	fmt.Fprintln(w)
	if err := replayTable(w, changes, true); err != nil {
		return err
	}
	for _, n := range replayNotes(replay) {
		fmt.Fprintln(w, " "+n)
	}
	if window := ready.Until.Sub(ready.Since); window < 35*24*time.Hour {
		fmt.Fprintf(w, " the log is of %s: monthly jobs may not be in it\n", days(window))
	}
	if meant := ready.WouldDeny - ready.Undecided; meant > 0 {
		fmt.Fprintf(w, " of these, %s are meant: rejected, or for hosts that never responded or cannot be allowed\n", wording.Amount(meant, "request"))
	}
	for _, phase := range ready.Idle {
		fmt.Fprintf(w, " phase %s was never exercised: what it needs is not known\n", phase)
	}
	return nil
}
