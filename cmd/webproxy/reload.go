package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/internal/adminsocket"
	"webproxy/internal/daemon"
	"webproxy/internal/wording"
	"webproxy/policy"
)

func newReload() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have the running proxy read its configuration again, and show the result",
		Long: `Reload asks the running proxy to read its configuration and lists again, waits until it has, and prints what
changed in the policy or why nothing did. The proxy reads changed files within a second anyway; this command shows when
they are in force. Exit code 3 means that the configuration was refused: the policy in force stays.`,
		Args: cobra.NoArgs,
	}
	at := addAdminFlag(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		c, err := at.client()
		if err != nil {
			return err
		}
		done, err := reload(cmd.Context(), c)
		if err != nil {
			return err
		}
		if asJSON {
			err = writeJSON(cmd.OutOrStdout(), done)
		} else {
			err = writeReloaded(cmd.OutOrStdout(), cmd.ErrOrStderr(), done)
		}
		if err == nil && !done.Installed {
			err = configError{}
		}
		return err
	})
	return cmd
}

// reload makes the proxy read its configuration, and waits until it has.
func reload(ctx context.Context, c *adminsocket.Client) (*daemon.Reloaded, error) {
	done := new(daemon.Reloaded)
	return done, ask(ctx, c, http.MethodPost, daemon.ReloadPath, nil, done)
}

func writeReloaded(stdout, stderr io.Writer, r *daemon.Reloaded) error {
	for _, w := range r.Warnings {
		sayWarning(stderr, w)
	}
	if !r.Installed {
		lines := r.Lines
		if len(lines) == 0 {
			lines = []string{r.Problem}
		}
		_, err := fmt.Fprintf(stdout, "refused: the policy before stays in force   policy %s\n%s\n", shortDigest(r.Policy), strings.Join(lines, "\n"))
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "in force   policy %s", shortDigest(r.Policy))
	if r.Policy == r.PolicyOld && r.AddedN+r.RemovedN == 0 {
		fmt.Fprintf(&b, " for %s, unchanged", ago(r.Time.Sub(r.Since)))
	} else {
		fmt.Fprintf(&b, "   before %s   +%d -%d", shortDigest(r.PolicyOld), r.AddedN, r.RemovedN)
	}
	b.WriteByte('\n')
	changedLines(&b, "+", r.Added, r.AddedN)
	changedLines(&b, "-", r.Removed, r.RemovedN)
	if r.Forbidden > 0 {
		fmt.Fprintf(&b, "%s no longer permitted; %s\n", wording.Plural(r.Forbidden, "open exchange"), cutWhen(r.Grace))
	}
	if len(r.NeedRestart) > 0 {
		fmt.Fprintf(&b, "only after a restart: %s\n", strings.Join(r.NeedRestart, ", "))
	}
	if len(r.Unsteady) > 0 {
		fmt.Fprintf(&b, "changing all the time, so that their content from before counts: %s\n", strings.Join(r.Unsteady, ", "))
	}
	_, err := io.WriteString(stdout, b.String())
	return err
}

// cutWhen says when exchanges that a policy forbids are cut.
func cutWhen(grace time.Duration) string {
	if grace <= 0 {
		return "they are cut"
	}
	return "they are cut in " + grace.String()
}

// changedLines writes lines of a policy that were added or removed, n in all.
func changedLines(b *strings.Builder, sign string, lines []string, n int) {
	const most = 40
	shown := lines[:min(len(lines), most)]
	for _, l := range shown {
		fmt.Fprintf(b, " %s %s\n", sign, policy.Readable(l))
	}
	if more := n - len(shown); more > 0 {
		fmt.Fprintf(b, " %s %d more\n", sign, more)
	}
}

// A configError says that the configuration is not valid, as was printed.
type configError struct{}

func (configError) Error() string { return "the configuration is not valid" }
