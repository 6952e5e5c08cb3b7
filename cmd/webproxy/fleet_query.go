package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/fleet"
	"webproxy/internal/atomicfile"
)

func newFleetQuery() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "query [EXPR]",
		Short: "Search the logs of all sites, or count by fields",
		Long: `Query prints the records of all sites that an expression matches, by time, or, with --by, counts requests by one or more
fields, as webproxy audit query does for one site: the expressions are the same, and so are the answers. What a site has
not delivered yet is not in them; webproxy fleet status says how far each is. A record that was delivered twice
counts once.`,
		Example: `  webproxy fleet query 'decision=deny host=*.azure.com' --since 1d --by site,host
  webproxy fleet query 'type=admin.*' --site 'oslo-*' --since 30d -o csv --out changes.csv`,
	}
	flags, win := addFleetFlags(cmd), windowFlags(cmd)
	output := cmd.Flags().StringP("output", "o", "table", "`FORMAT` of the answer: table, json, csv or ndjson")
	by := cmd.Flags().StringSlice("by", nil, "count by these `FIELDS`, such as site,host; also day and hour")
	top := cmd.Flags().Int("top", 0, "with --by: only the `N` largest counts")
	limit := cmd.Flags().Int("limit", 0, "print at most `N` records, the oldest")
	out := outFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := wantOutput(*output, "table", "json", "csv", "ndjson"); err != nil {
			return err
		}
		if *top < 0 || *limit < 0 || *top > 0 && len(*by) == 0 || *limit > 0 && len(*by) > 0 {
			return usageError{fmt.Errorf("--top N goes with --by, --limit N goes without")}
		}
		q, err := parseExpression(args)
		if err != nil {
			return usageError{err}
		}
		search, err := flags.search(win, q)
		if err != nil {
			return err
		}
		_, client, err := flags.client()
		if err != nil {
			return err
		}
		if len(*by) > 0 {
			return fleetCount(cmd, client, search, *by, *top, *output, *out)
		}
		return toOut(cmd, *out, func(w io.Writer) error { return fleetRecords(cmd, w, client, search, *limit, *output) })
	}
	return cmd
}

// toOut writes an answer of any length, by write, to the file that --out names, or else to standard output. The file has the
// whole answer or is not there.
func toOut(cmd *cobra.Command, out string, write func(io.Writer) error) error {
	if out == "" {
		return write(cmd.OutOrStdout())
	}
	if err := atomicfile.WriteFrom(out, 0o644, write); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s\n", out)
	return nil
}

// fleetRecords prints records as they come.
func fleetRecords(cmd *cobra.Command, w io.Writer, c *fleet.Client, s fleet.Search, limit int, format string) error {
	p, err := newRecordPrinter(w, format, 0)
	if err != nil {
		return err
	}
	row := p.print
	if format == "table" {
		t := recordTableFor(0)
		row = func(r *audit.Record, _ string) error {
			_, err := fmt.Fprintf(p.out, "%-12s  %s", tableCell(r.Site), t.row(r))
			return err
		}
		p.out.Reset(w)
		fmt.Fprintf(p.out, "%-12s  %s", "SITE", t.heading())
	}
	n := 0
	stats, err := c.Records(cmd.Context(), s, func(r *fleet.Record) error {
		if err := row(&r.Record, r.Line); err != nil {
			return err
		}
		if n++; n == limit {
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
	return err
}

func fleetCount(cmd *cobra.Command, c *fleet.Client, s fleet.Search, by []string, top int, format, out string) error {
	grouping, err := audit.ParseGrouping(by)
	if err != nil {
		return usageError{fmt.Errorf("--by: %w", err)}
	}
	groups, stats, err := c.CountBy(cmd.Context(), s, grouping)
	if err != nil {
		return err
	}
	sayFleetStats(cmd.ErrOrStderr(), &stats)
	if top > 0 {
		groups = groups[:min(top, len(groups))]
	}
	var answer bytes.Buffer
	if format == "json" {
		objects := make([]map[string]any, len(groups))
		for i := range groups {
			objects[i] = groupObject(grouping.Names(), &groups[i])
		}
		err = writeJSON(&answer, map[string]any{
			"groups": objects, "records": stats.Records, "unreadable": stats.Unreadable, "conflicts": stats.Conflicts,
		})
	} else {
		err = writeGroups(&answer, grouping.Names(), groups, nil, format)
	}
	if err != nil {
		return err
	}
	return writeOut(cmd, out, answer.Bytes())
}
