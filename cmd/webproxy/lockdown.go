package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/internal/adminsocket"
	"webproxy/internal/wording"
	"webproxy/policy"
	"webproxy/review"
)

func newLockdown() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lockdown --only NAME --for DURATION --reason TEXT",
		Short: "Refuse everything except named lists for a time, and cut open exchanges",
		Long: `Lockdown refuses, until its end, every request that the policy does not allow or that none of the named rules allows, in
learn mode too. Open tunnels and requests that it forbids are cut at once. NAME is the id of an allow rule, or the list or list
file of one; with --nothing everything is refused. It is kept in lockdown.yaml beside the configuration, so it holds after a restart,
and it ends by itself. The audit log records who began it, why, and until when. It needs no valid configuration to
refuse everything. The policy's tests ignore it.`,
		Example: "  webproxy lockdown --only approved --for 2h --reason INC-7\n  webproxy lockdown --nothing --for 30m --reason INC-7\n  webproxy lockdown end --reason 'INC-7 closed'",
		Args:    cobra.NoArgs,
	}
	at := addAdminFlag(cmd)
	only := cmd.Flags().StringArray("only", nil, "the rule, list or list file `NAME` that stays allowed; may be given several times")
	cmd.Flags().Bool("nothing", false, "leave nothing allowed")
	forTime := cmd.Flags().String("for", "", "how long: a `TIME` such as 4h, 2d or 30m")
	untilTime := cmd.Flags().String("until", "", "its end instead, a `TIME`: RFC 3339, such as 2026-12-31T18:00:00Z")
	by, reason := actorFlags(cmd)
	cmd.MarkFlagsMutuallyExclusive("only", "nothing")
	cmd.MarkFlagsOneRequired("only", "nothing")
	cmd.MarkFlagsMutuallyExclusive("for", "until")
	cmd.MarkFlagsOneRequired("for", "until")
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		now := time.Now()
		until, err := lockdownEnd(*forTime, *untilTime, now)
		if err != nil {
			return err
		}
		actor, path, err := lockdownActor(at, *by)
		if err != nil {
			return err
		}
		c, err := review.Lock(path, *only, until, actor, *reason)
		if err != nil {
			return onlyError(err)
		}
		l := policy.Lockdown{Only: *only, Until: until, By: actor, Reason: *reason}
		answer := lockdownAnswer{State: "on", Only: append([]string{}, *only...), Until: until.UTC(), By: actor, Reason: *reason}
		return answerChange(cmd, asJSON, &answer, func(out io.Writer) error { return commitLockdown(cmd, out, at, c, "lockdown "+l.Text(), &answer) })
	})
	cmd.AddCommand(newLockdownEnd())
	return cmd
}

func newLockdownEnd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "end --reason TEXT",
		Short: "End the lockdown",
		Long:  `End ends the lockdown before its time. It also replaces a lockdown.yaml that cannot be read, for which everything is refused.`,
		Args:  cobra.NoArgs,
	}
	at := addAdminFlag(cmd)
	by, reason := actorFlags(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		actor, path, err := lockdownActor(at, *by)
		if err != nil {
			return err
		}
		c, err := review.Unlock(path, actor, *reason)
		if err != nil {
			return err
		}
		answer := lockdownAnswer{State: "ended", Only: []string{}, By: actor, Reason: *reason}
		return answerChange(cmd, asJSON, &answer, func(out io.Writer) error {
			return commitLockdown(cmd, out, at, c, "lockdown ended, by "+actor+": "+*reason, &answer)
		})
	})
	return cmd
}

// A lockdownAnswer is what lockdown and lockdown end print as JSON.
type lockdownAnswer struct {
	Config string    `json:"config"` // empty if it is not valid
	State  string    `json:"state"`  // on, or ended
	Only   []string  `json:"only"`   // what stays allowed
	Until  time.Time `json:"until,omitzero"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Effect *effect   `json:"effect"`
}

// onlyError is err as a usage error of --only, if the names in it are wrong: the file that err names was not written.
func onlyError(err error) error {
	var problems config.Problems
	if errors.As(err, &problems) && len(problems) > 0 && strings.HasPrefix(problems[0].Path, "only[") {
		return usageError{fmt.Errorf("--only: %s", problems[0].Msg)}
	}
	return err
}

// lockdownEnd is when the lockdown ends, by --for or --until.
func lockdownEnd(length, until string, now time.Time) (time.Time, error) {
	if until == "" {
		d, err := forHowLong(length)
		return now.Add(d).Truncate(time.Second), err
	}
	t, err := time.Parse(time.RFC3339, until)
	switch {
	case err != nil:
		return t, usageError{fmt.Errorf("--until %s: want a time such as 2026-12-31T18:00:00Z", until)}
	case !t.After(now):
		return t, usageError{fmt.Errorf("--until %s: that is past", until)}
	}
	return t, nil
}

// lockdownActor returns in whose name the lockdown is changed, and the configuration's path.
func lockdownActor(at adminFlag, by string) (actor, path string, err error) {
	path, err = ownConfigPath(*at.config, "file beside which a lockdown could be kept")
	return who(by), path, err
}

// commitLockdown writes c, and waits until the running proxy has it in force; out is for people, answer for programs.
func commitLockdown(cmd *cobra.Command, out io.Writer, at adminFlag, c *review.LockdownChange, what string, answer *lockdownAnswer) error {
	rec, err := c.Commit()
	if err != nil {
		return err
	}
	if c.Invalid == nil {
		answer.Config = about(c.Next)
		fmt.Fprint(out, aboutLine(c.Next))
		fmt.Fprintln(out, what)
		answer.Effect, err = inForce(cmd, out, at, rec, c.Next.Set.Digest())
		return err
	}
	fmt.Fprintln(out, what)
	first, _, _ := strings.Cut(c.Invalid.Error(), "\n")
	sayWarning(cmd.ErrOrStderr(), "the configuration is not valid, which a lockdown does not need: "+first)
	done, err := askReload(cmd.Context(), at)
	switch {
	case errors.Is(err, adminsocket.ErrNotRunning) || errors.Is(err, fs.ErrNotExist):
		answer.Effect = &effect{State: "not running"}
		fmt.Fprintln(out, "no proxy runs with this configuration, and none starts before it is valid")
		return nil
	case err != nil:
		return fmt.Errorf("the proxy could not be asked: %w", err)
	}
	answer.Effect = &effect{State: "in force", Policy: done.Policy, records: records{done.FirstSeq, done.LastSeq}, Forbidden: done.Forbidden}
	fmt.Fprintf(out, "in force   policy %s%s\n", shortDigest(done.Policy), answer.Effect.text())
	if done.Forbidden > 0 {
		fmt.Fprintf(out, "%s no longer permitted; %s\n", wording.Plural(done.Forbidden, "open exchange"), cutWhen(0))
	}
	return nil
}
