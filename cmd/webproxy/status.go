package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/internal/daemon"
	"webproxy/internal/wording"
)

func newStatus() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say what the running proxy is doing",
		Long: `Status asks the running proxy for its state: which policy is in force and since when, modes and how far learning is, phases,
what is open now, how much was allowed and denied in the last hour, which hosts were denied lately, the audit log, for how many days
there is room, when it was last verified, and its receivers. It waits for no disk: what takes longer, such as reading the log to
say how far learning is, goes on in the background.
The line "look at" names what needs attention; with --check the exit code is 4 if there is anything, with --ready if
no requests are taken. It needs the user that the proxy runs as, or an administrator.`,
		Example: "  webproxy status\n  webproxy status --check -o json",
		Args:    cobra.NoArgs,
	}
	at := addAdminFlag(cmd)
	check := cmd.Flags().Bool("check", false, "exit with code 4 if there is something to look at")
	ready := cmd.Flags().Bool("ready", false, "exit with code 4 unless requests are taken, for health checks")
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		c, err := at.client()
		if err != nil {
			return err
		}
		var st daemon.Status
		path := daemon.StatusPath
		if !*ready { // a health check reads no log
			path += "?" + daemon.LearningQuery
		}
		if err := ask(cmd.Context(), c, http.MethodGet, path, nil, &st); err != nil {
			return err
		}
		look := lookAt(&st)
		if asJSON {
			err = writeJSON(cmd.OutOrStdout(), statusAnswer{st, look})
		} else {
			_, err = io.WriteString(cmd.OutOrStdout(), statusText(&st, look))
		}
		if err == nil && (*check && len(look) > 0 || *ready && !st.Ready) {
			err = noError{}
		}
		return err
	})
	return cmd
}

// A statusAnswer is what status prints as JSON.
type statusAnswer struct {
	daemon.Status
	LookAt []string `json:"look_at"`
}

const (
	// littleFree is the free space on the audit log's disk, in bytes, below which lookAt reports it.
	littleFree = 1 << 30
	// fewDays is the number of days of room for the audit log below which lookAt reports it.
	fewDays = 14
	// sealedLate is the age of the last signed checkpoint above which lookAt reports it.
	sealedLate = 5 * time.Minute
	// lagLate is the lag of a receiver above which lookAt reports it.
	lagLate = 5 * time.Minute
)

// lookAt names what somebody should look at.
func lookAt(st *daemon.Status) []string {
	look := []string{}
	add := func(when bool, format string, args ...any) {
		if when {
			look = append(look, fmt.Sprintf(format, args...))
		}
	}
	add(st.Audit.Stalled, "the audit log's disk does not answer")
	add(!st.Ready && !st.Audit.Stalled, "no requests are taken")
	add(!st.Audit.Recording && !st.Audit.Stalled, "the last audit record could not be written")
	add(st.Policy.Problem != "", "the configuration on disk was refused")
	add(len(st.Policy.NeedRestart) > 0, "a restart is needed for %s", strings.Join(st.Policy.NeedRestart, ", "))
	add(st.Audit.Free >= 0 && st.Audit.Free < littleFree, "%s free on the audit log's disk", bytesText(st.Audit.Free))
	add(st.Audit.DaysLeft >= 0 && st.Audit.DaysLeft < fewDays && st.Audit.Free >= littleFree, "there is room for %s of the audit log", wording.Plural(st.Audit.DaysLeft, "day"))
	if v := st.Audit.Verified; v != nil && !v.OK {
		add(true, "the audit log is not what was written: %s", v.Text)
	}
	add(!st.Audit.Sealed.IsZero() && st.Now.Sub(st.Audit.Sealed) > sealedLate && st.Now.Sub(st.Started) > sealedLate && st.LastHour.Allowed+st.LastHour.Denied > 0,
		"the audit log was signed %s ago", ago(st.Now.Sub(st.Audit.Sealed)))
	add(st.Lockdown != nil, "a lockdown is on: webproxy lockdown end ends it")
	if b := st.Bundle; b != nil {
		add(b.Problem != "", "policy bundles are not taken: %s", b.Problem)
		add(b.Serial == 0, "no policy bundle was taken yet: everything is refused")
	}
	for _, r := range st.Receivers {
		add(r.LagSeconds > lagLate.Seconds(), "receiver %s is %s behind", r.Name, ago(seconds(r.LagSeconds)))
	}
	for _, u := range st.Upstreams {
		add(!u.Up, "upstream proxy %s does not work", u.Name)
	}
	add(requiredText(st) != "", "%s", requiredText(st))
	add(st.EndingN > 0, "%s", endText(st))
	return look
}

// requiredText is "1 denied host is required (azure-local@2026-11): webproxy coverage"; empty if there is none.
func requiredText(st *daemon.Status) string {
	n, list := 0, ""
	for i := range st.Denied {
		if r := st.Denied[i].Required; r != "" {
			n, list = n+1, r
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("1 denied host is required (%s): webproxy coverage", list)
	}
	return fmt.Sprintf("%d denied hosts are required (%s): webproxy coverage", n, list)
}

// endText is "2 rules end within 30 days, the first in 6 d".
func endText(st *daemon.Status) string {
	if st.EndingN == 0 {
		return ""
	}
	in := ago(st.Ending[0].Expires.Sub(st.Now))
	if st.EndingN == 1 {
		return "1 entry ends in " + in + ": " + st.Ending[0].Host
	}
	return fmt.Sprintf("%s end within 30 d, the first in %s: %s", wording.Plural(st.EndingN, "entry"), in, st.Ending[0].Host)
}
