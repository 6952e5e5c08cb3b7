package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/bundle"
	"webproxy/fleet"
	"webproxy/internal/wording"
	"webproxy/learn"
	"webproxy/policy"
)

func newFleetLearn() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "learn",
		Short: "Propose entries for the list that sites share, of what clients asked for at many sites",
		Long: `Learn makes proposals as webproxy learn does at one site, from the records of all sites: requests at many sites are better evidence
than requests at one. What the policy of --bundle allows is not proposed. Nothing is changed: add
entries to a list of the policy that bundles are made of, and review it as usual.`,
		Example: "  webproxy fleet learn --since 30d --bundle stable.bundle --min-sites 5",
		Args:    cobra.NoArgs,
	}
	flags, win := addFleetFlags(cmd), windowFlags(cmd)
	against := cmd.Flags().String("bundle", "", "bundle `FILE`: what it allows is not proposed")
	least := cmd.Flags().Int("min-sites", 2, "only what clients of at least `N` sites asked for")
	group := cmd.Flags().String("group", "", "only this client `GROUP`")
	format := cmd.Flags().StringP("output", "o", "table", "`FORMAT` of the answer: table, json, or list for lines of a list file")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := wantOutput(*format, "table", "json", "list"); err != nil {
			return err
		}
		search, err := flags.search(win, nil)
		if err != nil {
			return err
		}
		var b *bundle.Bundle
		if *against != "" {
			if b, err = bundle.ReadFile(*against); err != nil {
				return err
			}
		}
		params := learn.Params{Now: time.Now()}
		if params.Known, err = learn.OpenKnown(policy.Place{}); err != nil {
			return err
		}
		_, client, err := flags.client()
		if err != nil {
			return err
		}
		all, stats, err := client.Learn(cmd.Context(), b, search, params)
		if err != nil {
			return err
		}
		sayFleetStats(cmd.ErrOrStderr(), &stats)
		sayDeliveries(cmd.Context(), cmd.ErrOrStderr(), client, search)
		kept := []fleet.Proposal{}
		for _, p := range all {
			if len(p.Sites) >= *least && (*group == "" || p.Group == *group) {
				kept = append(kept, p)
			}
		}
		if len(kept) == 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "webproxy: nothing to propose from %s: what fewer than %d sites requested is left out (--min-sites), and what looks like noise or was not resolved; webproxy learn export -o json at a site says why\n",
				wording.Amount(stats.Records, "record"), *least)
		}
		return writeFleetProposals(cmd.OutOrStdout(), kept, *format)
	}
	toFile(cmd)
	return cmd
}

func writeFleetProposals(w io.Writer, all []fleet.Proposal, format string) error {
	switch format {
	case "json":
		objects := make([]map[string]any, len(all))
		for i, p := range all {
			objects[i] = map[string]any{"entry": p.Entry, "group": p.Group, "kind": p.Kind, "sites": p.Sites, "requests": p.Hits,
				"clients": p.Clients, "days": p.Days, "first": p.First.UTC(), "last": p.Last.UTC(), "concerns": append([]string{}, p.Concerns...)}
		}
		return writeJSON(w, objects)
	case "list":
		for _, p := range all {
			fmt.Fprintf(w, "# %d sites, %d clients, %d days, group %s, %s\n%s reason=TICKET\n", len(p.Sites), p.Clients, p.Days, tableCell(p.Group),
				tableCell(strings.Join(p.Concerns, "; ")), p.Entry)
		}
		return nil
	}
	rows := [][]string{{"ENTRY", "GROUP", "KIND", "SITES", "CLIENTS", "DAYS", "REQUESTS", "LOOK AT"}}
	for _, p := range all {
		rows = append(rows, []string{tableCell(p.Entry), tableCell(p.Group), string(p.Kind), fmt.Sprint(len(p.Sites)), fmt.Sprint(p.Clients), fmt.Sprint(p.Days),
			wording.Comma(p.Hits), tableCell(strings.Join(p.Concerns, "; "))})
	}
	return writeTable(w, rows, "DAYS", "KIND", "CLIENTS")
}
