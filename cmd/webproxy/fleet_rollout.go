package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/bundle"
	"webproxy/fleet"
	"webproxy/internal/setting"
	"webproxy/internal/smallfile"
	"webproxy/internal/wording"
)

func newFleetRollout() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollout BUNDLE --ring RING [--then RING]",
		Short: "Bring a bundle to one ring of sites after another, and stop if something speaks against it",
		Long: `Rollout verifies a bundle with the keys in fleet.yaml, evaluates recent requests of the ring's sites with it, copies it to where the
ring's sites fetch bundles, and observes them for the time of --soak: which sites use it, and what they deny. Then it
continues with the next ring. It stops, with exit code 4, if the what-if or --stop-if says so, if a site refuses the
bundle, if a site that delivers records has not taken it in time, or if one with the bundle delivers no more; sites that have it keep it until there is one with a greater
serial. A share counts from 100 requests on. It can be interrupted and resumed: its progress is in the file of --state.`,
		Example: "  webproxy fleet rollout stable-1043.bundle --ring canary --soak 2h --then stable --stop-if 'host_not_listed > 5%'",
		Args:    cobra.ExactArgs(1),
	}
	file := fleetFlag(cmd)
	ring := cmd.Flags().String("ring", "", "first `RING` of fleet.yaml to get it (required)")
	then := cmd.Flags().StringSlice("then", nil, "further `RINGS`, in this order")
	var soak, every setting.Duration
	cmd.Flags().TextVar(&soak, "soak", setting.Duration(2*time.Hour), "how `LONG` each ring is watched")
	cmd.Flags().TextVar(&every, "every", setting.Duration(30*time.Second), "`TIME` between two checks")
	stopIf := cmd.Flags().String("stop-if", "", "stop if this `LIMIT` is exceeded at sites that have it: a reason or denied, >, requests or a share of them")
	whatIf := cmd.Flags().String("what-if", "7d", "evaluate requests of this `TIME` before; off for not at all")
	refuseIf := cmd.Flags().String("refuse-if", "newly_denied > 1%", "do not publish it if the what-if exceeds this `LIMIT` on newly_denied or newly_allowed")
	state := cmd.Flags().String("state", "", "`FILE` of what was done (default: rollout-NAME.json beside fleet.yaml)")
	cmd.MarkFlagRequired("ring")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		r := fleet.Rollout{Rings: append([]string{*ring}, *then...), Soak: time.Duration(soak), Every: time.Duration(every)}
		var err error
		if r.StopIf, err = setting.ParseLimit(*stopIf, fleet.StopNames()); err != nil {
			return usageError{fmt.Errorf("--stop-if %w", err)}
		}
		if r.RefuseIf, err = setting.ParseLimit(*refuseIf, setting.WhatIfNames()); err != nil {
			return usageError{fmt.Errorf("--refuse-if %w", err)}
		}
		var back setting.Duration
		if err := back.UnmarshalText([]byte(*whatIf)); err != nil {
			return usageError{fmt.Errorf("--what-if: %w", err)}
		}
		if soak <= 0 || every <= 0 {
			return usageError{fmt.Errorf("--soak and --every: want more than 0")}
		}
		r.WhatIf = back.Or(0)
		flags := fleetFlags{file: file}
		if r.Config, r.Client, err = flags.client(); err != nil {
			return err
		}
		data, err := smallfile.Read(args[0], bundle.MaxSize)
		if err != nil {
			return err
		}
		if r.Bundle, err = r.Config.VerifyBundle(data); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if r.State = *state; r.State == "" {
			r.State = filepath.Join(filepath.Dir(flags.path()), "rollout-"+r.Bundle.Name+".json")
		}
		r.Say = func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), "webproxy: "+audit.Printable(text)) }
		st, err := r.Run(cmd.Context())
		if err != nil {
			return err
		}
		if asJSON {
			err = writeJSON(cmd.OutOrStdout(), st)
		} else {
			err = rolloutText(cmd.OutOrStdout(), st)
		}
		if err == nil && st.Outcome != "done" {
			return noError{}
		}
		return err
	})
	toFile(cmd)
	return cmd
}

func rolloutText(w io.Writer, st *fleet.RolloutState) error {
	rows := [][]string{{"RING", "PUBLISHED (UTC)", "HAVE IT", "WAITING", "REFUSED", "SILENT", "REQUESTS"}}
	for _, r := range st.Rings {
		published := "-"
		if !r.Published.IsZero() {
			published = r.Published.UTC().Format("2006-01-02 15:04:05")
		}
		rows = append(rows, []string{r.Ring, published, fmt.Sprint(len(r.Taken)), tableCell(strings.Join(r.Waiting, ",")), fmt.Sprint(len(r.Refused)), fmt.Sprint(len(r.Silent)), wording.Comma(r.Requests)})
	}
	if err := writeTable(w, rows); err != nil {
		return err
	}
	text := fmt.Sprintf("%s: %s", st.Bundle, st.Outcome)
	if st.Why != "" {
		text += ": " + audit.Printable(st.Why)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}
