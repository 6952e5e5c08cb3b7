package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/fleet"
	"webproxy/internal/columns"
)

func newFleetQuery() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "query [EXPR]",
		Short: "Search the logs of all sites, or count by fields",
		Long: `Query prints the records of all sites that an expression matches, by time, or, with --by, counts requests by one or more
fields, as webproxy audit query does for one site: the expressions are the same, and so are the answers. What a site has
not delivered yet is not in them: stderr says which sites have been silent, and of which numbers are missing. A record that was delivered twice
counts once. Large counts are made by VictoriaLogs, from the attributes that sites sent with their records; with --lines
every line is read instead.`,
		Example: `  webproxy fleet query 'decision=deny host=*.azure.com' --since 1d --by site,host
  webproxy fleet query 'type=admin.*' --site 'oslo-*' --since 30d -o csv --out changes.csv`,
	}
	flags, win := addFleetFlags(cmd), windowFlags(cmd)
	f := addQueryFlags(cmd, "site,host")
	readLines := cmd.Flags().Bool("lines", false, "with --by: read the line of every record, also where VictoriaLogs can count by the attributes that sites sent with it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(); err != nil {
			return err
		}
		q, err := parseExpression(args)
		if err != nil {
			return err
		}
		search, err := flags.search(win, q)
		if err != nil {
			return err
		}
		_, client, err := flags.client()
		if err != nil {
			return err
		}
		client.ReadLines = *readLines
		if len(*f.by) > 0 {
			return fleetCount(cmd, client, search, &f)
		}
		return fleetRecords(cmd, client, search, &f)
	}
	toFile(cmd)
	return cmd
}

// fleetRecords prints records as they come.
func fleetRecords(cmd *cobra.Command, c *fleet.Client, s fleet.Search, f *queryFlags) error {
	w := cmd.OutOrStdout()
	p, err := newRecordPrinter(w, *f.output, 0)
	if err != nil {
		return err
	}
	row := p.print
	if *f.output == "table" {
		const site = 12 // characters, and the gap after them
		width := tableWidth(w)
		if width > 0 {
			width = max(width-site-columns.Gap, 1)
		}
		t := recordTableFor(w, width)
		row = func(r *audit.Record, _ string) error {
			_, err := fmt.Fprintf(p.out, "%-*s  %s", site, tableCell(r.Site), t.row(r))
			return err
		}
		p.out.Reset(w)
		fmt.Fprintf(p.out, "%-*s  %s", site, "SITE", t.heading())
	}
	n := 0
	stats, err := c.Records(cmd.Context(), s, func(r *fleet.Record) error {
		if err := row(&r.Record, r.Line); err != nil {
			return err
		}
		if n++; n == *f.limit {
			return fs.SkipAll
		}
		return nil
	})
	if errors.Is(err, fs.SkipAll) {
		err = nil
	}
	if closeErr := p.close(); err == nil {
		err = closeErr
	}
	sayFleetStats(cmd.ErrOrStderr(), &stats)
	if err == nil {
		sayDeliveries(cmd.Context(), cmd.ErrOrStderr(), c, s)
	}
	return err
}

func fleetCount(cmd *cobra.Command, c *fleet.Client, s fleet.Search, f *queryFlags) error {
	grouping, err := audit.ParseGrouping(*f.by)
	if err != nil {
		return usageError{fmt.Errorf("--by: %w", err)}
	}
	groups, stats, err := c.CountBy(cmd.Context(), s, grouping)
	if err != nil {
		return err
	}
	sayFleetStats(cmd.ErrOrStderr(), &stats)
	delivered := sayDeliveries(cmd.Context(), cmd.ErrOrStderr(), c, s)
	groups = largest(groups, *f.top)
	if *f.output == "json" {
		objects := make([]map[string]any, len(groups))
		for i := range groups {
			objects[i] = groupObject(grouping.Names(), &groups[i])
		}
		return writeJSON(cmd.OutOrStdout(), map[string]any{
			"groups": objects, "records": stats.Records, "counted": stats.Counted, "unreadable": stats.Unreadable, "conflicts": stats.Conflicts,
			"sites": deliveryAnswers(delivered),
		})
	}
	return writeGroups(cmd.OutOrStdout(), grouping.Names(), groups, nil, *f.output)
}
