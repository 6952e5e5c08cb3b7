package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/fleet"
	"webproxy/internal/setting"
	"webproxy/internal/wording"
)

func newFleetStatus() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how each site is: last record, policy, bundle, mode, denials, checkpoint",
		Long: `Status shows for each site, from its records, when it last delivered, its policy and bundle, the modes of its client
groups, how many requests it denied in the last hour, and the age of its last signed checkpoint. The last column has
deviations: a bundle that is not the newest, or not the one published for its ring; a bundle it
refuses; silence; no checkpoint. With --drift only sites with deviations are printed, and exit code 4 means that there are some.`,
		Example: "  webproxy fleet status --drift",
		Args:    cobra.NoArgs,
	}
	flags := addFleetFlags(cmd)
	since := cmd.Flags().String("since", "30d", "sites that delivered nothing since this `TIME` are not known")
	silent := cmd.Flags().String("silent", "15m", "a site that delivered nothing for this `TIME` is odd")
	onlyDrift := cmd.Flags().Bool("drift", false, "only odd sites; exit code 4 if there are some")
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		now := time.Now().UTC()
		o := fleet.StatusOptions{Sites: *flags.sites, Now: now}
		var err error
		if o.Since, err = parseWhen("since", *since, now); err != nil {
			return err
		}
		var quiet setting.Duration
		if err := quiet.UnmarshalText([]byte(*silent)); err != nil || quiet == setting.Off {
			return usageError{fmt.Errorf("--silent %q: want a length of time such as 15m", *silent)}
		}
		o.Silent = time.Duration(quiet)
		cfg, client, err := flags.client()
		if err != nil {
			return err
		}
		o.Rings = cfg.Rings
		if o.Published, err = fleet.Published(cfg); err != nil {
			return err
		}
		sites, err := client.Status(cmd.Context(), o)
		if err != nil {
			return err
		}
		shown, odd := []*fleet.SiteStatus{}, 0
		for _, s := range sites {
			if len(s.Drift) > 0 {
				odd++
			}
			if len(s.Drift) > 0 || !*onlyDrift {
				shown = append(shown, s)
			}
		}
		if asJSON {
			err = writeJSON(cmd.OutOrStdout(), map[string]any{"at": now, "known": len(sites), "odd": odd, "sites": shown})
		} else {
			err = fleetStatusTable(cmd.OutOrStdout(), shown, len(sites), odd, now)
		}
		if err == nil && *onlyDrift && odd > 0 {
			return noError{}
		}
		return err
	})
	toFile(cmd)
	return cmd
}

func fleetStatusTable(w io.Writer, sites []*fleet.SiteStatus, known, odd int, now time.Time) error {
	rows := [][]string{{"SITE", "LAST", "SEQ", "BUNDLE", "POLICY", "MODE", "DENIED/H", "CHECKPOINT", "ODD"}}
	for _, s := range sites {
		named, checkpoint := "", ""
		if s.Bundle != "" {
			named = fmt.Sprintf("%s-%d", s.Bundle, s.Serial)
		}
		if !s.Checkpoint.IsZero() {
			checkpoint = fleet.Age(now.Sub(s.Checkpoint))
		}
		rows = append(rows, []string{tableCell(s.Site), fleet.Age(now.Sub(s.Last)), fmt.Sprint(s.Seq), tableCell(named), tableCell(s.ShortPolicy()),
			tableCell(strings.Join(s.Modes, ",")), wording.Comma(s.Denied), tableCell(checkpoint), tableCell(strings.Join(s.Drift, "; "))})
	}
	if err := writeTable(w, rows, "SEQ", "POLICY", "MODE", "CHECKPOINT"); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d sites, %d odd\n", known, odd)
	return err
}
